"""`uv run -m reports find CLAIM …`: make experiments on this machine and keep what they find."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from architectures.spelling import did_you_mean
from lightning_modules import provenance
from lightning_modules.execution.machine import describe
from lightning_modules.steps import Steps
from reports.verdicts import experiments, findings
from reports.verdicts.experiments import CannotExperiment, Outcome, Setup
from reports.verdicts.findings import Finding


def find(claims: Sequence[str], setup: Setup, folder: Path = findings.FOLDER) -> Iterator[str]:
    """Make the experiments of these claims, or without any of all; a line on each as it ends.

    One that can't be made here is passed over. Raises ValueError, before any is made, for a claim without one.
    """
    ours, on_published = experiments.registered(), experiments.registered(by_others=True)
    known = [*ours, *(claim for claim in on_published if claim not in ours)]
    for claim in claims:
        if claim not in known:
            raise ValueError(f"no experiment decides the claim {claim!r}{did_you_mean(claim, known)}")
    jobs = [
        (claim, by_others, registry[claim])
        for claim in claims or known
        for by_others, registry in ((False, ours), (True, on_published))
        if claim in registry
    ]
    git = provenance.git_state()  # before the first finding is written, which is a change of a committed file
    with Steps(len(jobs), "of the experiments made", long=True) as steps:
        for claim, by_others, make in steps.each(jobs, _title):
            begun, name = time.monotonic(), _title((claim, by_others, make))
            try:
                outcome = make(setup)
            except CannotExperiment as error:
                yield f"{name}: not made, {error}"
                continue
            path = findings.write(_finding(claim, by_others, outcome, setup, git), folder)
            word = findings.WORDS[outcome.holds]
            yield f"{name}: {word} ({time.monotonic() - begun:.0f} s), kept in {folder.name}/{path.name}"


def _title(job: tuple[str, bool, Callable[[Setup], Outcome]]) -> str:
    claim, by_others, _ = job
    return f"{claim}, {findings.BY_OTHERS}" if by_others else claim


def _finding(claim: str, by_others: bool, outcome: Outcome, setup: Setup, git: dict) -> Finding:
    machine = describe(setup.device, 1, 1, "32-true")
    return Finding(
        claim=claim,
        holds=outcome.holds,
        evidence=outcome.evidence,
        data=outcome.data,
        runs=outcome.runs,
        machine={name: machine[name] for name in ("device", "kind", "threads")},
        versions=provenance.versions(),
        git=git,
        finished=provenance.now(),
        by_others=by_others,
    )
