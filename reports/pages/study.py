"""The page of one study, `reports/studies/<study>.md`, and its figures."""

from collections.abc import Mapping, Sequence

from architectures.spelling import number_of
from lightning_modules.data.catalogue import DATASETS
from lightning_modules.record import Record
from reports import plots
from reports.pages import answer, cost, differences, markdown, paper_tables, provenance, repeats, tables
from reports.pages import rows as row_by_row
from reports.pages.claims import linked
from reports.verdicts import by_claim, ledger, others
from reports.verdicts.by_claim import ClaimVerdict, Judged
from reports.verdicts.counts import Counts
from reports.verdicts.results import Results
from reports.verdicts.trained import Verdict, judge_exact
from sweeps import to_wandb
from sweeps.claim import Claim
from sweeps.study import Study

MEANING = {
    "paper": "The recipe as printed: only figures of this budget can be held against the printed ones.",
    "short": "A compressed schedule: these figures compare with each other, not with the printed ones.",
    "mini": "The whole data set for 8 epochs, the schedule compressed: these figures compare with each other, not with "
    "the printed ones.",
    "smoke": "It shows that the path works; no claim is judged by it.",
}

TRANSFER = (
    "**A transfer**: the paper has no figures on this data set. Ours show whether the effect is there too, not "
    "whether the printed figures hold."
)


def files(
    study: Study,
    results: list[Results],
    counts: Counts,
    judged: Judged,
    verdicts: Mapping[str, Sequence[ClaimVerdict]],
    records: Sequence[Record],
    repeated: Sequence[Record],
) -> dict[str, bytes]:
    """Make all files of the study's page, by path below `reports/`.

    judged, verdicts, records, and those of the same runs on other machines: of all studies and claims.
    """
    made: dict[str, bytes] = {}
    sections = [_budget(result, counts, judged, made) for result in results]
    exact = [judge_exact(claim.id) for claim in study.claims if "exact" in ledger.find(claim.id).kinds]
    page = markdown.page(
        f"# {study.title}",
        f"**{study.question}**",
        answer.of_study(results, counts, judged, records),
        f"{study.paper}. {study.source}.".replace("..", "."),
        paper_tables.link(study),
        *sections,
        "## Claims checked without training\n\n" + _verdicts(exact) if exact else "",
        _others(study, verdicts),
        _by_others(study),
        _reproduce(study, results),
        "## Departures\n\n" + markdown.bullets(study.departures) if study.departures else "",
        provenance.section(results),
        repeats.section(results, repeated),
    )
    return {f"studies/{study.name}.md": page.encode(), **made}


def _reproduce(study: Study, results: list[Results]) -> str:
    local = "\n".join(f"uv run -m sweeps.local {study.name} --budget {result.budget}" for result in results)
    if study.stand_ins:
        local += (
            f"\nuv run -m sweeps.local {study.name} --datasets {to_wandb.STAND_IN}   # in ImageNet's place"
        )
    sweeps = "\n".join(f"uv run wandb sweep sweeps/{name}.yaml" for name in to_wandb.sweeps_of(study))
    return f"""## How to reproduce

All missing runs on this machine, or the same runs shared out by W&B:

```sh
{local}
{sweeps}
```

One run: its command stands in its row. A record is the line of its file that has the run's id, with the
whole configuration, the curve and the machine.

{row_by_row.section(study, results)}

`uv run -m reports collect` takes the finished runs into `reports/records/`, and `uv run -m reports`
makes this page from them. Errors are those of the last epoch on the test set, in per cent: mean ± 95 %
t-interval over seeds, with the number of runs in brackets; `(2/3)` marks a row with runs still missing."""


def _budget(results: Results, counts: Counts, judged: Judged, made: dict[str, bytes]) -> str:
    parts = [f"## Budget: {results.budget}", _spent(results), MEANING[results.budget]]
    for dataset in results.study.datasets:
        parts.append(f"### {DATASETS[dataset].title}")
        if dataset in results.study.transfers:
            parts.append(TRANSFER)
        parts.append(provenance.unlike_devices(results, dataset))
        pictures = plots.of_study(results, dataset, counts)
        for picture in pictures:
            made |= picture.files()
        parts += [picture.markdown() for picture in pictures if picture.name.endswith(plots.FOREST)]
        if results.budget != "smoke" and (compared := differences.section(results, dataset)):
            parts += ["#### Differences", compared]
        for declared in results.study.tables_on(dataset):
            parts.append(f"#### {declared.title}")
            parts.append(tables.table(results, dataset, declared, counts))
        parts += [picture.markdown() for picture in pictures if not picture.name.endswith(plots.FOREST)]
        verdicts = judged.get((results.study.name, results.budget, dataset))
        if verdicts:
            parts.append(f"#### Claims on {DATASETS[dataset].title}")
            parts.append(_verdicts(verdicts))
    return "\n\n".join(filter(None, parts))


def _spent(results: Results) -> str:
    records = results.records
    if not records:
        return f"Not run yet: 0 of {results.declared} runs."
    done = f"{len(records)} of {results.declared} runs done"
    text = f"Each run: {cost.per_run(records)}. {done}, {cost.in_all(records)}."
    if never := sum(record.did_not_start for record in records):
        text += f" {number_of(never, 'run')} of them [did not start](../glossary.md#did-not-start)."
    return text


def _verdicts(verdicts: Sequence[Verdict]) -> str:
    rows = [
        [
            f"`{verdict.claim.id}`",
            _sentence(verdict.claim),
            f"**{verdict.word}**",
            "<br>".join(verdict.evidence),
        ]
        for verdict in verdicts
    ]
    return markdown.table(("claim", "sentence", "verdict", "evidence"), rows)


def _sentence(claim: Claim) -> str:
    entry = ledger.find(claim.id)
    return " ".join(filter(None, [f"{entry.sentence} ({entry.source})", claim.tested]))


def _by_others(study: Study) -> str:
    """What other people found of the study's comparisons of test errors; empty if nothing."""
    rows = []
    for dataset in study.datasets:
        asked = dict.fromkeys(
            (test.lower, test.higher)
            for claim in study.claims
            for test in claim.comparisons
            if test.measure == "test_error" and test.times == 1 and test.is_on(dataset)
        )
        for lower, higher in asked:
            votes = others.poll(study.name, lower, higher, dataset)
            if str(votes):
                differences = ", ".join(
                    f"{pair.difference:+.2f}{'' if pair.counted else '*'} ({pair.source})".replace(
                        "-", "−", 1
                    )
                    for pair in votes.pairs.itertuples()
                )
                where = f"`{lower}` less `{higher}`, {DATASETS[dataset].title}"
                rows.append([where, str(votes).removeprefix("others: "), differences])
    if not rows:
        return ""
    return (
        "## By others\n\n"
        "What independent people published after training the same networks, for and against that the first has the lower "
        "error. It stands beside the verdicts and never changes one: single runs, mostly of the best epoch. * not "
        "counted: analogous networks, doubtful sources, or the papers' own authors.\n\n"
        + markdown.table(("comparison", "votes", "differences, points (source)"), rows)
    )


def _others(study: Study, verdicts: Mapping[str, Sequence[ClaimVerdict]]) -> str:
    """Claims that belong here and are decided elsewhere, by an experiment or not at all."""
    elsewhere = [
        f"{linked(claim.id)} ({', '.join(entry.kinds)}), {by_claim.summary(verdicts[claim.id])}: "
        f"{entry.sentence} ({entry.source})"
        for claim in study.claims
        if not claim.tests and "exact" not in (entry := ledger.find(claim.id)).kinds
    ]
    return "## Claims decided elsewhere\n\n" + markdown.bullets(elsewhere) if elsewhere else ""
