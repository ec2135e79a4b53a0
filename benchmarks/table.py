"""The one form that all benchmarks print their figures in: ratios of what took turns in one run."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reports.pages import markdown


@dataclass(frozen=True)
class Target:
    """A ratio that the project wants to reach, at least or at most."""

    ratio: float
    at_least: bool = True

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.ratio:g}"

    def reached(self, ratio: float) -> bool:
        return ratio >= self.ratio if self.at_least else ratio <= self.ratio

    def verdict(self, ratios: Sequence[float]) -> str:
        """Return the verdict, decided where all turns agree: of a target that is just met, noise makes them differ."""
        words = {"reached" if self.reached(ratio) else "missed" for ratio in ratios}
        return f"{self}: {words.pop() if len(words) == 1 else 'undecided'}"


def compared(
    title: str,
    unit: str,
    samples: Mapping[str, Sequence[float]],
    targets: Mapping[str, Target] | None = None,
    digits: int = 0,
) -> str:
    """Return the table of what took turns. A ratio is to the first line's of the same turn: what slows a turn slows both.

    unit: of the samples, such as "images/s". targets: of the ratios that have one, by line.
    """
    targets = targets or {}
    anchor = next(iter(samples.values()))
    rows = []
    for name, values in samples.items():
        ratios = [value / first for value, first in zip(values, anchor, strict=True)]
        verdict = targets[name].verdict(ratios) if name in targets else "—"
        ratio = "1" if values is anchor else spread(ratios, 2)
        rows.append([name, spread(values, digits), ratio, verdict])
    columns = (title, f"{unit}: median (min–max)", "ratio: median (min–max)", "wanted")
    return markdown.table(columns, rows, right=columns[1:3])


def spread(values: Sequence[float], digits: int) -> str:
    """Return the median, and the smallest and largest, in words."""
    middle, least, most = (f"{f(values):,.{digits}f}" for f in (statistics.median, min, max))
    return f"{middle} ({least}–{most})"


def take_turns(ways: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Call every way once a round, so that a busy machine slows all of them; return what they returned, round by round."""
    samples: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            samples[name].append(way())
    return samples
