"""A study: one table or ablation of a paper, declared in `sweeps/studies/<study>.toml`.

The declaration is the hub: the W&B sweep, the local run list and the report all derive from it. Nothing here
imports torch, W&B or Lightning.
"""

import dataclasses
import difflib
import itertools
from dataclasses import dataclass
from pathlib import Path

import architectures
from lightning_modules import configuration
from lightning_modules.budgets import BUDGETS as _BUDGETS
from lightning_modules.configuration import Configuration
from lightning_modules.data import catalogue

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

FOLDER = Path(__file__).parent / "studies"
BUDGETS = tuple(_BUDGETS)


@dataclass(frozen=True)
class Printed:
    """Where the papers print a variant's figures: a file of `reports/papers/`, a row, an augmentation column."""

    table: str
    row: str
    augmentation: str = ""


@dataclass(frozen=True)
class Variant:
    """One row of a study."""

    name: str
    arch: str
    knobs: dict
    resolution: int | None = None  # None: the data set's own
    note: str = ""
    printed: Printed | None = None


@dataclass(frozen=True)
class Table:
    """A table of the report: its title and its rows, in the paper's order."""

    title: str
    variants: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """ "The error of `lower` is below that of `higher`", if asked with no more parameters."""

    lower: str
    higher: str
    no_more_parameters: bool = False


@dataclass(frozen=True)
class Claim:
    """A sentence of a document and, where it takes training, the comparisons that decide it."""

    id: str
    sentence: str
    source: str
    kind: str
    comparisons: tuple[Comparison, ...] = ()


@dataclass(frozen=True)
class Study:
    name: str
    title: str
    paper: str
    source: str
    question: str
    statistic: str  # of the printed figures: "single run", "median of 5" …
    datasets: tuple[str, ...]
    seeds: tuple[int, ...]
    variants: tuple[Variant, ...]
    tables: tuple[Table, ...]
    claims: tuple[Claim, ...] = ()
    departures: tuple[str, ...] = ()
    recipe: str | None = None  # None: the architectures' own

    def variant(self, name: str) -> Variant:
        """The variant of that name. Raises ValueError, with the near misses, if there is none."""
        found = {variant.name: variant for variant in self.variants}
        if name in found:
            return found[name]
        near = difflib.get_close_matches(name, found) or list(found)
        raise ValueError(f"{self.name} has no variant {name!r}; did you mean {' or '.join(near)}?")


@dataclass(frozen=True)
class Cell:
    """One run of a study."""

    study: str
    variant: str
    dataset: str
    budget: str
    seed: int
    run_id: str


def names() -> list[str]:
    """The declared studies."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read(name: str) -> Study:
    """Read and check a declaration. Raises ValueError, in one line, if it is unknown or faulty."""
    path = FOLDER / f"{name}.toml"
    if not path.exists():
        near = difflib.get_close_matches(name, names()) or names()
        raise ValueError(f"unknown study {name!r}; did you mean {' or '.join(near)}?")
    try:
        study = _from(Study, tomllib.loads(path.read_text(encoding="utf-8")) | {"name": name})
        _check(study)
    except (tomllib.TOMLDecodeError, TypeError, ValueError) as error:
        raise ValueError(f"{path.name}: {error}") from error
    return study


def configure(study: Study, variant: str, dataset: str, budget: str, seed: int, **machine) -> Configuration:
    """The configuration of one cell. Raises ValueError if the study does not contain it."""
    row = study.variant(variant)
    if dataset not in study.datasets:
        raise ValueError(f"{study.name} runs on {', '.join(study.datasets)}, not on {dataset}")
    return configuration.resolve(
        row.arch,
        row.knobs,
        dataset=dataset,
        budget=budget,
        seed=seed,
        recipe=study.recipe,
        resolution=row.resolution,
        **machine,
    )


def cells(
    study: Study,
    budget: str,
    *,
    datasets: list[str] | None = None,
    variants: list[str] | None = None,
    seeds: list[int] | None = None,
) -> list[Cell]:
    """The runs of a study at a budget, all of them unless a choice is given (seeds may be others than declared).

    The seed varies slowest, so a whole table completes at the first seed. Raises ValueError for unknown names.
    """
    axes = itertools.product(
        seeds or study.seeds,
        datasets or study.datasets,
        variants or [variant.name for variant in study.variants],
    )
    return [
        Cell(
            study.name,
            variant,
            dataset,
            budget,
            seed,
            configure(study, variant, dataset, budget, seed).run_id,
        )
        for seed, dataset, variant in axes
    ]


_PARTS = {  # fields that hold other declarations
    (Study, "variants"): Variant,
    (Study, "tables"): Table,
    (Study, "claims"): Claim,
    (Claim, "comparisons"): Comparison,
}


def _from(kind, declared: dict):
    """Build the dataclass `kind` from a TOML table; an unknown key is an error that names the near misses."""
    known = [f.name for f in dataclasses.fields(kind)]
    for key in declared:
        if key not in known:
            near = difflib.get_close_matches(key, known) or known
            raise ValueError(
                f"unknown key {key!r} in {kind.__name__.lower()}; did you mean {' or '.join(near)}?"
            )
    values = {}
    for key, value in declared.items():
        if part := _PARTS.get((kind, key)):
            value = tuple(_from(part, item) for item in value)
        elif (kind, key) == (Variant, "printed"):
            value = _from(Printed, value)
        elif isinstance(value, list):
            value = tuple(value)
        values[key] = value
    return kind(**values)


def _check(study: Study) -> None:
    found = [variant.name for variant in study.variants]
    if repeated := {name for name in found if found.count(name) > 1}:
        raise ValueError(f"variant {min(repeated)!r} is declared twice")
    for table in study.tables:
        for name in table.variants:
            study.variant(name)
    for claim in study.claims:
        for comparison in claim.comparisons:
            study.variant(comparison.lower), study.variant(comparison.higher)
    for dataset in study.datasets:
        stem = catalogue.find(dataset).stem
        for variant in study.variants:
            architectures.resolve(variant.arch, stem, variant.knobs)
