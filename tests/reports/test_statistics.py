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
