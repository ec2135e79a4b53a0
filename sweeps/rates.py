"""Find the learning rate of every recipe that no paper prints, by a small search.

    uv run -m sweeps.rates                        the missing runs of all searches, then rates.csv
    uv run -m sweeps.rates shufflenet_v1_cifar    of this recipe

`rates.toml` declares which rates are tried on which networks of the family, each for two epochs of the whole training
set with the recipe's schedule compressed to them. A rate is judged by the training loss of the last epoch, summed over
the networks; the test set decides nothing. The recipe keeps the rate of the source that it is transferred from where
its loss is within a tenth of the lowest, and takes the rate of the lowest loss otherwise. It runs at the lowest priority,
and can be killed and repeated.
"""

import argparse
import os
import queue
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from lightning_modules import configuration, recipes
from lightning_modules.commands import Parser, refuse
from lightning_modules.configuration import Configuration
from lightning_modules.exit_codes import DONE
from sweeps import state
from sweeps.slots import LOWEST_PRIORITY, Slot, make_slots

HERE = Path(__file__).parent
DECLARED, TABLE = HERE / "rates.toml", HERE / "rates.csv"
EPOCHS, SEED, BUDGET = 2, 9, "short"  # a seed that no study has
TOLERANCE = 0.1  # of the lowest loss, by which the source's own rate may be above it


@dataclass(frozen=True)
class Trial:
    """One run of a search: a network of a family at a rate, with the recipe that asks."""

    recipe: str
    arch: str
    knobs: dict
    rate: float

    @property
    def configuration(self) -> Configuration:
        return configuration.resolve(
            self.arch, self.knobs, dataset="cifar10", budget=BUDGET, seed=SEED, epochs=EPOCHS, recipe=self.recipe,
            changes={"lr": self.rate},
        )  # fmt: skip

    @property
    def command(self) -> list[str]:
        """Return run.py's arguments, without the folders."""
        knobs = [
            text for name, value in self.knobs.items() for text in (f"--{name.replace('_', '-')}", str(value))
        ]
        fixed = ["--budget", BUDGET, "--epochs", str(EPOCHS), "--seed", str(SEED), "--recipe", self.recipe]
        return [str(state.PROGRAM), "--arch", self.arch, *knobs, *fixed, "--lr", str(self.rate), "--no-wandb"]

    @property
    def network(self) -> str:
        return " ".join([self.arch, *(f"{name}={value}" for name, value in self.knobs.items())])


def trials() -> list[Trial]:
    """Return all runs of all searches, in the order declared."""
    return [
        Trial(search["recipe"], network["arch"], {k: v for k, v in network.items() if k != "arch"}, rate)
        for search in tomllib.loads(DECLARED.read_text(encoding="utf-8"))["searches"]
        for network in search["networks"]
        for rate in search["rates"]
    ]


def main(argv: list[str]) -> int:
    parser = Parser("uv run -m sweeps.rates", __doc__)
    add = parser.add_argument
    add("recipes", nargs="*", metavar="RECIPE", help="default: all that are declared")
    add(
        "--jobs",
        type=int,
        metavar="N",
        help="runs side by side (default: one per GPU; on a CPU one per core)",
    )
    add("--runs-dir", type=Path, default=Path("runs"), metavar="DIR")
    add("--data-dir", type=Path, default=Path("data"), metavar="DIR")
    try:
        options = parser.parse_args(argv)
        options.devices, options.per_gpu, options.cold = None, 1, False
        for name in options.recipes:
            recipes.find(name)
        run([trial for trial in trials() if not options.recipes or trial.recipe in options.recipes], options)
    except ValueError as error:
        return refuse("sweeps.rates", error)
    write(options.runs_dir)
    return DONE


def run(searched: list[Trial], options: argparse.Namespace) -> None:
    """Make the runs that have no record yet."""
    os.nice(LOWEST_PRIORITY)
    free: queue.SimpleQueue[Slot] = queue.SimpleQueue()
    slots = make_slots(options)
    for slot in slots:
        free.put(slot)

    def make(trial: Trial) -> None:
        folder = options.runs_dir / trial.configuration.run_id
        if not (folder / "record.json").exists():
            folder.mkdir(parents=True, exist_ok=True)
            slot = free.get()
            folders = ["--runs-dir", str(options.runs_dir), "--data-dir", str(options.data_dir)]
            slot.start([*trial.command, *folders], folder / "log.txt").wait()
            free.put(slot)

    with ThreadPoolExecutor(len(slots)) as pool:
        list(tqdm(pool.map(make, searched), total=len(searched), desc="rates", unit="run"))
    for slot in slots:
        slot.close()


def write(runs: Path) -> None:
    """Bring rates.csv up to date with the records in `runs`; rows of runs that aren't there stay."""
    import pandas as pd

    new = pd.DataFrame([row for trial in trials() if (row := _row(trial, runs))])
    known = pd.read_csv(TABLE) if TABLE.exists() else pd.DataFrame()
    table = pd.concat([new, known]).drop_duplicates("run").sort_values(["recipe", "network", "rate"])
    table.to_csv(TABLE, index=False)


def chosen(recipe: str, source_rate: float) -> float | None:
    """Return the rate that the search of a recipe says; None while a run of it is missing."""
    import pandas as pd

    table = pd.read_csv(TABLE)
    table = table[table.recipe == recipe]
    declared = [trial for trial in trials() if trial.recipe == recipe]
    if len(table) < len(declared):
        return None
    losses = (
        table.pivot(index="rate", columns="network", values="last_loss").sum(axis=1, skipna=False).dropna()
    )
    if losses.get(source_rate, float("inf")) <= (1 + TOLERANCE) * losses.min():
        return source_rate
    return dict(zip(losses, losses.index.to_numpy(float), strict=True))[losses.min()]


def _row(trial: Trial, runs: Path) -> dict | None:
    path = runs / trial.configuration.run_id / "record.json"
    if not path.exists():
        return None
    record = state.read(path)
    curve, test = record.curve, record.test or {}
    whole = len(curve["epoch"]) == EPOCHS
    return {
        "recipe": trial.recipe, "network": trial.network, "rate": trial.rate,
        "first_loss": round(curve["train_loss"][0], 4) if curve["epoch"] else None,
        "last_loss": round(curve["train_loss"][-1], 4) if whole else None,
        "train_error": round(curve["train_error"][-1], 2) if whole else None,
        "test_error": test.get("error"), "run": record.run_id, "commit": record.git["commit"][:8],
        "device": record.machine["device"],
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
