"""The record: the JSON that a finished run leaves, and the only thing that reports read."""

import json
import os
import platform
import subprocess
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

import torch

from lightning_modules import recipes
from lightning_modules.configuration import Configuration
from lightning_modules.data import catalogue

FORMAT = 1
_PACKAGES = ("torch", "torchvision", "pytorch-lightning", "wandb", "numpy")


def make(
    configuration: Configuration,
    *,
    study: str | None,
    variant: str | None,
    counts: dict,
    tested: dict,
    history: list[dict],
    machine: dict,
    git: dict,
    wall_seconds: float,
    resumed: int,
    wandb_url: str | None,
) -> dict:
    """Put a record together.

    counts: {"parameters", "mult_adds"}; tested: `Tally.result()` of the whole test set; history: a row per epoch;
    git: `git_state()` when the run began; wall_seconds: spent on this run over all its interruptions, of which there were `resumed`.
    """
    data = catalogue.find(configuration.dataset)
    whole_test_set = configuration.curve_test_images == data.test_images
    best = min(history, key=lambda row: row["test_error"])
    return {
        "format": FORMAT,
        "run_id": configuration.run_id,
        "study": study,
        "variant": variant,
        "arch": configuration.arch,
        "knobs": configuration.knobs,
        "dataset": configuration.dataset,
        "recipe": configuration.recipe_name,
        "budget": configuration.budget,
        "seed": configuration.seed,
        "config": configuration.as_dict(),
        **counts,
        "test": tested,
        # The best epoch chosen on the test set: what many papers print, and never the headline here.
        "best": {"epoch": best["epoch"], "error": best["test_error"]} if whole_test_set else None,
        "curve": {name: [row[name] for row in history] for name in history[0]},
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


def machine(kind: str, devices: int, images_per_device: int, precision: str) -> dict:
    """The device that ran, in words, and how the batch lay on it. kind: "cpu" or "cuda"."""
    return {
        "device": torch.cuda.get_device_name() if kind == "cuda" else _cpu_name(),
        "kind": kind,
        "devices": devices,
        "images_per_device": images_per_device,
        "threads": torch.get_num_threads(),
        "precision": precision,
        "deterministic": torch.are_deterministic_algorithms_enabled(),
    }


def versions() -> dict:
    """Of Python and of the packages that a result may depend on."""
    return {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES}


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


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
    """Write atomically: a record on disk is a whole record."""
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        with open(part, "w", encoding="utf-8") as file:
            json.dump(record, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    except OSError:
        pass
    return platform.processor() or platform.machine()
