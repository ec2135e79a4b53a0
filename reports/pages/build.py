"""All generated files from records, studies, printed figures and networks: a pure function, nothing is written."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from lightning_modules.record import Record
from reports.pages import (
    architectures,
    claims,
    complexity,
    experiments,
    figures,
    index,
    markdown,
    paper_tables,
    programme,
)
from reports.pages import study as study_page
from reports.verdicts import by_claim, counts, ledger
from reports.verdicts.counts import Counts
from reports.verdicts.findings import Finding, without_others
from reports.verdicts.results import Results, collate
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
    judged = by_claim.judge(collated)
    verdicts = by_claim.of_claims(ledger.entries(), collated, judged, without_others(findings))
    files = index.files(collated, verdicts, records, warnings)
    files |= claims.files(verdicts, [study for study, _, _ in collated.values()], findings)
    for study, results, variant_counts in tqdm(collated.values(), unit="study", leave=False, disable=None):
        files |= study_page.files(study, results, variant_counts, judged, verdicts, records, repeats)
    files |= complexity.files() | architectures.files() | figures.files(collated, findings)
    files |= paper_tables.files((study, results) for study, results, _ in collated.values())
    files |= experiments.files(findings) | programme.files(records)
    return _linked(files)


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
