"""All generated files from records, studies, printed figures and networks: a pure function, nothing is written."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning_modules.record import Record
from lightning_modules.steps import Steps
from reports.pages import (
    architectures,
    claims,
    complexity,
    experiments,
    figures,
    glossary,
    index,
    markdown,
    paper_tables,
    programme,
)
from reports.pages import study as study_page
from reports.verdicts import by_claim, counts, ledger
from reports.verdicts.by_claim import ClaimVerdict, Collated
from reports.verdicts.counts import Counts
from reports.verdicts.findings import Finding, without_others
from reports.verdicts.results import Results, as_run, collate
from reports.verdicts.trained import Verdict
from sweeps import study as studies
from sweeps.study import Study

LINK = re.compile(rb"\]\((?!https?:|#|\.\./)([^)\s])")


def make(
    records: Sequence[Record],
    findings: Mapping[str, Sequence[Finding]],
    warnings: Sequence[str],
    repeats: Sequence[Record] = (),
) -> dict[str, bytes]:
    """Make all pages and pictures, by path below `reports/`.

    findings: by claim. warnings: records and findings left out, a line each. repeats: of the records' runs, on other
    machines.
    """
    collated = {name: _collate(studies.read(name), records) for name in studies.names()}
    entries = ledger.entries()
    judged: dict[tuple[str, str, str], Sequence[Verdict]] = {}
    files: dict[str, bytes] = {}
    with Steps(len(entries) + 2 * len(collated) + len(OVERVIEWS), "of the pages made") as steps:
        for name in steps.each(collated):
            judged |= by_claim.judge({name: collated[name]})
        verdicts = by_claim.of_claims(steps.each(entries), collated, judged, without_others(findings))
        for study, results, variant_counts in steps.each(collated.values(), lambda row: row[0].name):
            files |= study_page.files(study, results, variant_counts, judged, verdicts, records, repeats)
        for name in steps.each(OVERVIEWS):
            files |= OVERVIEWS[name](All(collated, verdicts, records, findings, warnings))
    return _linked(files)


@dataclass(frozen=True)
class All:
    """What the pages over all studies are made from; verdicts and findings by claim."""

    collated: Collated
    verdicts: Mapping[str, Sequence[ClaimVerdict]]
    records: Sequence[Record]
    findings: Mapping[str, Sequence[Finding]]
    warnings: Sequence[str]

    @property
    def studies(self) -> list[Study]:
        return [study for study, _, _ in self.collated.values()]


OVERVIEWS: Mapping[str, Callable[[All], dict[str, bytes]]] = {
    "results": lambda all: index.files(all.collated, all.verdicts, all.records, all.warnings),
    "claims": lambda all: claims.files(all.verdicts, all.studies, all.findings),
    "printed counts": lambda _: complexity.files(),
    "glossary": lambda _: glossary.files(),
    "architectures": lambda _: architectures.files(),
    "figures": lambda all: figures.files(all.collated, all.findings),
    "tables": lambda all: paper_tables.files((study, results) for study, results, _ in all.collated.values()),
    "experiments": lambda all: experiments.files(all.findings),
    "programme": lambda all: programme.files(all.records),
}


def make_study(
    name: str,
    records: Sequence[Record],
    findings: Mapping[str, Sequence[Finding]],
    repeats: Sequence[Record] = (),
) -> dict[str, bytes]:
    """Make the page of one study and its pictures, with as little of the other studies as the page shows."""
    study = studies.read(name)
    collated = {other.name: _collate(other, records) for other in (study, *_tested_elsewhere(study))}
    judged = by_claim.judge(collated)
    claims_of_study = (claim.id for claim in study.claims)
    verdicts = by_claim.of_claims(claims_of_study, collated, judged, without_others(findings))
    _, results, variant_counts = collated[name]
    return _linked(study_page.files(study, results, variant_counts, judged, verdicts, records, repeats))


def _collate(study: Study, records: Sequence[Record]) -> tuple[Study, list[Results], Counts]:
    study = as_run(study, records)
    return study, collate(study, records), counts.VariantCounts(study)


def _tested_elsewhere(study: Study) -> list[Study]:
    """The other studies whose trainings decide claims that this one shows and doesn't test."""
    untested = {
        claim.id for claim in study.claims if not claim.tests and "trained" in ledger.find(claim.id).kinds
    }
    others = [studies.read(name) for name in studies.names() if name != study.name] if untested else []
    return [other for other in others if any(claim.tests and claim.id in untested for claim in other.claims)]


def _linked(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name: _from_its_folder(name, content) for name, content in files.items()}


def _from_its_folder(name: str, content: bytes) -> bytes:
    """Rewrite a page's links, which are all written from `reports/`, for its own folder."""
    if "/" not in name or not name.endswith(".md"):
        return content
    return LINK.sub(rb"](../\1", content)


def leftovers(folder: Path, files: Mapping[str, bytes]) -> list[str]:
    """Return the generated files of an earlier run, by path below `folder`, that nothing makes any more."""
    pages = [path for path in folder.rglob("*.md") if path.read_text("utf-8").startswith(markdown.GENERATED)]
    generated = [*pages, *folder.glob("figures/*.png"), *folder.glob("figures/*.csv")]
    return sorted(name for path in generated if (name := path.relative_to(folder).as_posix()) not in files)
