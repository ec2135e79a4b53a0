"""Where a result comes from: the code's commit, the packages' versions, and when. Nothing here imports torch."""

import hashlib
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

TIME = "%Y-%m-%dT%H:%M:%SZ"  # in UTC, to the second
ROOT = Path(__file__).parent.parent
_PACKAGES = ("torch", "torchvision", "pytorch-lightning", "wandb", "numpy")
# What a training's result may depend on.
_CODE = ("run.py", "architectures/**/*.py", "lightning_modules/**/*.py")


def versions() -> dict[str, str]:
    """Return the versions of Python, of the packages that a result may depend on, and the digest of our own code."""
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
        "sources": sources(),
    }


def sources(root: Path = ROOT) -> str:
    """Return a digest of the code that trains, which tells versions apart where no commit is known."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in _CODE for path in root.glob(pattern)}):
        content = path.read_bytes().replace(b"\r\n", b"\n")  # as git checks it out on Windows
        digest.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).strftime(TIME)


def git_state(root: Path = ROOT) -> dict:
    """Return the commit that ran, and whether the working tree differed from it.

    Both None where git cannot tell, and where the repository isn't this project's: unpacked from an archive inside
    somebody's own repository, the code has no commit. A folder that belongs to another user, as in containers, is
    trusted, since its code is running already.
    """

    def git(*arguments: str) -> str | None:
        command = ["git", "-C", str(root), "-c", f"safe.directory={root}", *arguments]
        # a hook or an editor that starts a run must not name another repository
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        try:
            return subprocess.run(
                command, capture_output=True, text=True, check=True, timeout=20, env=environment
            ).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            return None

    top = git("rev-parse", "--show-toplevel")
    if not top or not os.path.samefile(top, root) or git("ls-files", "--error-unmatch", "run.py") is None:
        return {"commit": None, "dirty": None}
    changes = git("status", "--porcelain", "--untracked-files=no")
    return {"commit": git("rev-parse", "HEAD"), "dirty": None if changes is None else bool(changes)}
