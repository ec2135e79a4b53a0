"""What run.py says before a run and after it. Nothing heavy is imported before a run is certain."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from architectures.spelling import number_of
from lightning_modules.commands import as_typed
from lightning_modules.configuration import Run
from lightning_modules.data import catalogue
from lightning_modules.execution.estimate import Pace, duration
from lightning_modules.protocols import PROTOCOLS
from lightning_modules.recipes import RECIPES, Recipe
from lightning_modules.recipes.changes import differences
from lightning_modules.recipes.kinds import as_text

if TYPE_CHECKING:
    from lightning_modules.execution.settings import ExecutionSettings

STOPPED = "stopped; progress is saved, and the same command goes on from here"


def announce(run: Run, folder: Path, speed: "ExecutionSettings", pace: Pace, budget_given: bool) -> None:
    """Print what will run, what was cut, how, and what it will take here. budget_given: by the user."""
    configuration = run.configuration
    data = catalogue.find(configuration.dataset)
    recipe = Recipe.from_hyperparameters(configuration.recipe)

    def takes(epochs: int, images: int, tests: int) -> str:
        return duration(pace.seconds(epochs, images, tests, data.test_images))

    print(
        f"{run.title} on {data.title}, seed {configuration.seed}, run {configuration.run_id}, recipe {configuration.recipe_name}"
    )
    if changes := differences(RECIPES[configuration.recipe_name], recipe):
        changed_fields = (
            f"{name} {as_text(followed)} instead of {as_text(original)}"
            for name, (original, followed) in changes.items()
        )
        print(f"Changed in the recipe: {'; '.join(changed_fields)}.")
    if configuration.budget != "paper":
        if not budget_given:
            print("Without a GPU the budget is `smoke`.")
        print(
            f"Budget {configuration.budget}: {number_of(configuration.epochs, 'epoch')} of {configuration.train_images:,} images instead of "
            f"{recipe.epochs} of {data.train_images:,}; the test set is evaluated whole, all {data.test_images:,} images."
        )
        full = takes(recipe.epochs, data.train_images, data.test_images)
        print(f"The full run: {as_typed(full_command(sys.argv[1:]))}   ({full} on this machine)")
    this = takes(configuration.epochs, configuration.train_images, configuration.curve_test_images)
    print(" ".join(filter(None, (f"This run takes {this} on this machine", str(pace)))) + ".")
    if run.evaluations:
        crops = sum(PROTOCOLS[name].crops for name in run.evaluations)
        titles = ", ".join(PROTOCOLS[name].title for name in run.evaluations)
        seconds = pace.evaluation * crops * data.test_images
        print(f"Evaluated beside the test: {titles}; {duration(seconds)} more.")
    print(f"How the network is run: {speed}")
    if (folder / "checkpoint.ckpt").exists():
        print("Going on where it was interrupted.")
    sys.stdout.flush()


def report(record: dict, folder: Path, state: str, evaluations: Sequence[str] = ()) -> None:
    """Print the headline of a finished run, where to find the rest, and which of the evaluations asked for it lacks."""
    test, spent = record["test"], record["budget_spent"]
    chance = 100 - 100 / record["config"]["classes"]
    if record["diverged"]:
        print(f"{state}: diverged in epoch {record['diverged']} of {spent['epochs']}, which is its result")
    else:
        print(
            f"{state}: test error {test['error']:.2f} % ({test['errors']:,} of {test['images']:,} images) "
            f"after {number_of(spent['epochs'], 'epoch')} at budget {record['budget']}; chance is {chance:.0f} %"
        )
    if record["did_not_start"]:
        print("It did not start: its loss or training error stayed near chance, so no test will use it.")
    for name, counted in record.get("evaluations", {}).items():
        print(
            f"{PROTOCOLS[name].title}: error {counted['error']:.2f} % ({number_of(counted['errors'], 'image')})"
        )
    missing = [PROTOCOLS[name].title for name in evaluations if name not in record.get("evaluations", {})]
    if missing and not record["diverged"]:
        print(
            f"It wasn't evaluated by {', '.join(missing)}: move its record.json away, and the same command evaluates the "
            "trained network without training it again."
        )
    print(f"record: {folder / 'record.json'}")
    if record["wandb"]:
        print(f"W&B: {record['wandb']}")
    if folders := offline_folders(folder.parent, record["run_id"]):
        print(as_typed(f"W&B: offline; {sync_command(folders)} sends it"))


def browsing(runs_dir: Path) -> str:
    """Return the line that says how W&B's client shows, and sends, what a runs folder holds."""
    folder = shlex.quote(str(runs_dir / "wandb"))
    return (
        f"W&B: `uv run wandb leet {folder}` browses the runs here, `uv run wandb sync {folder}` sends those that are "
        "offline"
    )


def offline_folders(runs_dir: Path, run_id: str) -> list[Path]:
    """Return W&B's folders of a run that have not been sent, oldest first: every interruption leaves one."""
    folders = sorted(runs_dir.glob(f"wandb/offline-run-*-{run_id}"))
    return [folder for folder in folders if not any(folder.glob("*.synced"))]


def sync_command(folders: list[Path]) -> str:
    """Return the command that sends these folders of W&B's; without being asked to it leaves out those begun online."""
    online = [folder for folder in folders if not folder.name.startswith("offline-")]
    return f"`uv run wandb {shlex.join(['sync', *['--include-online'] * bool(online), *map(str, folders)])}`"


def full_command(argv: list[str]) -> str:
    """Return the command of the same run at the paper's budget."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for cut in ("--budget", "--epochs"):
        first.add_argument(cut)
    return f"uv run run.py {shlex.join([*first.parse_known_args(argv)[1], '--budget', 'paper'])}"
