"""All generated files from records, studies, printed figures and networks: a pure function, nothing is written."""

from collections.abc import Sequence
from pathlib import Path

from reports import (
    architectures_page,
    complexity_page,
    counts,
    index_page,
    markdown,
    paper_tables_page,
    results,
    study_page,
)
from reports.records import Record
from sweeps import study as studies


def make(records: Sequence[Record], warnings: Sequence[str], only: Sequence[str] = ()) -> dict[str, bytes]:
    """The index, and the pages of the studies named in `only` or, without names, all pages there are.

    By path below `reports/`.
    """
    collated = {}
    for name in studies.names():
        study = studies.read(name)
        collated[name] = (study, results.collate(study, records), counts.count_variants(study))
    made = index_page.files(collated, warnings)
    for name, (study, budgets, counted) in collated.items():
        if not only or name in only:
            made |= study_page.files(study, budgets, counted)
    if not only:
        made |= complexity_page.files() | architectures_page.files()
        made |= paper_tables_page.files((study, budgets) for study, budgets, _ in collated.values())
    return made


def leftovers(folder: Path, made: dict[str, bytes]) -> list[str]:
    """Generated files of an earlier run, by path below `folder`, that nothing makes any more."""
    pages = [path for path in folder.glob("*.md") if path.read_text("utf-8").startswith(markdown.GENERATED)]
    found = [*pages, *folder.glob("figures/*.png")]
    return sorted(name for path in found if (name := path.relative_to(folder).as_posix()) not in made)
