"""The statistics of the reports: 95 % t-intervals, Welch's one-sided test, Holm's correction, runs needed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

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
