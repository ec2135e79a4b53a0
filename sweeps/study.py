"""A study: one table or ablation of a paper, declared in `sweeps/studies/<study>.toml`.

The declaration is the hub: the W&B sweep, the local run list and the report all derive from it. Nothing here
imports torch, W&B or Lightning.
"""

import dataclasses
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from architectures.spelling import did_you_mean
from lightning_modules import configuration, recipes
from lightning_modules.budgets import BUDGETS as _BUDGETS
from lightning_modules.configuration import Configuration
from lightning_modules.data import catalogue
from sweeps import study_checks
from sweeps.claim import Claim
from sweeps.declarations import build, value_of

FOLDER = Path(__file__).parent / "studies"
BUDGETS = tuple(_BUDGETS)


@dataclass(frozen=True)
class Printed:
    """Where the papers print a variant's figures: a file of `reports/papers/`, a row of it, and which column.

    `metric`, `part` and `augmentation` as the file writes them: `part`, the table of the paper, where several in the
    file have such a row, `augmentation` where the row has several. What is the same for all variants may stand once,
    as the study's own `printed`.
    """

    row: str
    table: str
    augmentation: str = ""
    metric: str = "err"
    part: str = ""


@dataclass(frozen=True)
class Variant:
    """One row of a study.

    `knobs` hold on every data set, `cifar` and `imagenet` add to them on the data sets of that stem; `only_on`
    names the stem on whose data sets alone the row stands.
    `recipe`, `resolution`, `evaluation`: as the study's, which they go before. `recipe_changes`: what this row changes of the
    recipe, where that is what the paper varies. `teacher`: the row of the study whose network, of the same data set,
    budget and seed, this one learns from.
    """

    name: str
    arch: str
    knobs: dict = field(default_factory=dict)
    cifar: dict = field(default_factory=dict)
    imagenet: dict = field(default_factory=dict)
    only_on: str = ""
    recipe: str | dict[str, str] | None = None
    recipe_changes: dict = field(default_factory=dict)
    teacher: str = ""
    resolution: int | dict[str, int] | None = None
    evaluation: tuple[str, ...] | None = None
    note: str = ""
    printed: tuple[Printed, ...] = ()

    def knobs_for(self, stem: str) -> dict:
        return self.knobs | {"cifar": self.cifar, "imagenet": self.imagenet}[stem]


@dataclass(frozen=True)
class Table:
    """A table of the report: its title and its rows, in the paper's order."""

    title: str
    variants: tuple[str, ...]


@dataclass(frozen=True)
class PaperPicture:
    """What the paper draws of the study, or would if its table were a picture.

    `source`: its figure or table. `over`: what the axes show, a panel each. `series`: what tells the lines apart.
    `panels`: the property that has panels of its own for each of its values. Properties of a network are `parameters`
    and `mult_adds` (both counted), `arch`, `resolution` or one of its knobs. `y`: `error` or `accuracy`.
    """

    source: str
    over: tuple[str, ...]
    series: tuple[str, ...] = ()
    panels: str = ""
    y: str = "error"


@dataclass(frozen=True)
class Study:
    name: str
    title: str
    paper: str
    source: str
    question: str
    # Of the printed figures: "single run", "median of 5" …; "not stated" where no paper says it.
    statistic: str
    datasets: tuple[str, ...]
    seeds: tuple[int, ...]
    variants: tuple[Variant, ...]
    tables: tuple[Table, ...]
    claims: tuple[Claim, ...] = ()
    pictures: tuple[PaperPicture, ...] = ()
    departures: tuple[str, ...] = ()
    # A name, or a name for each stem that has another than the architectures' own; None: they all have their own.
    recipe: str | dict[str, str] | None = None
    # Pixels, or pixels for each stem that has others than its data sets' own; None: they all have their own.
    resolution: int | dict[str, int] | None = None
    # Protocols by which runs on image files are evaluated beside the test, as the papers evaluated.
    evaluation: tuple[str, ...] = ()
    transfers: tuple[str, ...] = ()  # those of the data sets that the paper doesn't have, reported apart
    # By budget, where a whole study runs in another arithmetic than fp32 because it gains so much time; never mixed.
    precision: dict[str, str] = field(default_factory=dict)

    @property
    def printed_runs(self) -> str:
        """Return `statistic` as pages say it behind a printed figure."""
        return "number of runs not stated" if self.statistic == "not stated" else self.statistic

    @property
    def stand_ins(self) -> tuple[str, ...]:
        """Return the data sets that a run may name though the study doesn't: Imagenette, where it has ImageNet."""
        return tuple(name for name in catalogue.stand_ins(self.datasets) if name not in self.datasets)

    def also_on(self, datasets: Iterable[str]) -> "Study":
        """Return the study with those of the given data sets that are `stand_ins`, as transfers."""
        added = tuple(name for name in dict.fromkeys(datasets) if name in self.stand_ins)
        return dataclasses.replace(self, datasets=self.datasets + added, transfers=self.transfers + added)

    def variants_on(self, dataset: str) -> tuple[Variant, ...]:
        """Return the rows that stand on a data set."""
        stem = catalogue.find(dataset).stem
        return tuple(variant for variant in self.variants if variant.only_on in ("", stem))

    def tables_on(self, dataset: str) -> tuple[Table, ...]:
        """Return the tables cut to the rows that stand on a data set; those without any are left out."""
        rows = {variant.name for variant in self.variants_on(dataset)}
        cut = (
            dataclasses.replace(table, variants=tuple(name for name in table.variants if name in rows))
            for table in self.tables
        )
        return tuple(table for table in cut if table.variants)

    def recipe_of(self, variant: Variant, dataset: str) -> str | None:
        """Return the recipe that a row is trained by on a data set; None: the architecture's own."""
        name = _first(catalogue.find(dataset).stem, variant.recipe, self.recipe)
        return name and recipes.for_dataset(name, dataset)

    def resolution_of(self, variant: Variant, stem: str) -> int | None:
        """Return the pixels at a side of what a row is shown on a stem; None: the data set's own."""
        return _first(stem, variant.resolution, self.resolution)

    def evaluations_of(self, variant: Variant, dataset: str) -> tuple[str, ...]:
        """Return the protocols by which a row is evaluated beside the test; images of one size allow none."""
        if not isinstance(catalogue.find(dataset), catalogue.FolderDataset):
            return ()
        return self.evaluation if variant.evaluation is None else variant.evaluation

    def variant(self, name: str) -> Variant:
        """Return the variant of that name. Raises ValueError, with the near misses, if there is none."""
        by_name = {variant.name: variant for variant in self.variants}
        if name in by_name:
            return by_name[name]
        raise ValueError(f"{self.name} has no variant {name!r}{did_you_mean(name, by_name)}")


@dataclass(frozen=True)
class Cell:
    """One run of a study."""

    study: str
    variant: str
    dataset: str
    budget: str
    seed: int
    run_id: str
    options: tuple[str, ...] = ()  # what its command says beyond these: `--plan`, another `--precision`


def names() -> list[str]:
    """Return the names of the declared studies."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read(name: str) -> Study:
    """Read and check a declaration. Raises ValueError, in one line, if it is unknown or faulty."""
    path = FOLDER / f"{name}.toml"
    if not path.exists():
        raise ValueError(f"unknown study {name!r}{did_you_mean(name, names())}")
    try:
        study = _study(tomllib.loads(path.read_text(encoding="utf-8")) | {"name": name})
        study_checks.check(study)
        _check_configurations(study)
    except (ValueError, OverflowError) as error:  # OverflowError: a whole number that is no float
        raise ValueError(f"{path.name}: {' '.join(str(error).split())}") from error
    return study


def configure(
    study: Study, variant: str, dataset: str, budget: str, seed: int, precision: str | None = None
) -> Configuration:
    """Return the configuration of one cell; precision: another one than the study's at this budget.

    On one of the study's `stand_ins`, too. Raises ValueError if the study does not contain the cell.
    """
    row = study.variant(variant)
    precision = precision or study.precision.get(budget, "32-true")
    if dataset not in (*study.datasets, *study.stand_ins):
        runs_on = ", ".join((*study.datasets, *study.stand_ins))
        raise ValueError(f"{study.name} runs on {runs_on}, not on {dataset}")
    if row not in study.variants_on(dataset):
        raise ValueError(
            f"variant {variant!r} of {study.name} stands on {row.only_on} only, not on {dataset}"
        )
    stem = catalogue.find(dataset).stem
    teacher = configure(study, row.teacher, dataset, budget, seed, precision) if row.teacher else None
    return configuration.resolve(
        row.arch,
        row.knobs_for(stem),
        dataset=dataset,
        budget=budget,
        seed=seed,
        recipe=study.recipe_of(row, dataset),
        changes=row.recipe_changes,
        resolution=study.resolution_of(row, stem),
        teacher=teacher,
        precision=precision,
    )


def cells(
    study: Study,
    budget: str,
    *,
    datasets: Sequence[str] | None = None,
    variants: Sequence[str] | None = None,
    seeds: Sequence[int] | None = None,
    precision: str | None = None,
) -> list[Cell]:
    """Return the runs of a study at a budget, all of them unless a choice is given (seeds may be others than declared).

    The seed varies slowest, so a whole table completes at the first seed. Raises ValueError for unknown names.
    """
    for name in variants or ():
        study.variant(name)
    seeds = seeds or study.seeds
    rows = [
        (
            variant.name,
            dataset,
            configure(study, variant.name, dataset, budget, min(seeds, default=0), precision),
        )
        for dataset in datasets or study.datasets
        for variant in study.variants_on(dataset)
        if not variants or variant.name in variants
    ]
    return [
        Cell(study.name, name, dataset, budget, seed, _of_seed(configured, seed).run_id)
        for seed in seeds
        for name, dataset, configured in rows
    ]


def _of_seed(configured: Configuration, seed: int) -> Configuration:
    """The same cell at another seed, which is its teacher's too. Much faster than to `configure` it."""
    teacher = configured.teacher and configured.teacher | {"seed": seed}
    return dataclasses.replace(configured, seed=seed, teacher=teacher)


def size(study: Study) -> int:
    """Return how many `cells` there are at a budget, without naming them."""
    return len(study.seeds) * sum(len(study.variants_on(dataset)) for dataset in study.datasets)


def _study(declared: dict) -> Study:
    """Build the study; its own `printed` holds what is the same for all variants."""
    shared = value_of(dict, declared.pop("printed", {}), "printed of the study")
    rows = declared.get("variants")
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and "printed" in row:
            printed = row["printed"] if isinstance(row["printed"], list) else [row["printed"]]
            row["printed"] = [shared | figure if isinstance(figure, dict) else figure for figure in printed]
    return build(Study, declared)


def _first(stem: str, *values):
    """The first value that is given; one by stem gives the stem's, or none."""
    of_stem = (value.get(stem) if isinstance(value, dict) else value for value in values)
    return next((value for value in of_stem if value is not None), None)


def _check_configurations(study: Study) -> None:
    of_stem = {catalogue.find(dataset).stem: dataset for dataset in study.datasets}
    for dataset in of_stem.values():  # what can be configured on one can be on all of its stem
        for variant in study.variants_on(dataset):
            configure(study, variant.name, dataset, "paper", 0)
