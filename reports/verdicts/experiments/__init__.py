"""Experiments on the claims that need more than counting and less than a study: timed, or computed from networks.

One file a topic. An experiment is a function of its setup, and is registered under its claim:

    @experiment("flops.not_speed")
    def same_operations_other_times(setup: Setup) -> Outcome: ...

One that looks into networks that others trained (`published.py`) is registered by `on_published` instead: what it finds
stands beside a verdict and is never part of it. A claim can have both.

`uv run -m reports find flops.not_speed` makes it and keeps the outcome as a finding (`reports/verdicts/findings.py`). The page
`reports/experiments.md` shows what lies under "tables" in its data, a list of `table(…)`.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from reports.verdicts import ledger


@dataclass(frozen=True)
class Setup:
    """Where an experiment is made. device: "cpu" or "cuda". runs, data: folders of finished runs and of data sets.

    weights: a folder of published weights, which the experiments on others' networks need.
    """

    device: str
    runs: Path
    data: Path
    weights: Path | None = None


Holds = bool | None | Literal["sense"]
"""None where nothing is decided; "sense" where what is said holds, and the figure printed for it is another."""


@dataclass(frozen=True)
class Outcome:
    """What an experiment has found; the fields are those of `Finding`."""

    holds: Holds
    evidence: tuple[str, ...]
    data: Mapping = field(default_factory=dict)
    runs: tuple[str, ...] = ()


Cell = str | int | float | None


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> dict:
    """Make a table for the page: text as it is, whole numbers in full, others to four digits, None as a dash."""
    if any(len(row) != len(columns) for row in rows):
        raise ValueError(f"table {title!r}: a row hasn't the {len(columns)} cells of its columns")
    return {"title": title, "columns": list(columns), "rows": [list(row) for row in rows]}


class CannotExperiment(RuntimeError):
    """Something that the experiment needs isn't there; the message says how to get it."""


Experiment = Callable[[Setup], Outcome]

_experiments: dict[str, Experiment] = {}
_on_published: dict[str, Experiment] = {}


def experiment(claim_id: str) -> Callable[[Experiment], Experiment]:
    """Register an experiment under the id of its claim."""
    return _registering(_experiments, claim_id)


def on_published(claim_id: str) -> Callable[[Experiment], Experiment]:
    """Register an experiment on networks that others trained under the id of its claim."""
    return _registering(_on_published, claim_id)


def _registering(registry: dict[str, Experiment], claim_id: str) -> Callable[[Experiment], Experiment]:
    ledger.find(claim_id)

    def register(made: Experiment) -> Experiment:
        registry[claim_id] = made
        return made

    return register


def registered(by_others: bool = False) -> dict[str, Experiment]:
    """Return all experiments by claim, in the order of the ledger; by_others: those on networks that others trained."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    registry = _on_published if by_others else _experiments
    return {claim: registry[claim] for claim in ledger.entries() if claim in registry}
