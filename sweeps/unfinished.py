"""Where a run without a record stands, as its folder tells. Nothing is written."""

import json
import os
from pathlib import Path
from typing import Literal

from lightning_modules.console import STOPPED
from lightning_modules.execution import run_lock

LAST_BYTES = 4096  # of a log, in which its last line is looked for
State = Literal["running", "stopped", "failed", "missing"]


def state(folder: Path) -> State:
    """Return where the run in a folder stands, which has left no record.

    running: its holder gives signs of life. failed: it doesn't, and the last that its log says isn't that it has saved
    and stopped. missing: nothing was begun.
    """
    if run_lock.alive(folder):
        return "running"
    if last_line(folder) not in ("", STOPPED):
        return "failed"
    return "stopped" if (folder / "config.json").exists() else "missing"


def last_line(folder: Path) -> str:
    """Return the last that a run said in its log; empty if nothing, or if there is none."""
    try:
        with open(folder / "log.txt", "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - LAST_BYTES))
            lines = file.read().decode("utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def fraction(folder: Path) -> float:
    """Return how much of its training a run has done, from 0 to 1; 0 where it doesn't say."""
    try:
        progress = json.loads((folder / "progress.json").read_text())
        return min(1.0, max(0.0, progress["step"] / progress["steps"]))
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError):
        return 0.0
