"""The page `reports/figures.md`: every picture there is, with its caption and its data."""

from collections.abc import Mapping, Sequence

from reports import plots
from reports.pages import experiments, markdown
from reports.plots import Picture, families
from reports.verdicts.by_claim import Collated
from reports.verdicts.counts import Counts
from reports.verdicts.findings import Finding
from reports.verdicts.results import Results
from sweeps.study import Study

HOW_TO_READ = (
    "Every picture is drawn from committed records and lies beside its points, as CSV. Nothing is told by colour "
    "alone. Pictures of different budgets show different trainings, and their errors don't compare; only the budget "
    "`paper` follows the printed recipes to their end."
)


def files(collated: Collated, findings: Mapping[str, Sequence[Finding]]) -> dict[str, bytes]:
    """Make the page and the pictures over all studies, by path below `reports/`; the others belong to other pages."""
    overall = families.pictures((results, counts) for _, results, counts in collated.values())
    sections = [
        _section(f"[{study.title}](studies/{study.name}.md)", _of(study, results, counts))
        for study, results, counts in collated.values()
    ]
    sections.append(_section("[Experiments](experiments.md)", experiments.pictures(findings)))
    page = markdown.page(
        "# All figures",
        HOW_TO_READ,
        "## Error against cost, over all families",
        "\n\n".join(picture.markdown() for picture in overall) or "No two networks have been run yet.",
        *sections,
    )
    made = {"figures.md": page.encode()}
    for picture in overall:
        made |= picture.files()
    return made


def _of(study: Study, results: list[Results], counts: Counts) -> list[Picture]:
    return [
        picture
        for result in results
        for dataset in study.datasets
        for picture in plots.of_study(result, dataset, counts)
    ]


def _section(title: str, pictures: list[Picture]) -> str:
    if not pictures:
        return ""
    rows = [
        [
            f'<a href="{picture.path}"><img src="{picture.path}" width="380" alt="{picture.alt}"></a>',
            f"{picture.alt}. {picture.caption} [The points]({picture.data_path}).",
        ]
        for picture in pictures
    ]
    return f"## {title}\n\n{markdown.table(('picture', 'what it shows'), rows)}"
