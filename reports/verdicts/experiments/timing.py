"""Which of several is faster, and by how much: they take turns, and each round gives a ratio.

Times move with whatever else a machine does; ratios within a round much less. On a CPU a time is the processor time
of this process on one thread, which leaves out the waiting for other processes; on a GPU it is that between two CUDA
events. Nothing is assumed about how ratios are distributed, only that rounds are alike and independent.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from scipy import stats

from reports.verdicts.experiments import Cell, table

LEVEL = 0.05
WARM_UPS = 3
SEED = 0

Run = Callable[[], object]
Stopwatch = Callable[[Run], float]


@dataclass(frozen=True)
class Ratio:
    """Of two times, over the rounds: the median, its 95 % interval, the least and the most."""

    median: float
    low: float
    high: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Ratio":
        return cls(median(values), *interval(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{self.median:.2f} [{self.low:.2f}, {self.high:.2f}]"

    def above(self, bound: float) -> bool | None:
        """Decide: yes or no if the whole interval is on one side of the bound, None if the bound is within."""
        if self.low > bound:
            return True
        return False if self.high < bound else None


@dataclass(frozen=True)
class Comparison:
    """How many times as long `slow` takes as `fast`: median and 95 % interval; a finding keeps it, to be judged anew.

    bound: above which it is as claimed. printed: what the paper's figures give, as text; "" if none. size: which of
    several that were timed, "×2". step: whether it lies between others that decide.
    """

    slow: str
    fast: str
    median: float
    low: float
    high: float
    bound: float = 1.0
    printed: str = ""
    size: str = ""
    step: bool = False

    @classmethod
    def of(cls, slow: str, fast: str, ratio: Ratio, **more: Any) -> "Comparison":
        """Make it of a ratio that was timed."""
        return cls(slow, fast, ratio.median, ratio.low, ratio.high, **more)

    @property
    def as_claimed(self) -> bool | None:
        """Return whether it lies above its bound: True or False if the whole interval is on one side, else None."""
        if self.low > self.bound:
            return True
        return False if self.high < self.bound else None

    def __str__(self) -> str:
        return f"{self.median:.2f} [{self.low:.2f}, {self.high:.2f}]"


@dataclass(frozen=True)
class Times:
    """Seconds that each candidate took, by round."""

    seconds: Mapping[str, Sequence[float]]

    def ratio(self, candidate: str, against: str, by: float = 1.0) -> Ratio:
        """Return the candidate's time over the other's in the same round, divided by `by`."""
        pairs = zip(self.seconds[candidate], self.seconds[against], strict=True)
        return Ratio.of([one / other / by for one, other in pairs])

    def table(
        self,
        title: str,
        against: str,
        mult_adds: Mapping[str, int],
        printed: Mapping[str, Mapping[str, Cell]],
        *,
        per_mult_add: bool = False,
    ) -> dict:
        """Return a row each candidate, its time over that of `against`. printed: a column each, by candidate."""
        what = "time per mult-add" if per_mult_add else "time"
        columns = ("", "mult-adds", "ms", f"{what} ÷ {against}", "95 % interval", "min–max", *printed)
        rows = []
        for name, seconds in self.seconds.items():
            ratio = self.ratio(name, against, mult_adds[name] / mult_adds[against] if per_mult_add else 1.0)
            is_reference = name == against
            rows.append(
                [
                    name,
                    mult_adds[name],
                    1e3 * median(seconds),
                    ratio.median,
                    None if is_reference else f"{ratio.low:.3f}–{ratio.high:.3f}",
                    None if is_reference else f"{ratio.least:.2f}–{ratio.most:.2f}",
                    *(column.get(name) for column in printed.values()),
                ]
            )
        return table(title, columns, rows)


def in_turns(candidates: Mapping[str, Run], rounds: int, stopwatch: Stopwatch) -> Times:
    """Time each candidate once in every round, in an order shuffled anew, after some runs that don't count."""
    order = list(candidates)
    shuffle = random.Random(SEED).shuffle
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(WARM_UPS):
        for run in candidates.values():
            run()
    for _ in range(rounds):
        shuffle(order)
        for name in order:
            seconds[name].append(stopwatch(candidates[name]))
    return Times(seconds)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return a 95 % interval of the median that holds for any distribution (order statistics, binomial).

    The k-th of n sorted values from below and from above, with the largest k for which a coin shows less than k heads
    in n throws with a probability of 2.5 % at most. Raises ValueError below 6 values, the fewest that give one.
    """
    n = len(values)
    k = int(stats.binom.ppf(LEVEL / 2, n, 0.5))
    if stats.binom.cdf(k, n, 0.5) <= LEVEL / 2:
        k += 1
    if k < 1:
        raise ValueError(f"{n} rounds give no 95 % interval; 6 are the fewest that do")
    ordered = sorted(values)
    return ordered[k - 1], ordered[n - k]


def tally(decided: Sequence[bool | None], what: str = "comparisons") -> str:
    """Say how many came out how; what: in the plural."""
    return (
        f"{decided.count(True)} of {len(decided)} {what} as claimed, {decided.count(False)} the other way"
        f", {decided.count(None)} undecided"
    )


@contextmanager
def stopwatch(device: str) -> Iterator[Stopwatch]:
    """Give a stopwatch for "cpu", on one thread, or "cuda"."""
    if device == "cuda":
        yield _between_events
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield _processor_time
    finally:
        torch.set_num_threads(threads)


def _processor_time(run: Run) -> float:
    begun = time.process_time()
    run()
    return time.process_time() - begun


def _between_events(run: Run) -> float:
    begun, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    begun.record()
    run()
    ended.record()
    ended.synchronize()
    return begun.elapsed_time(ended) / 1e3
