"""What a study compares, as numbers: every difference with its interval over the seeds, the printed one, and others'.

A difference is that of a test's contrast (`sweeps/contrasts.py`), below zero where the claim holds; a margin isn't
subtracted. It is taken seed by seed, between runs that share their batches.
"""

import math
import statistics as plain
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reports.printed import protocols, variants
from reports.verdicts import others, statistics
from reports.verdicts.others import Votes
from reports.verdicts.results import Results
from sweeps.claim import (
    AsPrinted,
    Comparison,
    Equivalence,
    LogLinear,
    NotWorse,
    Rise,
    Test,
    Trend,
    samples_of,
    variants_of,
)
from sweeps.contrasts import Decision, Values, contrasts

ONE_FIGURE_A_ROW = (AsPrinted, LogLinear)  # tests of means, which make no contrast of a seed's runs


@dataclass(frozen=True)
class Difference:
    """One difference, in points of error or in epochs (`test.measure`); of no seed yet, of one, or of several.

    sample: by seed. pooled: half-width of the 95 % interval from the spread that all rows have in common; None for
    fewer than three rows, where it is the plain one. printed: the same difference of the papers' figures. votes:
    of other people, on two rows.
    """

    test: Test
    sample: tuple[float, ...]
    pooled: float | None = None
    printed: float | None = None
    votes: Votes | None = None

    def __str__(self) -> str:
        """Write `−10.00 (−10.12 to −9.88)`, of one seed without an interval, of none a dash."""
        ends = f" ({signed(self.low)} to {signed(self.high)})" if self.seeds > 1 else ""
        return signed(self.mean) + ends if self.seeds else "—"

    @property
    def seeds(self) -> int:
        """Return the number of seeds that all rows of the test have."""
        return len(self.sample)

    @property
    def mean(self) -> float:
        """Return the mean over the seeds, of which there is one at least."""
        return statistics.summarise(self.sample).mean

    @property
    def low(self) -> float:
        """Return the lower end of the 95 % t-interval."""
        return statistics.summarise(self.sample).low

    @property
    def high(self) -> float:
        """Return the upper end of the 95 % t-interval."""
        return statistics.summarise(self.sample).high

    @property
    def spread(self) -> float:
        """Return the standard deviation between seeds, of which there are two at least."""
        return plain.stdev(self.sample)

    @property
    def share_below(self) -> float:
        """Return P(A < B) as the share of the seeds whose difference is below zero; a tie is half a seed."""
        return sum((x < 0) + (x == 0) / 2 for x in self.sample) / self.seeds

    @property
    def interval_says(self) -> Decision:
        """Return on which side of what the test asks for the whole interval lies; a verdict has its own level.

        Open where all seeds give the same: that leaves no interval.
        """
        if max(self.sample) == min(self.sample):
            return "open"
        margin = getattr(self.test, "margin", 0.0)
        low, high = self.low, self.high
        if isinstance(self.test, Equivalence):
            low, high = (low, high) if self.mean > 0 else (-high, -low)
            if low <= -margin:
                return "open"
        return "as claimed" if high < margin else "against" if low > margin else "open"


def of_study(results: Results, dataset: str, votes: bool = True) -> list[Difference]:
    """Return the differences of all tests of a study's claims on one data set, in declared order, each once.

    votes: other people's, too, which take most of the time.
    """
    here = {variant.name for variant in results.study.variants_on(dataset)}
    tests: dict[tuple, Test] = {}
    for test in (test for claim in results.study.claims for test in claim.tests):
        if isinstance(test, ONE_FIGURE_A_ROW) or not test.is_on(dataset):
            continue
        if set(variants_of(test)) <= here:
            tests.setdefault((test.measure, in_words(test), getattr(test, "margin", 0.0)), test)
    return [_difference(test, results, dataset, votes) for test in tests.values()]


def signed(value: float, digits: int = 2) -> str:
    """Write a figure with its sign."""
    return f"{value:+.{digits}f}".replace("-", "−")


def in_words(test: Test) -> str:
    """Return what a contrast is the difference of, without its measure and its margin; rows as code."""
    match test:
        case Comparison(times=times):
            lower, higher = samples_of(test)
            return f"{f'{times:g} times ' if times != 1 else ''}`{lower}` less `{higher}`"
        case NotWorse(variant=variant, than=than):
            return f"`{variant}` less `{than}`"
        case Equivalence(one=one, other=other):
            return f"`{one}` less `{other}`"
        case Trend(falling=falling):
            return f"end less beginning of a line fitted to {' → '.join(f'`{name}`' for name in falling)}"
        case Rise(less=less, more=more):
            return f"rise from `{less[0]}` to `{less[1]}` less that from `{more[0]}` to `{more[1]}`"
    raise TypeError(f"{type(test).__name__} is not made of contrasts")


def _difference(test: Test, results: Results, dataset: str, with_votes: bool) -> Difference:
    rows = {name: group.by_seed(test.measure) for name, group in results.samples(test, dataset).items()}
    sample = tuple(_differences(test, rows))
    pooled = _pooled(test, results, dataset, len(sample)) if len(sample) > 1 else None
    printed = votes = None
    if test.measure == "test_error":
        printed = _printed(test, results, dataset)
        if (
            with_votes
            and isinstance(test, (Comparison, NotWorse, Equivalence))
            and getattr(test, "times", 1) == 1
        ):
            lower, higher = variants_of(test)
            votes = others.poll(results.study.name, lower, higher, dataset) if lower != higher else None
    return Difference(test, sample, pooled, printed, votes)


def _differences(test: Test, values: Values) -> list[float]:
    """The contrast of every seed, to which a margin is added again."""
    return [contrast + getattr(test, "margin", 0.0) for contrast in contrasts(test, values)[0]]


def _printed(test: Test, results: Results, dataset: str) -> float | None:
    """The difference of the printed errors, on the paper's own data set; None if one isn't printed.

    Both must be of one protocol, or of those that the test asks for.
    """
    paper_data = variants.paper_dataset(results.study, dataset)
    evaluations = {evaluation for _, evaluation in samples_of(test).values()}
    values, taken = {}, set()
    for name, (variant, evaluation) in samples_of(test).items():
        row = results.study.variant(variant)
        figure = variants.printed_error(row, paper_data)
        if len(evaluations) > 1:
            printed = variants.printed_errors(row, paper_data)
            figure = next((f for f in printed if protocols.evaluation_of(f) == evaluation), None)
        if figure is None or figure.error is None:
            return None
        taken.add(protocols.of(figure).protocol)
        values[name] = {0: float(figure.error)}
    return round(_differences(test, values)[0], 4) if len(taken) in (1, len(evaluations)) else None


def _pooled(test: Test, results: Results, dataset: str, seeds: int) -> float | None:
    """Half of the 95 % interval from what seeds change beyond the effects of row and seed, over all rows of the data set.

    Two rows have nothing in common with others: there it would be the plain interval again.
    """
    groups = [group.by_seed(test.measure) for (_, on), group in results.groups.items() if on == dataset]
    groups = [values for values in groups if len(values) > 1]
    common = sorted(set.intersection(*map(set, groups))) if groups else []
    if len(groups) < 3 or len(common) < 2:
        return None
    values = np.array([[row[seed] for seed in common] for row in groups])
    residues = values - values.mean(1, keepdims=True) - values.mean(0) + values.mean()
    freedom = (len(groups) - 1) * (len(common) - 1)
    deviation = math.sqrt(float((residues**2).sum()) / freedom)
    runs = seeds / math.fsum(weight**2 for weight in _weights(test))
    return statistics.half_width(deviation, freedom, runs)


def _weights(test: Test) -> Sequence[float]:
    """What every row weighs in the contrast: how far it moves if the row moves by one."""
    names = list(samples_of(test))
    origin = _differences(test, {name: {0: 0.0} for name in names})[0]
    return [
        _differences(test, {other: {0: float(other == name)} for other in names})[0] - origin
        for name in names
    ]
