"""The record: the JSON that a finished run leaves, and the only thing that reports read."""

import json
import math
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from lightning_modules import files, recipes
from lightning_modules.configuration import Configuration
from lightning_modules.data import catalogue

FORMAT = 2
CURVE = ("epoch", "train_loss", "train_error", "curve_test_error", "lr", "images_per_second")
CHANCE_MARGIN = 2.0  # percentage points: a training error within it of chance has learnt nothing
_PACKAGES = ("torch", "torchvision", "pytorch-lightning", "wandb", "numpy")


def make(
    configuration: Configuration,
    *,
    study: str | None,
    variant: str | None,
    plan: str | None = None,
    counts: dict,
    tested: dict | None,
    diverged: int | None = None,
    history: list[dict],
    machine: dict,
    git: dict,
    wall_seconds: float,
    resumed: int,
    wandb_url: str | None,
) -> dict:
    """Put a record together.

    plan: the hash of the programme's line that asked for the run, if one did. counts: {"parameters", "mult_adds"};
    tested: `ErrorCounter.result()` of the whole test set, None of a run that diverged; diverged: the epoch in which it did;
    history: a row per epoch that ended, its keys `CURVE`;
    git: `git_state()` when the run began; wall_seconds: spent on this run over all its interruptions, of which there were `resumed`.
    """
    data = catalogue.find(configuration.dataset)
    whole_test_set = configuration.curve_test_images == data.test_images
    best = min(history, key=lambda row: row["curve_test_error"], default=None)
    curve = {name: [row[name] for row in history] for name in CURVE}
    return {
        "format": FORMAT,
        "run_id": configuration.run_id,
        "study": study,
        "variant": variant,
        "plan": plan,
        "arch": configuration.arch,
        "knobs": configuration.knobs,
        "dataset": configuration.dataset,
        "recipe": configuration.recipe_name,
        "budget": configuration.budget,
        "seed": configuration.seed,
        "config": configuration.as_dict(),
        **counts,
        "test": tested,
        "diverged": diverged,
        "did_not_start": did_not_start(curve, configuration.classes),
        # The best epoch chosen on the test set: what many papers print, and never the headline here.
        "best": {"epoch": best["epoch"], "error": best["curve_test_error"]}
        if whole_test_set and best
        else None,
        "curve": curve,
        "curve_test_images": configuration.curve_test_images,
        "budget_spent": {
            "epochs": configuration.epochs,
            "train_images": configuration.train_images,
            "of_epochs": recipes.find(configuration.recipe_name).epochs,
            "of_images": data.train_images,
        },
        "machine": machine,
        "versions": versions(),
        "git": git,
        "wall_seconds": round(wall_seconds, 1),
        "finished": now(),
        "resumed": resumed,
        "wandb": wandb_url,
    }


def did_not_start(curve: dict, classes: int) -> bool:
    """Return whether a run never learnt: its recipe, not its network, decided its error, so no test may use it.

    It didn't if the mean loss of its first epoch exceeds 2 ln(classes), twice that of an even guess, or if its
    training error ends within two points of chance. A run that diverged before its first epoch ended has no curve,
    and is called diverged alone.
    """
    if not curve["epoch"]:
        return False
    chance = 100 - 100 / classes
    return (
        curve["train_loss"][0] > 2 * math.log(classes) or curve["train_error"][-1] >= chance - CHANCE_MARGIN
    )


def versions() -> dict:
    """Of Python and of the packages that a result may depend on."""
    return {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES}


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def git_state() -> dict:
    """The commit that ran, and whether the working tree differed from it; None where git cannot tell."""

    def git(*arguments: str) -> str | None:
        command = ["git", "-C", str(Path(__file__).parent), *arguments]
        try:
            return subprocess.run(
                command, capture_output=True, text=True, check=True, timeout=20
            ).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            return None

    changes = git("status", "--porcelain", "--untracked-files=no")
    return {"commit": git("rev-parse", "HEAD"), "dirty": None if changes is None else bool(changes)}


def write(record: dict, path: Path) -> None:
    """Write it whole or not at all: a record on disk is a whole record."""
    files.write(path, (json.dumps(record, indent=1) + "\n").encode())
