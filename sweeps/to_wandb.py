"""Write the W&B sweep of every study: `uv run -m sweeps.to_wandb`; with --check, only say which are stale.

A sweep fixes its budget, so that no machine ticks off a cell at another one. Those at the papers' budget are part of the
project; `--budget short` writes others, to `sweeps/short/`.

A sweep goes over study, variant, data set and seed, never over raw knobs: W&B's grids are Cartesian, so coupled
rows (1x64d, 2x40d, 4x24d …) could not be written, and lists and booleans would have to survive quoting.
"""

import argparse
import json
import sys
from pathlib import Path

from architectures.spelling import number_of
from lightning_modules import files
from lightning_modules.budgets import BUDGETS
from lightning_modules.commands import Parser, refuse
from lightning_modules.configuration import WANDB_PROJECT
from lightning_modules.data import catalogue
from lightning_modules.exit_codes import DONE, FAILED
from sweeps import study as studies
from sweeps.study import Study

FOLDER = Path(__file__).parent
STAND_IN = "imagenette"
OWN_FOLDERS = ("imagenet", STAND_IN)
COMMITTED = "paper"  # the budget of the sweeps that are part of the project


def main(argv: list[str]) -> int:
    try:
        options = parse(argv)
    except ValueError as error:
        return refuse("sweeps.to_wandb", error)
    folder = folder_of(options.budget)
    fresh = {
        folder / f"{sweep_name}.yaml": sweep(study, sweep_name, datasets, options.budget)
        for study in map(studies.read, studies.names())
        for sweep_name, datasets in sweeps_of(study).items()
    }
    stale = {
        path: text
        for path, text in fresh.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }
    left = sorted(set(written(options.budget)) - set(fresh))
    for path in [*stale, *left]:
        if options.check:
            print(f"stale: sweeps/{path.relative_to(FOLDER)}")
        elif path in left:
            path.unlink()
            print(f"removed: sweeps/{path.relative_to(FOLDER)}")
        else:
            files.write(path, stale[path].encode())
            print(f"written: sweeps/{path.relative_to(FOLDER)}")
    state = "stale" if options.check else "changed"
    sweeps = number_of(len(fresh), "sweep")
    print(f"{sweeps} at budget {options.budget}, {len(stale) + len(left)} {state}", file=sys.stderr)
    return FAILED if options.check and (stale or left) else DONE


def parse(argv: list[str]) -> argparse.Namespace:
    parser = Parser("uv run -m sweeps.to_wandb", __doc__)
    add = parser.add_argument
    add("--check", action="store_true", help="write nothing; exit with 1 if a file is stale")
    add("--budget", choices=BUDGETS, default=COMMITTED, help="of the sweeps' runs (default: paper)")
    return parser.parse_args(argv)


def folder_of(budget: str) -> Path:
    """Return where the sweeps at a budget are."""
    return FOLDER if budget == COMMITTED else FOLDER / budget


def written(budget: str) -> list[Path]:
    """Return the sweeps at a budget that are on disk."""
    folder = folder_of(budget)
    return [path for below in (".", *OWN_FOLDERS) for path in folder.glob(f"{below}/*.yaml")]


def sweeps_of(study: Study) -> dict[str, list[str]]:
    """Return the data sets of each sweep of a study, by its file below `sweeps/`, without an ending.

    ImageNet has one of its own, in `sweeps/imagenet/`, if the study has smaller data sets beside it: it wants other machines, and an agent
    gives up after a few cells that fail for want of data. Imagenette in its place has one in `sweeps/imagenette/`.
    """
    large = [name for name in study.datasets if catalogue.find(name).stem == "imagenet"]
    small = [name for name in study.datasets if name not in large]
    sweeps = {study.name: small, f"imagenet/{study.name}": large} if small else {study.name: large}
    if STAND_IN in study.stand_ins:
        sweeps[f"{STAND_IN}/{study.name}"] = [STAND_IN]
    return {name: datasets for name, datasets in sweeps.items() if datasets}


def sweep(study: Study, name: str, datasets: list[str], budget: str = COMMITTED) -> str:
    """Return the YAML of a sweep: a grid in which the seed varies slowest, so that whole tables complete early.

    No early termination: a reproduction must not kill its losing rows.
    """
    path = (folder_of(budget) / name).relative_to(FOLDER)
    return f"""\
# Made from sweeps/studies/{study.name}.toml by `uv run -m sweeps.to_wandb`; do not edit.
#
#     uv run wandb sweep sweeps/{path}.yaml
#     uv run wandb agent ENTITY/PROJECT/SWEEP        one per GPU, on any number of machines
#
# Every cell runs at this budget, on whatever machine; `uv run -m sweeps.to_wandb --budget short` writes another sweep.
project: {WANDB_PROJECT}
name: {_quoted("_".join(reversed(path.parts)))}
description: {_quoted(study.question)}
program: run.py
method: grid
metric:
  name: test_error
  goal: minimize
parameters:
  budget:
    value: {_quoted(budget)}
  seed:
    values: {_quoted(list(study.seeds))}
  dataset:
    values: {_quoted(datasets)}
  study:
    value: {_quoted(study.name)}
  variant:
    values: {_quoted([variant.name for variant in study.variants_on(datasets[0])])}
command:
  - ${{env}}
  - ${{interpreter}}
  - ${{program}}
  - ${{args}}
"""


def _quoted(value) -> str:
    return json.dumps(value, ensure_ascii=False)  # JSON is YAML, and never guesses at types


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
