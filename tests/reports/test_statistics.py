"""The statistics against tables and cases worked by hand."""

import math

import pytest
from scipy import stats

from reports import statistics


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
