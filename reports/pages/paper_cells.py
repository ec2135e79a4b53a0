"""What stands under a printed figure: our count, what a study's runs gave, or why there is neither."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from reports.pages import tables
from reports.pages.complexity import computed
from reports.printed import protocols, variants
from reports.printed import tables as printed
from reports.printed.figures import Figure
from reports.verdicts import complexity, statistics
from reports.verdicts.results import Group, Results, written
from sweeps.study import Study

COUNTED, TRAINED, NO_STUDY, QUOTED, APART = "counted", "trained", "no study", "quoted", "apart"
MARKS = {
    complexity.EXACT: "✓",
    complexity.CUT: "✓ cut",
    complexity.EXPLAINED: "✗",
    complexity.UNEXPLAINED: "?",
}
# Why a figure has no counterpart, by how its metric is written.
NOT_MEASURED = (
    (r"_(change|saved)$|^delta$", "a difference, not a network"),
    (r"_train$|^train_err", "a training error"),
    (r"_[15]kway$", "other classes"),
    (r"_original$", "quoted from the networks' own papers"),
    (
        r"^(ms|s_per|epoch_s|steps|gpu|arm|ips|pct_runtime|pct_more_latency|memory|train_min)",
        "speed and memory of the authors' machines",
    ),
    (r"mAP|AP$|MAP@", "another task"),
    (r"^(active|rate|reduction|density|kept|bits|index_bits)", "set or won by compression"),
    (r"^(year|[se][13]x[13])$", "a fact or a setting"),
)
OTHERWISE = "compressed, distilled, or other training data"
OTHER_PROTOCOL = "other protocol"


@dataclass(frozen=True)
class Cited:
    """A variant of a study that is to be held against a printed figure, on one of the study's data sets.

    `is_first`: it is what the study is about, and not the same figure of another table.
    """

    study: Study
    results: tuple[Results, ...]
    variant: str
    dataset: str
    is_first: bool

    @property
    def is_transfer(self) -> bool:
        return self.dataset in self.study.transfers

    def group(self, budget: str) -> Group:
        """Return the runs at a budget; empty if the study reports none of them."""
        groups = {result.budget: result.groups[self.variant, self.dataset] for result in self.results}
        return groups.get(budget) or Group((), next(iter(groups.values())).declared)


@dataclass(frozen=True)
class Ours:
    """All that we have for printed figures: judged counts, and the variants that cite them."""

    counted: Mapping[Figure, complexity.Row | complexity.Quoted]
    cited: Mapping[Figure, tuple[Cited, ...]]

    def beside(self, laid_out: pd.DataFrame) -> pd.DataFrame:
        """Return a table of `printed.tables.lay_out` with what each figure has of ours: its `kind`, and a `reason`.

        Kinds: COUNTED, TRAINED, NO_STUDY, QUOTED or, with the reason why there is no counterpart, APART. A row of a
        network that isn't built here is quoted as a whole.
        """
        kinds = [self._kind(figure) for figure in laid_out.figure]
        made = laid_out.assign(kind=[kind for kind, _ in kinds], reason=[reason for _, reason in kinds])

        def in_row(holds: pd.Series) -> pd.Series:
            return holds.groupby(made.row).transform("any")

        built = made.figure.map(self._is_built)
        quoted = in_row(made.kind == QUOTED) | ~in_row(built)
        made.loc[quoted & ~in_row(made.kind.isin([COUNTED, TRAINED])), ["kind", "reason"]] = QUOTED, ""
        return made

    def on_the_papers_data(self, figure: Figure) -> list[Cited]:
        """Return the variants that cite a figure and run on its data set, transfers left out."""
        return [cited for cited in self.cited.get(figure, ()) if not cited.is_transfer]

    def _kind(self, figure: Figure) -> tuple[str, str]:
        judged = self.counted.get(figure)
        if isinstance(judged, complexity.Row):
            return COUNTED, ""
        if self.on_the_papers_data(figure):
            return TRAINED, ""
        if protocols.of(figure).protocol == protocols.QUOTED:
            return QUOTED, ""
        if judged:
            others = judged.reason.startswith(("quoted", "another family"))
            return (QUOTED, "") if others else (APART, judged.reason)
        if reason := _not_measured(figure):
            return APART, reason
        return NO_STUDY if self._is_built(figure) else QUOTED, ""

    def _is_built(self, figure: Figure) -> bool:
        return figure.arch in self._built

    @cached_property
    def _built(self) -> set[str]:
        counted = {figure.arch for figure, row in self.counted.items() if isinstance(row, complexity.Row)}
        return counted | {figure.arch for figure in self.cited}


def collect(collated: Iterable[tuple[Study, list[Results]]]) -> Ours:
    """Judge all counts, and find for every printed figure the variants that cite it."""
    counted: dict[Figure, complexity.Row | complexity.Quoted] = {
        row.figure: row for paper in complexity.papers() for row in complexity.rows(paper)
    }
    cited: dict[Figure, list[Cited]] = {}
    for study, results in collated:
        for dataset in study.datasets:
            for variant in study.variants_on(dataset):
                paper_data = variants.paper_dataset(study, dataset)
                named = variants.printed_errors(variant, paper_data)
                figures = dict.fromkeys([*named, *variants.printed_beside(variant, paper_data)])
                for nth, figure in enumerate(figures):
                    by = Cited(study, tuple(results), variant.name, dataset, is_first=nth == 0)
                    cited.setdefault(figure, []).append(by)
    return Ours(counted, {figure: tuple(by) for figure, by in cited.items()})


def count(row: complexity.Row) -> str:
    """Return our count in the figure's unit, and whether it is the printed one."""
    return f"{computed(row.figure, row.counted)} {MARKS[row.verdict]}"


def trained(figure: Figure, cited: Iterable[Cited]) -> str:
    """Return what the runs at the budget `paper` gave, a line for each study that has others; `— (0/3)` without any."""
    groups = [(by, by.group("paper")) for by in cited]
    lines = {
        group.records: ", ".join(filter(None, [result(figure, by, "paper"), compared(figure, group)]))
        for by, group in groups
        if group.records
    }
    return "<br>".join(lines.values()) or str(groups[0][1])


def result(figure: Figure, by: Cited, budget: str) -> str:
    """Return mean, interval and number of runs in the figure's sense, error or accuracy, with a link to the runs."""
    group, _ = _alike(figure, by.group(budget))
    anchor = tables.anchor(budget, by.dataset, by.variant)
    return f"[{written(_as_printed(figure, group), group.declared)}](studies/{by.study.name}.md#{anchor})"


def compared(figure: Figure, group: Group) -> str:
    """Return ours less the printed figure, and whether our interval contains it; nothing if the paper prints a word.

    Where the runs weren't evaluated by the figure's protocol that alone is said, and nothing of whether they agree where
    the paper prints none.
    """
    group, alike = _alike(figure, group)
    values = _as_printed(figure, group)
    if figure.error is None or not values:
        return ""
    if not alike:
        return f"one crop: {OTHER_PROTOCOL}"
    theirs = float(100 - figure.error if _is_accuracy(figure) else figure.error)
    summary = statistics.summarise(values)
    difference = f"{summary.mean - theirs:+.2f}".replace("-", "−")
    if protocols.of(figure).protocol == protocols.NOT_PRINTED:
        return f"{difference}: {protocols.ELSEWHERE[protocols.NOT_PRINTED]}"
    if summary.half_width is None:
        return f"{difference}: one run"
    agrees = abs(summary.mean - theirs) <= summary.half_width
    return f"{difference}: **{'agrees' if agrees else 'differs'}**"


def _alike(figure: Figure, group: Group) -> tuple[Group, bool]:
    """The runs as a figure's protocol evaluates them, or else by the test; and whether the two may be compared."""
    evaluation = protocols.evaluation_of(figure)
    if evaluation is not None and _as_printed(figure, like := group.by(evaluation)):
        return like, True
    return group, protocols.goes_with_test(figure)


def _as_printed(figure: Figure, group: Group) -> list[float]:
    errors = group.by_seed(protocols.measure_of(figure)).values()
    return [100 - error if _is_accuracy(figure) else error for error in errors]


def _is_accuracy(figure: Figure) -> bool:
    return "acc" in figure.metric


def _not_measured(figure: Figure) -> str:
    for written_so, reason in NOT_MEASURED:
        if re.search(written_so, figure.metric):
            return reason
    if figure.dataset not in printed.tested_on():
        return "not on a data set used here" if figure.dataset else "a fact or a setting"
    facts = protocols.of(figure)
    if facts.protocol in protocols.ELSEWHERE and facts.protocol != protocols.NOT_PRINTED:
        return facts.title
    other = {
        "bits_fc",
        "compress",
        "distilled",
        "external",
        "extra_data",
        "framework",
        "pretrain",
        "quantised",
    } & set(figure.kwargs)
    return OTHERWISE if other else ""
