"""The statistics of the reports: 95 % t-intervals, tests of a difference, of two differences, of a trend, of a line,
of an equivalence and against a figure, Holm's correction, and how many runs would decide."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.05
POWER = 0.80


@dataclass(frozen=True)
class Summary:
    """Mean of `n` runs with the half-width of its 95 % t-interval (None for a single run)."""

    n: int
    mean: float
    half_width: float | None

    def __str__(self) -> str:
        if self.half_width is None:
            return f"{self.mean:.2f}"
        return f"{self.mean:.2f} ± {self.half_width:.2f}"


def summarise(values: Sequence[float]) -> Summary:
    """Summarise at least one value; the interval is mean ± t(0.975, n - 1) · s / √n."""
    n, mean = len(values), math.fsum(values) / len(values)
    if n == 1:
        return Summary(1, mean, None)
    return Summary(n, mean, float(stats.t.ppf(1 - LEVEL / 2, n - 1)) * math.sqrt(variance(values) / n))


def variance(values: Sequence[float]) -> float:
    """Unbiased variance (n - 1 in the denominator) of at least two values."""
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def welch(lower: Sequence[float], higher: Sequence[float]) -> float:
    """p-value of Welch's one-sided t-test for "the mean of `lower` is below the mean of `higher`".

    Needs two values a side. Two sides without any spread leave the test without a scale (diverged runs all
    stand at chance level, for example); then nothing is decided and p is 1.
    """
    if variance(lower) == variance(higher) == 0:
        return 1.0
    return float(stats.ttest_ind(lower, higher, equal_var=False, alternative="less").pvalue)


def equivalent(one: Sequence[float], other: Sequence[float], margin: float) -> float:
    """p-value of "the means differ by less than `margin`": two one-sided Welch tests (Schuirmann 1987)."""
    return max(
        welch(one, [value + margin for value in other]),
        welch(other, [value + margin for value in one]),
    )


def different(one: Sequence[float], other: Sequence[float], margin: float) -> float:
    """p-value of "the means differ by more than `margin`", in whichever direction (Bonferroni over the two)."""
    smallest = min(
        welch([value + margin for value in one], other),
        welch([value + margin for value in other], one),
    )
    return min(1.0, 2 * smallest)


def near(values: Sequence[float], figure: float, margin: float) -> float:
    """p-value of "the mean is less than `margin` from a figure": two one-sided t-tests. Without spread p is 1."""
    if variance(values) == 0:
        return 1.0
    return max(_t_test(values, figure + margin, "less"), _t_test(values, figure - margin, "greater"))


def far(values: Sequence[float], figure: float, margin: float) -> float:
    """p-value of "the mean is more than `margin` from a figure", in whichever direction (Bonferroni)."""
    if variance(values) == 0:
        return 1.0
    smallest = min(_t_test(values, figure - margin, "less"), _t_test(values, figure + margin, "greater"))
    return min(1.0, 2 * smallest)


def _t_test(values: Sequence[float], figure: float, alternative: str) -> float:
    return float(stats.ttest_1samp(values, figure, alternative=alternative).pvalue)


def rises_less(less: Sequence[Sequence[float]], more: Sequence[Sequence[float]]) -> float:
    """p-value of "from its first sample to its second the mean rises less in `less` than in `more`".

    Welch's one-sided t-test of the difference of the two rises, with Satterthwaite's degrees of freedom over the
    four samples. Needs two values a sample, and samples that are independent of each
    other; without any spread p is 1.
    """
    means = [math.fsum(values) / len(values) for values in (*less, *more)]
    terms = [variance(values) / len(values) for values in (*less, *more)]
    if not any(terms):
        return 1.0
    freedom = sum(terms) ** 2 / sum(
        term**2 / (len(values) - 1) for term, values in zip(terms, (*less, *more))
    )
    difference = (means[1] - means[0]) - (means[3] - means[2])
    return float(stats.t.cdf(difference / math.sqrt(sum(terms)), freedom))


def falling(groups: Sequence[Sequence[float]]) -> float:
    """p-value of the one-sided Jonckheere-Terpstra test for "the values fall from group to group".

    Needs two values a group. The statistic counts the pairs of values in different groups that fall, ties as
    halves. Its distribution under no difference comes from permutations: all of them where they are few, else
    9,999 drawn with a fixed seed.
    """
    pooled = [value for group in groups for value in group]
    if len(set(pooled)) == 1:
        return 1.0

    def pairs_that_fall(*samples: np.ndarray, axis: int) -> np.ndarray:
        total = 0.0
        for earlier, later in itertools.combinations(samples, 2):
            gap = earlier[..., :, None] - later[..., None, :]
            total = total + ((gap > 0) + 0.5 * (gap == 0)).sum(axis=(-2, -1))
        return total

    return float(
        stats.permutation_test(
            [np.asarray(group, dtype=float) for group in groups],
            pairs_that_fall,
            permutation_type="independent",
            alternative="greater",
            vectorized=True,
            axis=-1,
            n_resamples=9_999,
            rng=np.random.default_rng(0),
        ).pvalue
    )


def off_the_line(places: Sequence[float], groups: Sequence[Sequence[float]]) -> np.ndarray:
    """How far the means of the groups lie above the least-squares line through them, at these places."""
    return _residues(places) @ [math.fsum(values) / len(values) for values in groups]


def linear(places: Sequence[float], groups: Sequence[Sequence[float]], margin: float) -> float:
    """p-value of "every mean is less than `margin` off the line": two one-sided t-tests each, all must hold.

    The groups share one variance, their pooled one. Needs two values a group; without any spread p is 1.
    """
    off, error, freedom = _deviations(places, groups)
    if not error.any():
        return 1.0
    above, below = (off + margin) / error, (off - margin) / error
    return float(max(stats.t.sf(above, freedom).max(), stats.t.cdf(below, freedom).max()))


def bent(places: Sequence[float], groups: Sequence[Sequence[float]], margin: float) -> float:
    """p-value of "some mean is more than `margin` off the line" (Bonferroni over the groups and both directions)."""
    off, error, freedom = _deviations(places, groups)
    if not error.any():
        return 1.0
    above, below = (off - margin) / error, (off + margin) / error
    smallest = min(stats.t.sf(above, freedom).min(), stats.t.cdf(below, freedom).min())
    return min(1.0, float(2 * len(groups) * smallest))


def _deviations(
    places: Sequence[float], groups: Sequence[Sequence[float]]
) -> tuple[np.ndarray, np.ndarray, int]:
    """Of every mean: how far off the line it is, and the standard error of that; their degrees of freedom."""
    sizes = np.array([len(values) for values in groups])
    freedom = int((sizes - 1).sum())
    pooled = math.fsum((size - 1) * variance(values) for size, values in zip(sizes, groups)) / freedom
    error = np.sqrt(pooled * (_residues(places) ** 2 / sizes).sum(axis=1))
    return off_the_line(places, groups), error, freedom


def _residues(places: Sequence[float]) -> np.ndarray:
    """The matrix that takes values at these places to what a least-squares line leaves of them."""
    design = np.stack([np.ones(len(places)), places], axis=1)
    return np.eye(len(places)) - design @ np.linalg.pinv(design)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (Scand. J. Statistics 6, 1979): adjusted p-values in the order given."""
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def runs_needed(lower: Sequence[float], higher: Sequence[float], comparisons: int) -> int | None:
    """Runs per side that would decide the observed difference d, or None where d or both variances are 0.

    The usual normal approximation for two means, n = (z(1 - α) + z(0.8))² (s₁² + s₂²) / d², with 80 % power
    and α = 5 % / `comparisons`, Holm's hardest step. It is rough for few runs; at least one more run than
    the smaller side has is asked for.
    """
    difference = math.fsum(higher) / len(higher) - math.fsum(lower) / len(lower)
    spread = variance(lower) + variance(higher)
    if difference == 0 or spread == 0:
        return None
    z = stats.norm.ppf(1 - LEVEL / comparisons) + stats.norm.ppf(POWER)
    return max(math.ceil(z**2 * spread / difference**2), min(len(lower), len(higher)) + 1)
