"""The answer to a study's question, as far as there is one: the first thing that its page says."""

from collections import Counter
from collections.abc import Iterable, Sequence

from lightning_modules.data.catalogue import DATASETS
from lightning_modules.record import Record
from reports.pages import cost, markdown
from reports.pages.differences import before_the_runs, by_others, in_words
from reports.pages.tables import millions
from reports.verdicts import differences
from reports.verdicts.by_claim import Judged
from reports.verdicts.counts import Counts
from reports.verdicts.differences import Difference, signed
from reports.verdicts.results import Results
from sweeps.claim import variants_of
from sweeps.study import Study

CHEAPEST = "mini"  # the least budget at which claims are judged
SHOWN = 2  # comparisons that are named where nothing has been run


def of_study(results: Sequence[Results], counts: Counts, judged: Judged, records: Sequence[Record]) -> str:
    """Answer in a sentence or two for every budget and data set at which a difference has two seeds; else say what is missing.

    records: of all studies, from which the cost of what is missing is estimated.
    """
    study, answers = results[0].study, []
    for result in results:
        for dataset in study.datasets if result.budget != "smoke" else ():
            of_dataset = differences.of_study(result, dataset)
            if any(difference.seeds > 1 for difference in of_dataset):
                answers.append(_answer(result, dataset, of_dataset, counts, judged))
    return markdown.with_units("\n\n".join(answers) or _not_yet(study, results, counts, records))


def _answer(
    results: Results, dataset: str, of_dataset: Sequence[Difference], counts: Counts, judged: Judged
) -> str:
    """The first comparison in the study's order, and on which side all of them lie."""
    several = [difference for difference in of_dataset if difference.seeds > 1]
    first = several[0]
    unit = "epochs" if first.test.measure == "epochs_to_25" else "points"
    printed = f"; printed: {signed(first.printed)}" if first.printed is not None else ""
    text = (
        f"**Answer so far**, {_size(results, dataset, counts, variants_of(first.test))}: {in_words(first)} is **{first} {unit}** "
        f"(mean and 95 % interval, n = {first.seeds} seeds{printed}); below zero is as claimed."
    )
    if len(of_dataset) > 1:
        sides = Counter(difference.interval_says for difference in several)
        text += (
            f" Intervals of all {len(of_dataset)} comparisons: {sides['as claimed']} wholly as claimed, {sides['against']} "
            f"wholly against, {sides['open']} open, {len(of_dataset) - len(several)} without runs."
        )
    words = Counter(verdict.word for verdict in judged.get((results.study.name, results.budget, dataset), ()))
    return text + f" Verdicts: {', '.join(f'{number} {word}' for word, number in words.items())}."


def _size(results: Results, dataset: str, counts: Counts, names: Iterable[str]) -> str:
    """At which length, on what, and with how large networks, the compared rows'."""
    spent = next(
        group.records[0] for (_, on), group in results.groups.items() if on == dataset and group.records
    )
    sizes = sorted(counts[name, dataset].parameters for name in names)
    extremes = dict.fromkeys(millions(size) for size in (sizes[0], sizes[-1]))
    return (
        f"on {DATASETS[dataset].title} after {spent.budget_spent['epochs']} of {spent.budget_spent['of_epochs']} epochs "
        f"(budget `{results.budget}`), with networks of {' to '.join(extremes)} parameters"
    )


def _not_yet(study: Study, results: Sequence[Results], counts: Counts, records: Sequence[Record]) -> str:
    """What is missing and what it costs; what the paper prints, what others found, and what the seeds could show."""
    by_dataset = {name: differences.of_study(results[0], name) for name in study.datasets}
    compared = [(name, difference) for name, of_dataset in by_dataset.items() for difference in of_dataset]
    printed = {in_words(d): signed(d.printed) for _, d in compared if d.printed is not None}
    known = [f"**Answer so far: none.** {_tried(results)}"]
    if printed:
        known.append(f"Printed: {_some([f'{what}: {figure} points' for what, figure in printed.items()])}.")
    votes = [
        f"{in_words(d)}, {DATASETS[name].title}: {by_others(d)}"
        for name, d in compared
        if d.votes and d.votes.votes
    ]
    if votes:
        known.append(f"By others: {_some(votes)}.")
    dataset = next((name for name in study.datasets if name != "imagenet"), study.datasets[0])
    command = (
        f"To find out: `uv run -m sweeps.local {study.name} --budget {CHEAPEST} --datasets {dataset}` makes the shortest "
        f"runs that decide, {cost.estimated(study, dataset, CHEAPEST, counts, records)}; `uv run -m sweeps list "
        f"{study.name} --costs` estimates it for your machine."
    )
    return f"{' '.join(known)}\n\n{command} {before_the_runs(results[0], by_dataset[dataset])}".rstrip()


def _tried(results: Sequence[Results]) -> str:
    """How much has been run."""
    if not any(result.records for result in results):
        return "Nothing has been run."
    if all(result.budget == "smoke" for result in results):
        return "Only the path has been tried, at the budget `smoke`."
    return "No comparison has two seeds yet."


def _some(items: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    more = len(items) - SHOWN
    return "; ".join(items[:SHOWN]) + (f"; and {more} more" if more > 0 else "")
