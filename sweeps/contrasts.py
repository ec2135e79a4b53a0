"""Contrasts: what a test asks of the runs of one seed, and whether the seeds together say it.

Runs of one seed share the order of their batches and their initial draws, so what varies between seeds is largely
common to them: a test first makes one number of each seed's runs, its contrast, which is below zero if the claim holds
there, and then asks by a one-sided t-test over the seeds whether its mean is.

A programme looks after 3, 5 and 8 seeds. `LOOKS` holds the levels, fixed beforehand, at which a look decides; all looks
together decide wrongly for a claim in 5.3 % of simulations without an effect (tests/sweeps/test_contrasts.py).
Nothing here imports torch.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from lightning_modules.record import Record
from sweeps.claim import Comparison, Equivalence, Measure, NotWorse, Rise, Test, Trend, samples_of

LOOKS = {3: 0.01, 5: 0.02, 8: 0.035}  # seeds: level
Decision = Literal["as claimed", "against", "open"]
# Values of one measure by sample (`claim.samples_of`; mostly a variant) and seed.
Values = Mapping[str, Mapping[int, float]]


def value(record: Record, measure: Measure, evaluation: str = "") -> float | None:
    """Return the measure of a run's record in per cent, or epochs; None where it has none.

    evaluation: the protocol by which it was evaluated beside the test; empty, the test.

    A run that did not start has none: its recipe decided it. One that diverged counts as the worst there is, chance,
    because that it diverges may be what is claimed of its network.
    """
    if record.did_not_start:
        return None
    curve = record.curve
    if measure == "epochs_to_25":
        reached = (
            epoch for epoch, error in zip(curve["epoch"], curve["train_error"], strict=True) if error <= 25
        )
        return next(map(float, reached), None)
    if record.diverged:
        guesses = min(5, record.classes) if measure == "top5_error" else 1
        return None if measure == "generalisation_gap" else 100 - 100 * guesses / record.classes
    if evaluation or measure == "top5_error":
        counted = (record.evaluations.get(evaluation) if evaluation else record.test) or {}
        return counted.get("error" if measure == "test_error" else measure)
    if measure == "train_error":
        return curve["train_error"][-1]
    if measure == "curve_error":
        return math.fsum(curve["curve_test_error"]) / len(curve["curve_test_error"])
    test_error = record.error
    return test_error - curve["train_error"][-1] if measure == "generalisation_gap" else test_error


def contrasts(test: Test, values: Values) -> list[list[float]]:
    """Return the contrast of every seed that all variants of the test have, in the order of the seeds.

    One list for each thing that must hold: one for most tests, two for an equivalence. Raises TypeError for a test
    that isn't made of contrasts.
    """
    seeds = sorted(set.intersection(*(set(values[name]) for name in samples_of(test))))
    rows = [[values[name][seed] for name in samples_of(test)] for seed in seeds]
    match test:
        case Comparison():
            return [[test.times * lower - higher for lower, higher in rows]]
        case NotWorse():
            return [[variant - than - test.margin for variant, than in rows]]
        case Rise():
            return [[(after - before) - (more_after - more_before)
                     for before, after, more_before, more_after in rows]]  # fmt: skip
        case Trend():
            return [[_fall(row) for row in rows]]
        case Equivalence():
            return [[sign * (one - other) - test.margin for one, other in rows] for sign in (1, -1)]
    raise TypeError(f"{type(test).__name__} is not made of contrasts")


def p_values(test: Test, values: Values) -> tuple[float, float]:
    """Return p of what is claimed, all of which must hold, and p of its opposite; 1 with fewer than two seeds."""
    parts = contrasts(test, values)
    claimed = max(below_zero(part) for part in parts)
    opposite = min(below_zero([-x for x in part]) for part in parts) * len(parts)
    return claimed, min(1.0, opposite)


def decide(tests: Sequence[Test], values: Mapping[Measure, Values], level: float) -> Decision:
    """Return what all tests of a claim say together at a level.

    As claimed: every test says so, the largest p counts (intersection and union: no correction is due). Against: at
    least one says the opposite, after Holm's correction over the tests, of which the smallest p decides.
    """
    ps = [p_values(test, values[test.measure]) for test in tests]
    if max(claimed for claimed, _ in ps) < level:
        return "as claimed"
    if min(opposite for _, opposite in ps) * len(ps) < level:
        return "against"
    return "open"


def below_zero(sample: Sequence[float]) -> float:
    """Return p of the one-sided t-test for "the mean is below zero".

    Values that are all the same leave it without a scale: nothing is decided, and p is 1. They are compared, since
    rounding gives them a variance above zero.
    """
    if len(sample) < 2 or max(sample) == min(sample):
        return 1.0
    from scipy import stats  # takes half a second to import

    return float(stats.ttest_1samp(sample, 0, alternative="less").pvalue)


def power(effect: float, spread: float, seeds: int, level: float) -> float:
    """Return the probability that a t-test over so many seeds finds a contrast of that mean, above zero.

    spread: standard deviation of the contrast between seeds, in the unit of the effect.
    """
    from scipy import stats

    critical = stats.t.ppf(1 - level, seeds - 1)
    return float(stats.nct.sf(critical, seeds - 1, effect / spread * math.sqrt(seeds)))


def detectable(spread: float, seeds: int, level: float, probability: float = 0.8) -> float:
    """Return the smallest contrast that a t-test over so many seeds finds with this probability; two seeds or more.

    spread: standard deviation of the contrast between seeds, in the unit of the answer.
    """
    from scipy import special

    critical = special.stdtrit(seeds - 1, 1 - level)
    return float(special.nctdtrinc(seeds - 1, 1 - probability, critical)) * spread / math.sqrt(seeds)


def _fall(row: Sequence[float]) -> float:
    """The change from the first to the last of a least-squares line through the values, equally spaced."""
    middle = (len(row) - 1) / 2
    weights = [position - middle for position in range(len(row))]
    slope = math.fsum(w * x for w, x in zip(weights, row, strict=True)) / math.fsum(w * w for w in weights)
    return slope * (len(row) - 1)
