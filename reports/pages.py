"""All generated files from records, studies, printed figures and networks: a pure function, nothing is written."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from reports import (
    architectures_page,
    claims_page,
    complexity_page,
    counts,
    experiments_page,
    figures_page,
    index_page,
    markdown,
    paper_tables_page,
    results,
    standing,
    study_page,
)
from reports.findings import Finding
from reports.records import Record
from sweeps import study as studies


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
    judged = standing.judge(collated)
    standings = standing.of_all(collated, judged, found)
    made = index_page.files(collated, standings, warnings) | claims_page.files(standings)
    for name, (study, budgets, counted) in collated.items():
        if not only or name in only:
            made |= study_page.files(study, budgets, counted, judged, standings)
    if not only:
        made |= complexity_page.files() | architectures_page.files() | figures_page.files(collated, found)
        made |= paper_tables_page.files((study, budgets) for study, budgets, _ in collated.values())
        made |= experiments_page.files(found)
    return made


def leftovers(folder: Path, made: dict[str, bytes]) -> list[str]:
    """Generated files of an earlier run, by path below `folder`, that nothing makes any more."""
    pages = [path for path in folder.glob("*.md") if path.read_text("utf-8").startswith(markdown.GENERATED)]
    found = [*pages, *folder.glob("figures/*.png"), *folder.glob("figures/*.csv")]
    return sorted(name for path in found if (name := path.relative_to(folder).as_posix()) not in made)
