"""The page while runs go on: one HTML file that needs no other."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jinja2

from lightning_modules.execution.estimate import duration
from reports.watch.sections import SIGNS, Mark, Section
from sweeps.study import Cell


@dataclass(frozen=True)
class Summary:
    """All sections together; a run that two of them show counts once."""

    sections: Sequence[Section]

    @cached_property
    def states(self) -> dict[str, tuple[Section, Cell, Mark]]:
        """Return section, cell and mark by run id."""
        return {
            cell.run_id: (section, cell, section.marks[cell.variant, cell.seed])
            for section in self.sections
            for cell in section.cells
        }

    @cached_property
    def counts(self) -> dict[str, int]:
        """Return the number of runs in each state that any is in."""
        states = [mark.state for _, _, mark in self.states.values()]
        return {state: states.count(state) for state in SIGNS if state in states}

    @property
    def finished(self) -> int:
        """Return the number of runs with a result."""
        return self.counts.get("done", 0) + self.counts.get("diverged", 0)

    @cached_property
    def failed(self) -> list[tuple[str, str]]:
        """Return title and reason of each failed run."""
        return [
            (mark.title.split(":")[0], section.runs.why(cell.run_id))
            for section, cell, mark in self.states.values()
            if mark.state == "failed"
        ]

    @cached_property
    def left(self) -> str:
        """Say what the unfinished runs will take, as many side by side as are running now."""
        unfinished = [(s, c) for s, c, mark in self.states.values() if mark.state not in ("done", "diverged")]
        if not unfinished:
            return "all runs are done"
        seconds = [section.seconds_left(cell) for section, cell in unfinished]
        known = [s for s in seconds if s is not None]
        if not known:
            return "how long the rest takes isn't known until a run is done"
        side_by_side = self.counts.get("running", 0)
        total = statistics.fmean(known) * len(seconds) / max(1, side_by_side)
        how = f"{side_by_side} at a time, as now" if side_by_side else "nothing is running; one at a time"
        return f"{duration(total)} left ({how})"

    def __str__(self) -> str:
        counts = ", ".join(f"{number:,} {state}" for state, number in self.counts.items())
        return f"{counts}; {self.left}"


def html(title: str, summary: Summary, warnings: Sequence[str], interval: float | None, now: str) -> str:
    """Make the page; without an `interval`, in seconds, it doesn't ask for itself again. All texts are escaped."""
    source = (Path(__file__).parent / "page.html").read_text(encoding="utf-8")
    template = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(source)
    return template.render(
        title=title, summary=summary, warnings=warnings, interval=interval, now=now, signs=SIGNS
    )
