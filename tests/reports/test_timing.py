"""Interleaved timing: the interval and the rule worked by hand, and a clock that is told what time it is."""

import pytest
import torch

from reports.verdicts.experiments import timing
from reports.verdicts.experiments.timing import Ratio, Times


@pytest.mark.parametrize(
    ("n", "k"),
    [
        (6, 1),  # 2 · 1/64 = 3.1 %
        (8, 1),  # k = 2 would leave 2 · 9/256 = 7.0 %
        (9, 2),  # 2 · 10/512 = 3.9 %
        (11, 2),  # k = 3 would leave 2 · 67/2048 = 6.5 %
        (20, 6),  # the tables of the sign test: 6th and 15th of 20
        (25, 8),
    ],
)
def test_the_interval_by_hand(n, k):
    values = [float(value) for value in range(1, n + 1)]
    assert timing.interval(values[::-1]) == (k, n + 1 - k)


def test_too_few_rounds_have_no_interval():
    with pytest.raises(ValueError, match="5 rounds give no 95 % interval; 6 are"):
        timing.interval([1.0] * 5)


@pytest.mark.parametrize(("low", "high", "word"), [(1.01, 1.2, True), (0.8, 0.99, False), (0.99, 1.01, None)])
def test_the_rule(low, high, word):
    assert Ratio((low + high) / 2, low, high, low, high).above(1.0) is word


def test_several_comparisons_are_told_by_how_they_came_out():
    assert timing.tally([True, None, False, True]).startswith("2 of 4 comparisons as claimed, 1 the other")


class Clock:
    """A stopwatch that runs a candidate and is told how long it took; the machine gets slower from round to round."""

    def __init__(self, costs, candidates):
        self.costs, self.candidates, self.seen = costs, candidates, []

    def __call__(self, run):
        run()
        self.seen.append(self.ran)
        return self.costs[self.ran] * (1 + len(self.seen) // self.candidates)


@pytest.fixture
def timed():
    clock = Clock({"a": 2.0, "b": 3.0, "c": 2.0}, 3)
    ran = []

    def candidate(name):
        def run():
            ran.append(name)
            clock.ran = name

        return run

    clock.order = ran
    return clock, timing.in_turns({name: candidate(name) for name in "abc"}, 40, clock)


def test_candidates_take_turns_in_every_round(timed):
    clock, times = timed
    assert clock.order[: 3 * timing.WARM_UPS] == ["a", "b", "c"] * timing.WARM_UPS
    rounds = [clock.seen[start : start + 3] for start in range(0, 120, 3)]
    assert all(sorted(each) == ["a", "b", "c"] for each in rounds)
    assert len({tuple(each) for each in rounds}) == 6  # every order comes up
    assert [len(seconds) for seconds in times.seconds.values()] == [40] * 3


def test_ratios_are_taken_within_a_round():
    # The machine slows down hundredfold; b always takes 1.5 times as long as a.
    slower = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]
    times = Times({"a": [2 * x for x in slower], "b": [3 * x for x in slower]})
    assert times.ratio("b", "a") == Ratio(1.5, 1.5, 1.5, 1.5, 1.5)
    assert times.ratio("b", "a", by=3.0).median == 0.5
    assert str(times.ratio("a", "b")) == "0.67 [0.67, 0.67]"


def test_the_table():
    times = Times({"a": [0.002] * 6, "b": [0.004] * 5 + [0.008]})
    made = times.table("Two", "a", {"a": 10, "b": 20}, {"printed": {"b": "1.9"}})
    assert made["columns"] == ["", "mult-adds", "ms", "time ÷ a", "95 % interval", "min–max", "printed"]
    assert made["rows"] == [
        ["a", 10, 2.0, 1.0, None, None, None],
        ["b", 20, 4.0, 2.0, "2.000–4.000", "2.00–4.00", "1.9"],
    ]


def test_the_stopwatch_of_a_cpu_has_one_thread_and_leaves_no_trace():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with timing.stopwatch("cpu") as watch:
            assert torch.get_num_threads() == 1
            assert watch(lambda: sum(range(100_000))) > 0
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
