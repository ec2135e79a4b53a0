"""The statistics against tables and cases worked by hand."""

import math

import pytest
from scipy import stats

from reports.verdicts import statistics


def test_interval_by_hand():
    # 4, 5, 6: s = 1 and t(0.975, 2) = 4.303 in any printed t table
    summary = statistics.summarise([4.0, 5.0, 6.0])
    assert (summary.n, summary.mean) == (3, 5.0)
    assert summary.half_width == pytest.approx(4.303 / math.sqrt(3), abs=1e-3)
    assert str(summary) == "5.00 ± 2.48"


def test_interval_agrees_with_scipy():
    values = [51.2, 49.8, 50.9, 53.3, 50.0]
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert statistics.summarise(values).half_width == pytest.approx((high - low) / 2)


def test_single_run_has_no_interval():
    assert str(statistics.summarise([5.126])) == "5.13"


def test_welch_by_hand():
    # means 2 and 5, variances 1 and 4, n = 3 each: t = −3 / √(5/3) = −2.324,
    # ν = (5/3)² / ((1/3)²/2 + (4/3)²/2) = 2.941
    lower, higher = [1.0, 2.0, 3.0], [3.0, 5.0, 7.0]
    expected = stats.t.cdf(-3 / math.sqrt(5 / 3), (5 / 3) ** 2 / ((1 / 9 + 16 / 9) / 2))
    assert statistics.welch(lower, higher) == pytest.approx(expected)
    assert statistics.welch(higher, lower) == pytest.approx(1 - expected)


def test_welch_without_spread_decides_nothing():
    assert statistics.welch([90.0, 90.0], [90.0, 90.0]) == 1
    assert statistics.welch([10.0, 10.0], [90.0, 90.0]) == 1


def test_holm_by_hand():
    # sorted .01 .02 .03 .04, times 4 3 2 1: .04 .06 .06 .04, made monotone .04 .06 .06 .06
    assert statistics.holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert statistics.holm([0.6, 0.7]) == [1.0, 1.0]
    assert statistics.holm([]) == []


def test_runs_needed_by_hand():
    # z(.95) = 1.645, z(.8) = .8416: 2.486² · (4 + 4) / 1² = 49.5
    lower, higher = [0.0, 2.0, 4.0], [1.0, 3.0, 5.0]
    assert statistics.runs_needed(lower, higher, comparisons=1) == 50
    assert statistics.runs_needed(lower, higher, comparisons=5) > 50
    assert statistics.runs_needed(lower, lower, comparisons=1) is None


def test_runs_needed_is_enough_in_simulation():
    import numpy

    n = statistics.runs_needed([0.0, 2.0, 4.0], [1.5, 3.5, 5.5], comparisons=1)
    draws = numpy.random.default_rng(0).normal(size=(2, 2000, n)) * 2
    p = stats.ttest_ind(draws[0], draws[1] + 1.5, axis=1, equal_var=False, alternative="less").pvalue
    assert (p < 0.05).mean() == pytest.approx(0.8, abs=0.03)


def test_equivalence_by_hand():
    # means 2 and 2.5, variances 1 and 1, n = 3 each: se = √(2/3), ν = 4; with a margin of 4 the harder side is
    # t = −(4 − 0.5) / se = −4.287
    one, other = [1.0, 2.0, 3.0], [1.5, 2.5, 3.5]
    expected = stats.t.cdf(-3.5 / math.sqrt(2 / 3), 4)
    assert statistics.equivalent(one, other, 4.0) == pytest.approx(expected)
    assert statistics.equivalent(other, one, 4.0) == pytest.approx(expected)
    assert statistics.equivalent(one, other, 0.1) > 0.5


def test_a_difference_beyond_the_margin():
    near, far = [10.0, 10.1, 10.2], [15.0, 15.1, 15.2]
    assert statistics.different(near, far, 1.0) == statistics.different(far, near, 1.0) < 0.001
    assert statistics.different(near, far, 5.5) > 0.5
    one_sided = statistics.welch([value + 1 for value in near], far)
    assert statistics.different(near, far, 1.0) == pytest.approx(2 * one_sided)


def test_trend_by_hand():
    # three groups of two: 6! / (2! 2! 2!) = 90 ways to deal six values out, of which one has all 12 pairs falling;
    # with 5 and 4 exchanged between the first two groups 11 fall, as they do with 3 and 2 exchanged
    assert statistics.falling([[6.0, 5.0], [4.0, 3.0], [2.0, 1.0]]) == pytest.approx(1 / 90)
    assert statistics.falling([[6.0, 4.0], [5.0, 3.0], [2.0, 1.0]]) == pytest.approx(3 / 90)
    assert statistics.falling([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]) == 1
    assert statistics.falling([[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]) == 1


def test_trend_of_several_runs_agrees_with_the_exact_count():
    # two groups: Jonckheere's statistic is Mann-Whitney's U
    first, second = [5.0, 6.5, 7.0, 9.0], [1.0, 2.0, 6.0]
    exact = stats.mannwhitneyu(first, second, alternative="greater", method="exact").pvalue
    assert statistics.falling([first, second]) == pytest.approx(exact)


def test_a_trend_gives_the_same_p_again():
    groups = [[5.0, 6.0, 7.0], [4.0, 5.5, 6.5], [3.0, 4.5, 5.0], [3.5, 2.0, 5.2], [1.0, 2.5, 4.0]]
    assert statistics.falling(groups) == statistics.falling(groups) < 0.01


def test_rises_by_hand():
    # rises 1 and 4, variances 1, 1, 1, 4 of three each: t = (1 − 4) / √(7/3) = −1.964,
    # ν = (7/3)² / ((3 · (1/3)² + (4/3)²) / 2) = 5.158
    less = [[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]]
    more = [[0.0, 1.0, 2.0], [3.0, 5.0, 7.0]]
    expected = stats.t.cdf(-3 / math.sqrt(7 / 3), (7 / 3) ** 2 / ((3 / 9 + 16 / 9) / 2))
    assert statistics.rises_less(less, more) == pytest.approx(expected)
    assert statistics.rises_less(more, less) == pytest.approx(1 - expected)
    assert statistics.rises_less([[1.0, 1.0]] * 2, [[1.0, 1.0], [9.0, 9.0]]) == 1


def test_rises_from_samples_without_spread_are_welchs_test():
    flat, lower, higher = [0.0, 0.0], [1.0, 2.0, 4.0], [3.0, 5.0, 7.0]
    assert statistics.rises_less([flat, lower], [flat, higher]) == pytest.approx(
        statistics.welch(lower, higher)
    )


def test_near_and_far_by_hand():
    # mean 5, s = 1, n = 3: the lower bound 4.5 is the nearer, (5 − 4.5) √3, ν = 2
    values = [4.0, 5.0, 6.0]
    assert statistics.near(values, 5.5, 1.0) == pytest.approx(stats.t.cdf(-0.5 * math.sqrt(3), 2))
    # 3 from the figure, 2 beyond the margin, in one of two directions
    assert statistics.far(values, 8.0, 1.0) == pytest.approx(2 * stats.t.cdf(-2 * math.sqrt(3), 2))
    assert statistics.near([5.0, 5.0], 5.0, 1.0) == statistics.far([5.0, 5.0], 9.0, 1.0) == 1


def test_a_line_by_hand():
    # means 0, 1, 0 lie −1/3, 2/3, −1/3 off their line; with variance 1, n = 3, 6 degrees of freedom the standard
    # errors are √(1/18), √(4/18), √(1/18)
    places, groups = [0.0, 1.0, 2.0], [[-1.0, 0.0, 1.0], [0.0, 1.0, 2.0], [-1.0, 0.0, 1.0]]
    assert statistics.off_the_line(places, groups) == pytest.approx([-1 / 3, 2 / 3, -1 / 3])
    nearest = (2 / 3 - 2) / math.sqrt(4 / 18)
    assert statistics.linear(places, groups, 2.0) == pytest.approx(stats.t.cdf(nearest, 6))
    beyond = (2 / 3 - 0.1) / math.sqrt(4 / 18)
    assert statistics.bent(places, groups, 0.1) == pytest.approx(6 * stats.t.sf(beyond, 6))
    assert (
        statistics.linear(places, [[1.0, 1.0]] * 3, 2.0)
        == statistics.bent(places, [[1.0, 1.0]] * 3, 2.0)
        == 1
    )
    assert statistics.bent(places, groups, 2.0) == 1
