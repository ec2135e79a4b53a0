"""Where a result comes from: the code's commit, the packages' versions, and when. Nothing here imports torch."""

import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

TIME = "%Y-%m-%dT%H:%M:%SZ"  # in UTC, to the second
_PACKAGES = ("torch", "torchvision", "pytorch-lightning", "wandb", "numpy")


def versions() -> dict:
    """Return the versions of Python and of the packages that a result may depend on."""
    return {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES}


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).strftime(TIME)


def git_state() -> dict:
    """Return the commit that ran, and whether the working tree differed from it; None where git cannot tell."""

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
