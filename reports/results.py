"""The records of a study laid into its cells: what has been run, under which budget, with which errors."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reports import statistics
from reports.records import Record
from sweeps import study as studies
from sweeps.claim import Measure
from sweeps.study import Study


@dataclass(frozen=True)
class Group:
    """The runs of one variant on one data set under one budget, in the order of the seeds."""

    records: tuple[Record, ...]
    wanted: int

    @property
    def errors(self) -> list[float]:
        """Test errors in per cent."""
        return [record.error for record in self.records]

    def values(self, measure: Measure) -> list[float]:
        """The measure of every run that has it; a run that diverged at once has no training error, for example."""
        if measure == "test_error":
            return self.errors
        curves = [record.facts["curve"] for record in self.records]
        if measure == "epochs_to_25":
            reached = [_epoch_of_25(curve["train_error"]) for curve in curves]
            return [float(epoch) for epoch in reached if epoch]
        if measure == "generalisation_gap":
            ends = [(record.error, curve["train_error"]) for record, curve in zip(self.records, curves)]
            return [test - train[-1] for test, train in ends if train and train[-1] is not None]
        if measure == "train_error":
            found = [curve["train_error"][-1:] for curve in curves]
        else:
            found = [curve["test_error"] for curve in curves]
        whole = [values for values in found if values and None not in values]
        return [math.fsum(values) / len(values) for values in whole]

    def __str__(self) -> str:
        return written(self.errors, self.wanted)


def written(values: Sequence[float], wanted: int) -> str:
    """`51.23 ± 1.10 (3)`, `51.23 (n=1)`, partly run `51.23 ± 1.10 (2/3)`, not run `— (0/3)`."""
    if not values:
        return f"— (0/{wanted})"
    summary, done = statistics.summarise(values), len(values)
    if done < wanted:
        return f"{summary} ({done}/{wanted})"
    return f"{summary} (n=1)" if done == 1 else f"{summary} ({done})"


@dataclass(frozen=True)
class Results:
    """A study under one budget: a group for every (variant name, data set name) that has cells."""

    study: Study
    budget: str
    groups: Mapping[tuple[str, str], Group]

    @property
    def records(self) -> list[Record]:
        """All records, by variant in declared order, data set and seed."""
        return [record for group in self.groups.values() for record in group.records]

    @property
    def wanted(self) -> int:
        """Number of cells."""
        return sum(group.wanted for group in self.groups.values())


def collate(study: Study, records: Iterable[Record]) -> list[Results]:
    """The budgets to report, in the order of `BUDGETS`: those with any record, or else `paper`, still empty.

    A record belongs to a cell when their run ids agree: the id is a hash of the resolved configuration, so
    a run that another study or a single command made counts here as well, and one of an older
    configuration doesn't.
    """
    by_run_id = {record.run_id: record for record in records}
    results = [_collate(study, budget, by_run_id) for budget in studies.BUDGETS]
    return [result for result in results if result.records] or results[:1]


def _collate(study: Study, budget: str, by_run_id: Mapping[str, Record]) -> Results:
    cells = studies.cells(study, budget)
    groups = {}
    for variant in study.variants:
        for dataset in study.datasets:
            own = [cell for cell in cells if (cell.variant, cell.dataset) == (variant.name, dataset)]
            own.sort(key=lambda cell: cell.seed)
            done = tuple(by_run_id[cell.run_id] for cell in own if cell.run_id in by_run_id)
            if own:
                groups[variant.name, dataset] = Group(done, len(own))
    return Results(study, budget, groups)


def _epoch_of_25(train_errors: list[float | None]) -> int | None:
    """Number, from 1, of the first epoch whose training error was 25 % or less."""
    reached = (epoch for epoch, error in enumerate(train_errors, 1) if error is not None and error <= 25)
    return next(reached, None)
