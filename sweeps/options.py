"""The options that every launcher has: which cells, and where."""

import argparse
from collections.abc import Callable
from pathlib import Path

from lightning_modules.commands import Parser, as_typed
from sweeps import study as studies
from sweeps.study import Cell


def parser(module: str, description: str) -> Parser:
    """Return a parser that knows the study, its budget, data sets, variants and seeds, and the folders."""
    parser = Parser(f"uv run -m {module}", description)
    add = parser.add_argument
    add("study", nargs="?", metavar="STUDY", help=as_typed("`uv run -m sweeps list` names them"))
    add("--budget", choices=studies.BUDGETS, help="default: paper with a GPU, smoke without")
    add("--datasets", type=names, metavar="A,B", help="default: the study's")
    add("--variants", type=names, metavar="A,B", help="default: all")
    add("--seeds", type=numbers, metavar="0,1", help="default: the study's")
    add("--runs-dir", type=Path, default=Path("runs"), metavar="DIR")
    add("--data-dir", type=Path, default=Path("data"), metavar="DIR")
    add("--no-wandb", action="store_true", help="no W&B at all")
    return parser


def cells(options: argparse.Namespace, default_budget: Callable[[], str]) -> list[Cell]:
    """Return the cells that the options ask for, whose budget is written out; the seed varies slowest.

    Raises ValueError, in one line, for unknown names.
    """
    if not options.study:
        raise ValueError("say which study (`uv run -m sweeps list` shows them)")
    study = studies.read(options.study)

    def chosen(budget: str) -> list[Cell]:
        return studies.cells(
            study, budget, datasets=options.datasets, variants=options.variants, seeds=options.seeds
        )

    if not options.budget:
        chosen("smoke")  # every mistake is answered before torch is asked for a GPU
        options.budget = default_budget()
    return chosen(options.budget)


def names(text: str) -> list[str]:
    """Return the names that commas separate."""
    return text.split(",")


def numbers(text: str) -> list[int]:
    """Return the whole numbers that commas separate."""
    return [int(part) for part in text.split(",")]
