"""The statistics of the reports: 95 % t-intervals, tests of a line and against a figure, and Holm's correction.

Tests of differences are made of contrasts, in `sweeps/contrasts.py`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special  # `scipy.stats`, which has the tests, takes a second more to import

LEVEL = 0.05


@dataclass(frozen=True)
class Summary:
    """Mean of `n` runs with the half-width of its 95 % t-interval (None for a single run)."""

    n: int
    mean: float
    half_width: float | None

    @property
    def low(self) -> float:
        """Lower end of the interval; the mean itself for a single run."""
        return self.mean - (self.half_width or 0)

    @property
    def high(self) -> float:
        """Upper end of the interval; the mean itself for a single run."""
        return self.mean + (self.half_width or 0)

    def __str__(self) -> str:
        if self.half_width is None:
            return f"{self.mean:.2f}"
        return f"{self.mean:.2f} ± {self.half_width:.2f}"


def summarise(values: Sequence[float]) -> Summary:
    """Summarise at least one value; the interval is mean ± t(0.975, n - 1) · s / √n."""
    n, mean = len(values), math.fsum(values) / len(values)
    if n == 1:
        return Summary(1, mean, None)
    return Summary(n, mean, half_width(math.sqrt(variance(values)), n - 1, n))


def variance(values: Sequence[float]) -> float:
    """Return the unbiased variance (n - 1 in the denominator) of at least two values."""
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def pooled_deviation(groups: Sequence[Sequence[float]]) -> tuple[float, int]:
    """Return the standard deviation that groups of two values or more have in common, and its degrees of freedom."""
    freedom = sum(len(values) - 1 for values in groups)
    squares = math.fsum((len(values) - 1) * variance(values) for values in groups)
    return math.sqrt(squares / freedom), freedom


def half_width(deviation: float, freedom: int, n: float) -> float:
    """Return half of the 95 % t-interval of a mean of n, from a standard deviation of so many degrees of freedom."""
    return float(special.stdtrit(freedom, 1 - LEVEL / 2)) * deviation / math.sqrt(n)


def welch(lower: Sequence[float], higher: Sequence[float]) -> float:
    """Return p of Welch's one-sided t-test for "the mean of `lower` is below that of `higher`", of unpaired samples.

    Needs two values a side. Two sides without any spread leave the test without a scale; then p is 1.
    """
    if max(lower) == min(lower) and max(higher) == min(higher):
        return 1.0
    from scipy import stats

    return float(stats.ttest_ind(lower, higher, equal_var=False, alternative="less").pvalue)


def near(values: Sequence[float], figure: float, margin: float) -> float:
    """Return p of "the mean is less than `margin` from a figure": two one-sided t-tests. Without spread p is 1."""
    if max(values) == min(values):  # compared, because rounding gives equal values a variance
        return 1.0
    return max(_t_test(values, figure + margin, "less"), _t_test(values, figure - margin, "greater"))


def far(values: Sequence[float], figure: float, margin: float) -> float:
    """Return p of "the mean is more than `margin` from a figure", in whichever direction (Bonferroni)."""
    if max(values) == min(values):  # compared, because rounding gives equal values a variance
        return 1.0
    smallest = min(_t_test(values, figure - margin, "less"), _t_test(values, figure + margin, "greater"))
    return min(1.0, 2 * smallest)


def _t_test(values: Sequence[float], figure: float, alternative: str) -> float:
    from scipy import stats

    return float(stats.ttest_1samp(values, figure, alternative=alternative).pvalue)


def off_the_line(places: Sequence[float], groups: Sequence[Sequence[float]]) -> np.ndarray:
    """Return how far the means of the groups lie above the least-squares line through them, at these places."""
    return _residues(places) @ [math.fsum(values) / len(values) for values in groups]


def linear(places: Sequence[float], groups: Sequence[Sequence[float]], margin: float) -> float:
    """Return p of "every mean is less than `margin` off the line": two one-sided t-tests each, all must hold.

    The groups share one variance, their pooled one. Needs two values a group; without any spread p is 1.
    """
    off, error, freedom = _deviations(places, groups)
    if not error.any():
        return 1.0
    above, below = (off + margin) / error, (off - margin) / error
    return float(max(special.stdtr(freedom, -above).max(), special.stdtr(freedom, below).max()))


def bent(places: Sequence[float], groups: Sequence[Sequence[float]], margin: float) -> float:
    """Return p of "some mean is more than `margin` off the line" (Bonferroni over the groups and both directions)."""
    off, error, freedom = _deviations(places, groups)
    if not error.any():
        return 1.0
    above, below = (off - margin) / error, (off + margin) / error
    smallest = min(special.stdtr(freedom, -above).min(), special.stdtr(freedom, below).min())
    return min(1.0, float(2 * len(groups) * smallest))


def _deviations(
    places: Sequence[float], groups: Sequence[Sequence[float]]
) -> tuple[np.ndarray, np.ndarray, int]:
    """Of every mean: how far off the line it is, and the standard error of that; their degrees of freedom."""
    sizes = np.array([len(values) for values in groups])
    deviation, freedom = pooled_deviation(groups)
    error = deviation * np.sqrt((_residues(places) ** 2 / sizes).sum(axis=1))
    return off_the_line(places, groups), error, freedom


def _residues(places: Sequence[float]) -> np.ndarray:
    """The matrix that takes values at these places to what a least-squares line leaves of them."""
    design = np.stack([np.ones(len(places)), places], axis=1)
    return np.eye(len(places)) - design @ np.linalg.pinv(design)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values by Holm's step-down correction (Scand. J. Statistics 6, 1979), in the order given."""
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted
