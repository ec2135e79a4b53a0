"""All generated files from records, studies, printed figures and networks: a pure function, nothing is written."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

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
from reports.verdicts import by_claim, counts, results
from reports.verdicts.findings import Finding
from sweeps import study as studies

LINK = re.compile(rb"\]\((?!https?:|#|\.\./)([^)\s])")


def make(
    records: Sequence[Record],
    found: Mapping[str, Sequence[Finding]],
    warnings: Sequence[str],
    only: Sequence[str] = (),
) -> dict[str, bytes]:
    """The pages of all claims, and those of the studies named in `only` or, without names, all pages there are.

    found: findings by claim; warnings: records and findings left out. By path below `reports/`.
    """
    collated = {}
    for name in studies.names():
        study = studies.read(name)
        collated[name] = (study, results.collate(study, records), counts.count_variants(study))
    judged = by_claim.judge(collated)
    verdicts = by_claim.of_all(collated, judged, found)
    made = index.files(collated, verdicts, records, warnings) | claims.files(verdicts)
    for name, (study, budgets, counted) in collated.items():
        if not only or name in only:
            made |= study_page.files(study, budgets, counted, judged, verdicts)
    if not only:
        made |= complexity.files() | architectures.files() | figures.files(collated, found)
        made |= paper_tables.files((study, budgets) for study, budgets, _ in collated.values())
        made |= experiments.files(found) | programme.files(records)
    return {name: _from_its_folder(name, content) for name, content in made.items()}


def _from_its_folder(name: str, content: bytes) -> bytes:
    """A page's links, which are all written from `reports/`, as its own folder has them; other files as they are."""
    if "/" not in name or not name.endswith(".md"):
        return content
    return LINK.sub(rb"](../\1", content)


def leftovers(folder: Path, made: dict[str, bytes]) -> list[str]:
    """Generated files of an earlier run, by path below `folder`, that nothing makes any more."""
    pages = [path for path in folder.rglob("*.md") if path.read_text("utf-8").startswith(markdown.GENERATED)]
    generated = [*pages, *folder.glob("figures/*.png"), *folder.glob("figures/*.csv")]
    return sorted(name for path in generated if (name := path.relative_to(folder).as_posix()) not in made)
