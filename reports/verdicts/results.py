"""The records of a study laid into its cells: what has been run, under which budget, with which errors."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lightning_modules.record import Record
from reports.printed import protocols, variants
from reports.verdicts import statistics
from sweeps import study as studies
from sweeps.claim import AsPrinted, Measure, Test, samples_of
from sweeps.contrasts import value
from sweeps.study import Study


@dataclass(frozen=True)
class Group:
    """The runs of one variant on one data set under one budget, in the order of the seeds.

    No DataFrame: pages and pictures take whole records from it, with curves and origin, one cell at a time; over runs of
    all studies, `reports.runs.frame()` is one. `declared`: the number of seeds that the study declares. `evaluation`: the
    protocol by which their errors count; empty, the test.
    """

    records: tuple[Record, ...]
    declared: int
    evaluation: str = ""

    @property
    def errors(self) -> list[float]:
        """Errors in per cent of the runs that started and were so evaluated; one that diverged counts as guessing."""
        return list(self.by_seed("test_error").values())

    def by(self, evaluation: str) -> "Group":
        """Return the same runs with their errors by another protocol; empty, the test."""
        return replace(self, evaluation=evaluation)

    def by_seed(self, measure: Measure) -> dict[int, float]:
        """Return the measure by seed, of every run that has it (`sweeps.contrasts.value`)."""
        return {
            r.seed: figure for r in self.records if (figure := value(r, measure, self.evaluation)) is not None
        }

    def __str__(self) -> str:
        never = sum(record.did_not_start for record in self.records)
        return written(self.errors, self.declared) + (f", {never} did not start" if never else "")


def written(values: Sequence[float], declared: int) -> str:
    """Write `51.23 ± 1.10 (3)`, `51.23 (n=1)`, partly run `51.23 ± 1.10 (2/3)`, not run `— (0/3)`."""
    if not values:
        return f"— (0/{declared})"
    summary, done = statistics.summarise(values), len(values)
    if done < declared:
        return f"{summary} ({done}/{declared})"
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

    def samples(self, test: Test, dataset: str) -> dict[str, Group]:
        """Return the runs that a test holds against each other, by its names for them (`sweeps.claim.samples_of`).

        Against a printed figure they are evaluated by its protocol.
        """
        samples = samples_of(test)
        if isinstance(test, AsPrinted):
            figure = variants.printed_error(self.study.variant(test.variant), dataset, test.measure)
            samples = {test.variant: (test.variant, figure and protocols.evaluation_of(figure) or "")}
        return {
            name: self.groups[variant, dataset].by(evaluation)
            for name, (variant, evaluation) in samples.items()
        }

    @property
    def declared(self) -> int:
        """Number of declared cells."""
        return sum(group.declared for group in self.groups.values())


def as_run(study: Study, records: Iterable[Record]) -> Study:
    """Return the study on the data sets that it declares, and on those in their place that it has been run on."""
    by_dataset: dict[str, set[str]] = {}
    for record in records:
        by_dataset.setdefault(record.dataset, set()).add(record.run_id)
    return study.also_on(
        dataset
        for dataset in by_dataset.keys() & {*study.stand_ins}
        for budget in studies.BUDGETS
        for cell in studies.cells(study, budget, datasets=[dataset])
        if cell.run_id in by_dataset[dataset]
    )


def collate(study: Study, records: Iterable[Record]) -> list[Results]:
    """Return the budgets to report, in the order of `BUDGETS`: those with any record, or else `paper`, still empty.

    `smoke`, which shows that the path works and nothing more, only where nothing larger has been run.

    A record belongs to a cell when their run ids agree: the id is a hash of the resolved configuration, so
    a run that another study or a single command made counts here as well, and one of an older
    configuration doesn't.
    """
    by_run_id = {record.run_id: record for record in records}
    results = [_collate(study, budget, by_run_id) for budget in studies.BUDGETS]
    begun = [result for result in results if result.records]
    return [result for result in begun if result.budget != "smoke"] or begun or results[:1]


def _collate(study: Study, budget: str, by_run_id: Mapping[str, Record]) -> Results:
    # A programme runs more seeds than a study declares where it must.
    more = {r.seed for r in by_run_id.values() if r.budget == budget and r.study == study.name}
    groups: dict[tuple[str, str], list[Record]] = {
        (variant.name, dataset): []
        for variant in study.variants
        for dataset in study.datasets
        if variant in study.variants_on(dataset)
    }
    for cell in sorted(
        studies.cells(study, budget, seeds=[*{*study.seeds, *more}]), key=lambda cell: cell.seed
    ):
        if cell.run_id in by_run_id:
            groups[cell.variant, cell.dataset].append(by_run_id[cell.run_id])
    declared = len(study.seeds)
    return Results(study, budget, {cell: Group(tuple(done), declared) for cell, done in groups.items()})
