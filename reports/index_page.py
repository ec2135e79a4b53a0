"""The first page, `reports/index.md`: what has been run and what came of it, at a glance."""

from collections.abc import Mapping, Sequence

from lightning_modules.data.catalogue import DATASETS
from reports import ledger, markdown
from reports.claims import judge_exact, judge_trained
from reports.counts import Counts
from reports.results import Results
from sweeps import study as studies
from sweeps.study import Study

WITHOUT_TRAINING = """## What needs no training

- [The papers' tables](tables.md) as they print them, ours under every row.
- [Every printed count, counted again](complexity.md): parameters, multiply-adds, sizes and layers of every paper.
- [The papers' architecture tables](architectures.md), made from the networks."""


def files(
    collated: Mapping[str, tuple[Study, list[Results], Counts]], warnings: Sequence[str]
) -> dict[str, bytes]:
    """The index, by its path below `reports/`; `collated` maps a study's name to all that is known of it."""
    page = markdown.page(
        "# Results",
        "The studies of this project: printed figures beside ours, a verdict on every claim, and every "
        "figure traceable to its runs.",
        "## Studies",
        _studies(collated),
        "Runs done of runs declared. Only the budget `paper` follows the printed recipe to its end; `short` "
        "and `smoke` cut it, and their figures stand in tables of their own.",
        "## Claims",
        _claims(collated),
        "A trained claim is *reproduced* if every comparison it makes is significant over the seeds "
        "(one-sided Welch test at 5 %, Holm-corrected over the study's comparisons), *contradicted* if one "
        "is significant the other way or a count disagrees, and *inconclusive* otherwise.",
        WITHOUT_TRAINING,
        _left_out(warnings),
        "## How to regenerate\n\n```sh\n"
        "python -m reports            # all pages and figures from the records\n"
        "python -m reports --check    # is what is committed up to date?\n```",
    )
    return {"index.md": page.encode()}


def _studies(collated: Mapping[str, tuple[Study, list[Results], Counts]]) -> str:
    rows = []
    for study, results, _ in collated.values():
        done = {result.budget: f"{len(result.records)}/{result.wanted}" for result in results}
        row = (done.get(budget, "—") for budget in studies.BUDGETS)
        rows.append([f"[{study.title}]({study.name}.md)", *row])
    return markdown.table(("study", *studies.BUDGETS), rows, right=studies.BUDGETS)


def _claims(collated: Mapping[str, tuple[Study, list[Results], Counts]]) -> str:
    rows = []
    for study, results, counts in collated.values():
        link = f"[{study.name}]({study.name}.md)"
        for claim in study.claims:
            if "exact" in ledger.find(claim.id).kinds:
                rows.append([f"`{claim.id}`", link, "—", "—", judge_exact(claim.id).word])
        for result in results:
            for dataset in study.datasets:
                for verdict in judge_trained(result, dataset, counts):
                    place = (result.budget, DATASETS[dataset].title)
                    rows.append([f"`{verdict.claim.id}`", link, *place, verdict.word])
    return markdown.table(("claim", "study", "budget", "data set", "verdict"), rows)


def _left_out(warnings: Sequence[str]) -> str:
    return f"## Records left out\n\n{markdown.bullets(warnings)}" if warnings else ""
