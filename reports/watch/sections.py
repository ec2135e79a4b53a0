"""What the page shows of a study, or of a line of the programme: a cell a run, the results and differences so far."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from lightning_modules.data.catalogue import DATASETS
from reports.plots.forest import MEASURES
from reports.printed import variants
from reports.verdicts import differences
from reports.verdicts.differences import Difference
from reports.verdicts.results import Group, Results
from reports.watch.folder import RunsFolder
from sweeps import programme
from sweeps import study as studies
from sweeps.claim import variants_of
from sweeps.study import Cell, Study

SIGNS = {"done": "", "diverged": "≈", "running": "▶", "stopped": "‖", "failed": "✕", "missing": "·"}
STEPS = [digit * 10.0**power for power in range(-3, 3) for digit in (1, 2, 5)]
MARGIN = 0.06  # of the forest plot's width, left and right of what is drawn


class Mark(NamedTuple):
    """One cell: its state, what is written in it, and more when it is pointed at."""

    state: str
    text: str
    title: str


@dataclass(frozen=True)
class Section:
    """Rows of a study on one data set at one budget.

    seconds: what a run takes where no record says it. decisions: of the programme's line, in words.
    """

    title: str
    study: Study
    dataset: str
    budget: str
    cells: Sequence[Cell]
    runs: RunsFolder
    seconds: float | None = None
    decisions: Sequence[str] = ()

    @cached_property
    def marks(self) -> dict[tuple[str, int], Mark]:
        """Return the cells' marks by variant and seed."""
        return {(cell.variant, cell.seed): self._mark(cell) for cell in self.cells}

    @cached_property
    def rows(self) -> list[str]:
        """Return the variants, in the study's order."""
        asked = {cell.variant for cell in self.cells}
        return [row.name for row in self.study.variants_on(self.dataset) if row.name in asked]

    @cached_property
    def seeds(self) -> list[int]:
        """Return the seeds, sorted."""
        return sorted({cell.seed for cell in self.cells})

    @cached_property
    def results(self) -> Results:
        """Return the records of the cells, laid into the study."""
        done: dict[tuple[str, str], list] = {
            (v.name, self.dataset): [] for v in self.study.variants_on(self.dataset)
        }
        for cell in sorted(self.cells, key=lambda cell: cell.seed):
            if cell.run_id in self.runs.records:
                done[cell.variant, self.dataset].append(self.runs.records[cell.run_id])
        groups = {place: Group(tuple(records), len(self.seeds)) for place, records in done.items()}
        return Results(self.study, self.budget, groups)

    @property
    def place(self) -> str:
        """Return the data set and the budget, in words."""
        return f"{DATASETS[self.dataset].title}, budget {self.budget}"

    @property
    def printed_on(self) -> str:
        """Return the title of the data set of the printed errors."""
        return DATASETS[variants.paper_dataset(self.study, self.dataset)].title

    def error(self, variant: str) -> str:
        """Return the mean test error of a variant's runs, in per cent, with interval and n."""
        return str(self.results.groups[variant, self.dataset])

    def printed(self, variant: str) -> str:
        """Return the printed error of a variant, in per cent."""
        paper_data = variants.paper_dataset(self.study, self.dataset)
        return variants.as_error(variants.printed_error(self.study.variant(variant), paper_data))

    @cached_property
    def forest(self) -> "Forest | None":
        """Return the differences in points of error that any seed shows; None without one."""
        drawn = [
            difference
            for difference in differences.of_study(self.results, self.dataset, votes=False)
            if difference.seeds and difference.test.measure in MEASURES
            and set(variants_of(difference.test)) <= set(self.rows)
        ]  # fmt: skip
        return Forest(drawn) if drawn else None

    @cached_property
    def seconds_a_run(self) -> dict[str, float]:
        """Return what a run of each variant takes: from its records, its running runs, or else those of the others."""
        known: dict[str, list[float]] = {name: [] for name in self.rows}
        for cell in self.cells:
            if record := self.runs.records.get(cell.run_id):
                known[cell.variant].append(record.wall_seconds)
            elif seconds := self._by_progress(cell):
                known[cell.variant].append(seconds)
        medians = {name: statistics.median(seconds) for name, seconds in known.items() if seconds}
        others = self.seconds or (statistics.median(medians.values()) if medians else None)
        return medians if others is None else dict.fromkeys(self.rows, others) | medians

    def seconds_left(self, cell: Cell) -> float | None:
        """Return what an unfinished run has yet to take; None where nothing tells."""
        whole = self._by_progress(cell) or self.seconds_a_run.get(cell.variant)
        return None if whole is None else whole * (1 - self.runs.fraction(cell.run_id))

    def _by_progress(self, cell: Cell) -> float | None:
        running = self.marks[cell.variant, cell.seed].state == "running"
        return self.runs.seconds_by_progress(cell.run_id) if running else None

    def _mark(self, cell: Cell) -> Mark:
        where = f"{cell.variant}, seed {cell.seed}, run {cell.run_id}"
        if record := self.runs.records.get(cell.run_id):
            if record.diverged:
                return Mark("diverged", SIGNS["diverged"], f"{where}: diverged in epoch {record.diverged}")
            started = ", did not start" if record.did_not_start else ""
            return Mark("done", f"{record.error:.2f}", f"{where}: {record.error:.2f} %{started}")
        state = self.runs.state(cell.run_id)
        share = f" {self.runs.fraction(cell.run_id):.0%}" if state in ("running", "stopped") else ""
        why = f": {self.runs.why(cell.run_id)}" if state == "failed" else ""
        return Mark(state, SIGNS[state] + share, f"{where}: {state}{share}{why}")


@dataclass(frozen=True)
class Forest:
    """Differences on one axis, in points of error; places on it in per cent of its width."""

    differences: Sequence[Difference]

    @cached_property
    def ends(self) -> tuple[float, float]:
        """Return the ends of the axis, between which zero lies."""
        drawn = [d.mean for d in self.differences]
        drawn += [d.printed for d in self.differences if d.printed is not None]
        drawn += [end for d in self.differences if d.seeds > 1 for end in (d.low, d.high)]
        low, high = min(0.0, *drawn), max(0.0, *drawn)
        margin = MARGIN * ((high - low) or 1.0)
        return low - margin, high + margin

    @property
    def ticks(self) -> list[float]:
        """Return about five round places on the axis, zero among them."""
        low, high = self.ends
        step = next(s for s in STEPS if (high - low) / s <= 6)
        return [step * nth for nth in range(math.ceil(low / step), math.floor(high / step) + 1)]

    def position(self, points: float) -> str:
        """Return where on the axis a difference stands."""
        low, high = self.ends
        return f"{100 * (points - low) / (high - low):.1f}%"

    @staticmethod
    def label(difference: Difference) -> str:
        """Return what is the difference of what."""
        return MEASURES[difference.test.measure] + differences.in_words(difference.test).replace("`", "")


def of_study(
    study: Study, budgets: Sequence[str], datasets: Sequence[str], runs: RunsFolder
) -> list[Section]:
    """Return a section for each data set at each budget of which anything was begun, or else at the first of `budgets`.

    `smoke`, which decides nothing, only where nothing else was begun. More seeds than the study declares, as the programme
    makes, are shown where they were begun.
    """
    sections, begun = [], set()
    for budget in budgets:
        more = {r.seed for r in runs.records.values() if (r.study, r.budget) == (study.name, budget)}
        seeds = sorted({*study.seeds, *more})
        cells = studies.cells(study, budget, datasets=datasets, seeds=seeds)
        untouched = {c for c in cells if c.run_id not in runs.records and runs.state(c.run_id) == "missing"}
        begun |= {budget} if len(untouched) < len(cells) else set()
        shown = [cell for cell in cells if cell.seed in study.seeds or cell not in untouched]
        for dataset in datasets:
            here = [cell for cell in shown if cell.dataset == dataset]
            sections.append(Section("", study, dataset, budget, here, runs))
    begun = begun - {"smoke"} or begun or {budgets[0]}
    return [section for section in sections if section.budget in begun]


def of_programme(lines: Iterable[programme.Line], runs: RunsFolder) -> list[Section]:
    """Return a section for each line of the plan, with the runs made and those that it needs now."""
    sections = []
    for line in lines:
        status = programme.status(line, runs.records)
        seeds = line.seeds or tuple(range(max((c.seed + 1 for c in status.missing), default=status.seeds)))
        ended = "" if status.missing else "; the line has ended"
        decisions = dict.fromkeys(
            f"{claim.id}: {word} after {status.seeds} seeds{ended}" for claim, word in status.decisions
        )
        seconds = sum(line.thread_seconds) / len(line.thread_seconds)
        cells = line.cells(seeds)
        sections.append(
            Section(line.title, line.declared, line.dataset, line.budget, cells, runs, seconds, [*decisions])
        )
    return sections
