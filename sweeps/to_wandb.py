"""Write the W&B sweep of every study: `python -m sweeps.to_wandb`; with --check, only say which are stale.

A sweep goes over study, variant, data set and seed, never over raw knobs: W&B's grids are Cartesian, so coupled
rows (1x64d, 2x40d, 4x24d …) could not be written, and lists and booleans would have to survive quoting.
"""

import argparse
import json
import sys
from pathlib import Path

from lightning_modules import files
from lightning_modules.configuration import WANDB_PROJECT
from lightning_modules.data import catalogue
from lightning_modules.exit_codes import DONE, FAILED
from sweeps import study as studies
from sweeps.study import Study

FOLDER = Path(__file__).parent


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m sweeps.to_wandb", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file is stale")
    options = parser.parse_args(argv)
    fresh = {
        FOLDER / f"{sweep_name}.yaml": sweep(study, sweep_name, datasets)
        for study in map(studies.read, studies.names())
        for sweep_name, datasets in sweeps_of(study).items()
    }
    stale = {
        path: text
        for path, text in fresh.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }
    left = sorted(set(FOLDER.rglob("*.yaml")) - set(fresh))
    for path in [*stale, *left]:
        if options.check:
            print(f"stale: sweeps/{path.relative_to(FOLDER)}")
        elif path in left:
            path.unlink()
            print(f"removed: sweeps/{path.relative_to(FOLDER)}")
        else:
            files.write(path, stale[path].encode())
            print(f"written: sweeps/{path.relative_to(FOLDER)}")
    return FAILED if options.check and (stale or left) else DONE


def sweeps_of(study: Study) -> dict[str, list[str]]:
    """Return the data sets of each sweep of a study, by its file below `sweeps/`, without an ending.

    ImageNet has one of its own, in `sweeps/imagenet/`, if the study has smaller data sets beside it: it wants other machines, and an agent
    gives up after a few cells that fail for want of data.
    """
    large = [name for name in study.datasets if catalogue.find(name).stem == "imagenet"]
    small = [name for name in study.datasets if name not in large]
    if not (small and large):
        return {study.name: list(study.datasets)}
    return {study.name: small, f"imagenet/{study.name}": large}


def sweep(study: Study, name: str, datasets: list[str]) -> str:
    """The YAML of a sweep: a grid in which the seed varies slowest, so that whole tables complete early.

    No early termination: a reproduction must not kill its losing rows.
    """
    return f"""\
# Made from sweeps/studies/{study.name}.toml by `python -m sweeps.to_wandb`; do not edit.
#
#     wandb sweep sweeps/{name}.yaml
#     wandb agent ENTITY/PROJECT/SWEEP        one per GPU, on any number of machines
#
# The budget is each machine's default, paper with a GPU and smoke without; to fix it for all, add
# `budget: {{value: short}}` to the parameters of a copy.
project: {WANDB_PROJECT}
name: {_quoted("_".join(reversed(name.split("/"))))}
description: {_quoted(study.question)}
program: run.py
method: grid
metric:
  name: test_error
  goal: minimize
parameters:
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
