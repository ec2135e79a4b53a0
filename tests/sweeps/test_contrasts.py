"""Contrasts over seeds: what is tested, and how often a look decides wrongly or rightly."""

import numpy as np
import pytest
from scipy import stats

from sweeps.claim import Comparison, Equivalence, LogLinear, NotWorse, Rise, Trend
from sweeps.contrasts import LOOKS, below_zero, contrasts, decide, detectable, p_values, power, value
from tests.reports.conftest import diverged, make_facts, not_started, parsed


def of(**errors: tuple[float, ...]) -> dict[str, dict[int, float]]:
    return {name: dict(enumerate(values)) for name, values in errors.items()}


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (Comparison("a", "b"), [[-1, -2, -1]]),
        (Comparison("a", "b", times=2), [[9, 8, 11]]),
        (NotWorse("b", "a", margin=1.5), [[-0.5, 0.5, -0.5]]),
        (Equivalence("a", "b", margin=3), [[-4, -5, -4], [-2, -1, -2]]),
        (Rise(less=("a", "b"), more=("c", "d")), [[-3, -2, -3]]),
        (Trend(("d", "b", "a")), [[-14, -14, -13]]),
    ],
)
def test_contrasts_are_taken_within_a_seed(test, expected):
    values = of(a=(10, 10, 12), b=(11, 12, 13), c=(20, 20, 21), d=(24, 24, 25))
    assert contrasts(test, values) == pytest.approx(np.array(expected))


def test_only_seeds_that_all_variants_have_are_used():
    values = {"a": {0: 1.0, 1: 2.0, 3: 9.0}, "b": {0: 2.0, 1: 4.0, 2: 5.0}}
    assert contrasts(Comparison("a", "b"), values) == [[-1.0, -2.0]]


def test_what_is_made_of_no_contrasts_is_refused():
    with pytest.raises(TypeError, match="LogLinear"):
        contrasts(LogLinear(("a", "b", "c"), margin=1), of(a=(1,), b=(2,), c=(3,)))


def test_shared_variation_between_seeds_costs_no_power():
    """Seeds that differ by tens of points, and a difference of one that hardly varies: Welch's test sees nothing."""
    values = of(a=(10.0, 30.0, 50.0), b=(11.0, 31.1, 51.0))
    claimed, opposite = p_values(Comparison("a", "b"), values)
    assert claimed < 0.001 and opposite > 0.999
    welch = stats.ttest_ind([10, 30, 50], [11, 31.1, 51], equal_var=False, alternative="less").pvalue
    assert welch > 0.4


@pytest.mark.parametrize("sample", [[], [-1.0], [-0.3] * 3, [-7.07] * 8])
def test_samples_without_spread_decide_nothing(sample):
    assert below_zero(sample) == 1.0


def test_a_claim_of_several_parts_needs_each_of_them_and_no_correction():
    down, flat = (-2.0, -2.1, -2.2), (0.5, -0.5, 0.1)
    values = {"test_error": of(a=down, zero=(0, 0, 0), c=flat)}
    one, other = Comparison("a", "zero"), Comparison("c", "zero")
    assert decide([one], values, 0.01) == "as claimed"
    assert decide([one, other], values, 0.01) == "open"
    assert decide([Comparison("zero", "a"), other], values, 0.01) == "against"


def test_the_opposite_is_corrected_for_the_number_of_tests():
    values = {"test_error": of(a=(1.0, 1.2, 1.4), zero=(0, 0, 0))}
    test = Comparison("a", "zero")
    p = p_values(test, values["test_error"])[1]
    assert decide([test], values, 1.5 * p) == "against" and decide([test] * 2, values, 1.5 * p) == "open"


def test_power_agrees_with_simulation():
    rng = np.random.default_rng(0)
    for effect, seeds in ((1.0, 5), (2.0, 3)):
        sample = rng.normal(-effect, 1, (20_000, seeds))
        found = stats.ttest_1samp(sample, 0, axis=1, alternative="less").pvalue < 0.02
        assert power(effect, 1, seeds, 0.02) == pytest.approx(found.mean(), abs=0.01)


@pytest.mark.parametrize(("seeds", "level"), LOOKS.items())
def test_the_smallest_effect_that_is_found_is_found_as_often_as_is_said(seeds, level):
    for probability in (0.5, 0.8, 0.95):
        effect = detectable(0.3, seeds, level, probability)
        assert power(effect, 0.3, seeds, level) == pytest.approx(probability, abs=1e-3)


def test_a_run_that_did_not_start_has_no_value_and_one_that_diverged_the_worst():
    facts = make_facts("wide", 0, 5_000)
    run = parsed(facts)
    assert value(run, "test_error") == 50.0 and value(run, "train_error") == 60.0
    assert value(run, "curve_error") == (7 * 75 + 50) / 8 and value(run, "generalisation_gap") == -10.0
    assert value(run, "epochs_to_25") is None
    assert value(parsed(not_started(facts)), "test_error") is None
    ended = parsed(diverged(facts, 2))
    assert value(ended, "test_error") == value(ended, "train_error") == 90.0


def looks(effect: float, data_sets: int, rng: np.random.Generator) -> tuple[float, float, float]:
    """Shares decided as claimed and against, and the mean number of seeds, over data sets of unit spread."""
    outcomes, used = [], []
    for _ in range(data_sets):
        sample = rng.normal(-effect, 1, max(LOOKS))
        for seeds, level in LOOKS.items():
            values = {
                "test_error": {"a": dict(enumerate(sample[:seeds])), "b": dict.fromkeys(range(seeds), 0.0)}
            }
            decision = decide([Comparison("a", "b")], values, level)
            if decision != "open":
                break
        outcomes.append(decision)
        used.append(seeds)
    return (
        outcomes.count("as claimed") / data_sets,
        outcomes.count("against") / data_sets,
        float(np.mean(used)),
    )


@pytest.mark.slow
def test_looks_decide_wrongly_in_about_one_of_twenty_and_find_two_deviations():
    rng = np.random.default_rng(1)
    claimed, against, _ = looks(0, 2_000, rng)
    assert 0.040 < claimed < 0.066 and 0.040 < against < 0.066
    claimed, against, seeds = looks(2, 2_000, rng)
    assert claimed > 0.97 and against == 0 and 4.5 < seeds < 5.5


@pytest.mark.slow
@pytest.mark.parametrize("parts", [1, 3])
def test_a_claim_of_parts_of_which_one_is_false_is_hardly_ever_taken_for_true(parts):
    """Intersection and union: one part without an effect, the others with large ones."""
    rng = np.random.default_rng(parts)
    wrong = 0
    for _ in range(2_000):
        values = {"b": dict.fromkeys(range(8), 0.0)}
        for part, effect in zip("cde"[:parts], (0.0, 3.0, 3.0)[:parts], strict=True):
            values[part] = dict(enumerate(rng.normal(-effect, 1, 8)))
        tests = [Comparison(part, "b") for part in list(values)[1:]]
        wrong += decide(tests, {"test_error": values}, 0.05) == "as claimed"
    assert wrong / 2_000 < 0.062
