"""`python -m reports find CLAIM …`: make experiments on this machine and keep what they find."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from architectures.spelling import did_you_mean
from lightning_modules import provenance
from lightning_modules.execution.machine import describe
from reports.verdicts import experiments, findings
from reports.verdicts.experiments import CannotExperiment, Outcome, Setup
from reports.verdicts.findings import Finding


def find(claims: Sequence[str], setup: Setup, folder: Path = findings.FOLDER) -> Iterator[str]:
    """Make the experiments of these claims, or without any of all; a line on each as it ends.

    One that can't be made here is passed over. Raises ValueError, before any is made, for a claim without one.
    """
    known = experiments.registered()
    for claim in claims:
        if claim not in known:
            raise ValueError(f"no experiment decides the claim {claim!r}{did_you_mean(claim, known)}")
    git = provenance.git_state()  # before the first finding is written, which is a change of a committed file
    for claim in claims or known:
        begun = time.monotonic()
        try:
            outcome = known[claim](setup)
        except CannotExperiment as error:
            yield f"{claim}: not made, {error}"
            continue
        path = findings.write(_finding(claim, outcome, setup, git), folder)
        word = {True: "holds", False: "doesn't hold", None: "undecided"}[outcome.holds]
        yield f"{claim}: {word} ({time.monotonic() - begun:.0f} s), kept in {folder.name}/{path.name}"


def _finding(claim: str, outcome: Outcome, setup: Setup, git: dict) -> Finding:
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
    )
