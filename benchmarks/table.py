"""The one form that all benchmarks print their figures in: ratios of what took turns in one run."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reports import markdown


@dataclass(frozen=True)
class Wanted:
    """A limit: the ratio that the project wants to reach, at least or at most."""

    ratio: float
    at_least: bool = True

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.ratio:g}"

    def reached(self, ratio: float) -> bool:
        return ratio >= self.ratio if self.at_least else ratio <= self.ratio


def compared(
    title: str,
    unit: str,
    samples: Mapping[str, Sequence[float]],
    wanted: Mapping[str, Wanted] | None = None,
    digits: int = 0,
) -> str:
    """A table of what took turns; the ratio is that of the medians, to the first line's.

    unit: of the samples, such as "images/s". wanted: the limits of the ratios that have one, by line.
    """
    wanted = wanted or {}
    anchor = statistics.median(next(iter(samples.values())))
    rows = []
    for name, found in samples.items():
        middle = statistics.median(found)
        ratio, limit = middle / anchor, wanted.get(name)
        spread = f"{middle:,.{digits}f} ({min(found):,.{digits}f}–{max(found):,.{digits}f})"
        verdict = f"{limit}: {'reached' if limit.reached(ratio) else 'missed'}" if limit else "—"
        rows.append([name, spread, f"{ratio:.2f}", verdict])
    columns = (title, f"{unit}: median (min–max)", "ratio", "wanted")
    return markdown.table(columns, rows, right=columns[1:3])


def take_turns(ways: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Call every way once a round, so that a busy machine slows all of them; what each returned, round by round."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            found[name].append(way())
    return found
