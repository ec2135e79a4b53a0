"""How often the tests decide, and how often wrongly: 2,000 simulated data sets for every kind of test and of noise.

`pytest -m slow -s tests/sweeps/test_simulations.py` prints the table. Noise is in standard deviations of one run; `icc` is
the share of its variance that all runs of a seed have in common (0.86 to 0.96 for ResNeXt and MobileNet's ρ, about 0 for
ShuffleNet).
"""

from collections.abc import Callable

import numpy as np
import pytest

from reports.verdicts import statistics
from sweeps.claim import Comparison, Equivalence, NotWorse, Rise, Test, Trend
from sweeps.contrasts import decide

pytestmark = pytest.mark.slow

DATA_SETS, LEVEL = 2_000, 0.05
ROWS = tuple("abcdefghi")
# Three standard errors of a share of 5 % in 2,000.
TOLERANCE = 0.015


def runs(means: tuple[float, ...], seeds: int, icc: float, rng: np.random.Generator) -> dict:
    """Values of one run a row and seed, of unit variance about the means."""
    shared = rng.normal(0, icc**0.5, seeds)
    own = rng.normal(0, (1 - icc) ** 0.5, (len(means), seeds))
    return {
        name: dict(enumerate((mean + shared + noise).tolist()))
        for name, mean, noise in zip(ROWS, means, own, strict=False)
    }


def shares(tests: list[Test], means: tuple[float, ...], seeds: int, icc: float) -> tuple[float, float]:
    """Shares of the data sets that are decided as claimed, and against."""
    rng = np.random.default_rng([seeds, len(means), round(100 * icc)])
    decisions = [decide(tests, {"test_error": runs(means, seeds, icc, rng)}, LEVEL) for _ in range(DATA_SETS)]
    return decisions.count("as claimed") / DATA_SETS, decisions.count("against") / DATA_SETS


AB = [Comparison("a", "b")]
FIVE = [Comparison("a", name) for name in "bcdef"]
# name: tests, means of the rows, seeds, icc; least and greatest share as claimed, greatest share against.
TABLE: dict[str, tuple[list[Test], tuple[float, ...], int, float, float, float, float]] = {
    "comparison, no effect, n = 3": (AB, (0, 0), 3, 0.0, 0.035, 0.065, 0.065),
    "comparison, no effect, shared 0.9, n = 3": (AB, (0, 0), 3, 0.9, 0.035, 0.065, 0.065),
    "comparison, no effect, shared 0.9, n = 8": (AB, (0, 0), 8, 0.9, 0.035, 0.065, 0.065),
    "comparison, 1 SD, n = 5": (AB, (0, 1), 5, 0.0, 0.30, 0.55, 0.005),
    "comparison, 1 SD, shared 0.9, n = 5": (AB, (0, 1), 5, 0.9, 0.98, 1, 0.005),
    "five comparisons, all true, 1 SD, shared 0.9, n = 5": (FIVE, (0, 1, 1, 1, 1, 1), 5, 0.9, 0.90, 1, 0.005),
    "five comparisons, one of no effect": (FIVE, (0, 0, 1, 1, 1, 1), 8, 0.9, 0, 0.065, 0.025),
    "five comparisons, no effects": (FIVE, (0,) * 6, 8, 0.9, 0, 0.03, 0.065),
    "trend, no effect": ([Trend(("a", "b", "c", "d"))], (0,) * 4, 5, 0.5, 0.035, 0.065, 0.065),
    "trend, 1 SD a step": ([Trend(("a", "b", "c", "d"))], (3, 2, 1, 0), 5, 0.5, 0.98, 1, 0.005),
    "equivalence, at the margin": ([Equivalence("a", "b", margin=1)], (0, 1), 8, 0.9, 0.035, 0.065, 0.065),
    "equivalence, equal": ([Equivalence("a", "b", margin=1)], (0, 0), 8, 0.9, 0.98, 1, 0.005),
    "not worse, at the margin": ([NotWorse("a", "b", margin=1)], (1, 0), 8, 0.9, 0.035, 0.065, 0.065),
    "rise, equal rises": ([Rise(less=("a", "b"), more=("c", "d"))], (0, 2, 0, 2), 8, 0.9, 0.035, 0.065, 0.065),
    "rise, 1 SD less": ([Rise(less=("a", "b"), more=("c", "d"))], (0, 1, 0, 2), 8, 0.9, 0.98, 1, 0.005),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_decisions_are_wrong_about_as_often_as_the_level_says(name):
    tests, means, seeds, icc, least, greatest, against = TABLE[name]
    said, opposite = shares(tests, means, seeds, icc)
    print(f"\n{name:55} as claimed {said:6.1%}  against {opposite:6.1%}")
    assert least <= said <= greatest and opposite <= against


OF_MEANS: dict[str, tuple[Callable[[list], float], float]] = {
    "near a figure, its mean at the margin": (lambda groups: statistics.near(groups[0], -1, 1), 0.0),
    "far from a figure, its mean at the margin": (lambda groups: statistics.far(groups[0], -1, 1), 0.0),
    "on a line, one mean at the margin": (lambda groups: statistics.linear(range(4), groups, 1), 1.0),
    "off a line, one mean at the margin": (lambda groups: statistics.bent(range(4), groups, 1), 1.0),
}


@pytest.mark.parametrize("name", OF_MEANS)
def test_tests_against_a_figure_or_a_line_keep_their_level(name):
    """Of what is put on the second of four means, 0.7 stay beside their line."""
    p_value, off = OF_MEANS[name]
    rng = np.random.default_rng(7)
    means = off * np.array([0, -1 / 0.7, 0, 0])
    wrong = np.mean(
        [p_value([rng.normal(mean, 0.4, 5).tolist() for mean in means]) < LEVEL for _ in range(DATA_SETS)]
    )
    print(f"\n{name:55} {wrong:6.1%}")
    assert wrong <= LEVEL + TOLERANCE


@pytest.mark.parametrize("digits", [0, 1, 2])
def test_rounded_values_of_no_effect_decide_no_oftener(digits):
    """Errors come in steps of 0.01 points; samples without spread decide nothing."""
    rng = np.random.default_rng(digits)
    wrong = 0
    for _ in range(DATA_SETS):
        sample = rng.normal(20, 0.3, (2, 3)).round(digits).tolist()
        values = {"test_error": {name: dict(enumerate(row)) for name, row in zip("ab", sample, strict=True)}}
        wrong += decide(AB, values, LEVEL) == "as claimed"
    print(f"\nrounded to {digits} digits{'':40} {wrong / DATA_SETS:6.1%}")
    assert wrong / DATA_SETS <= LEVEL + TOLERANCE
