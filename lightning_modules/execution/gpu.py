"""Whether torch can use a GPU here: asked once, and answered with a remedy where hardware is present that it can't."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

DEVICES, DRIVER = Path("/dev"), Path("/proc/driver/nvidia/version")
WSL = "dxg"  # Windows' GPU, of whatever maker, seen from its Linux
# NVIDIA's, those of its Jetsons, Windows' and AMD's.
OF_GPUS = ("nvidia*", "nvhost*", WSL, "kfd")
# The oldest driver that torch's wheels of a major version of CUDA take (NVIDIA, CUDA Compatibility).
OLDEST_DRIVER = {"12": "525", "13": "580"}
OTHERWISE = "(README, Machines); an empty CUDA_VISIBLE_DEVICES, or run.py's --accelerator cpu, goes without"


@cache
def usable() -> bool:
    """Return whether torch can use a GPU.

    Raises ValueError, in one line, where NVIDIA hardware is present that this torch can't use: a run that fell back to
    the CPU would take weeks, unasked.
    """
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1") or not _conceivable():
        return False
    import torch

    # Lightning sets this, by which torch answers without asking CUDA: another answer than the first use gives.
    asked_of_nvml = os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)
    try:
        available = torch.cuda.is_available()
    finally:
        if asked_of_nvml is not None:
            os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = asked_of_nvml
    if not available:
        if present():
            raise ValueError(_unusable(torch.__version__, torch.version.cuda))
        return False
    if torch.version.hip is None and (old := _too_old(torch.cuda)):
        raise ValueError(
            f"{old}, which torch {torch.__version__} has no code for: take older wheels {OTHERWISE}"
        )
    return True


def count() -> int:
    """Return how many GPUs torch sees."""
    import torch

    return torch.cuda.device_count()


def present() -> bool:
    """Return whether this system has an NVIDIA GPU that a process may open."""
    if DEVICES.is_dir() and not (DEVICES / WSL).exists():
        return any(DEVICES.glob("nvidia[0-9]*"))
    return shutil.which("nvidia-smi") is not None


def _conceivable() -> bool:
    """Return whether there may be a GPU: where Linux shows none, torch, which takes seconds to import, needn't be asked."""
    return not DEVICES.is_dir() or any(any(DEVICES.glob(name)) for name in OF_GPUS)


def driver() -> str | None:
    """Return the version of NVIDIA's driver, "580.65.06"; None if nothing tells it."""
    try:
        words = DRIVER.read_text().split("\n")[0].split()
        return next(word for word in words if word[0].isdigit() and "." in word)
    except (OSError, StopIteration):
        pass
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.split("\n")[0].strip() or None


def _unusable(torch_version: str, cuda: str | None) -> str:
    here = f"an NVIDIA GPU is here (driver {driver() or 'unknown'}), but torch {torch_version}"
    if cuda is None:
        return f"{here} is built without CUDA: install a wheel with it {OTHERWISE}"
    oldest = OLDEST_DRIVER.get(cuda.split(".")[0])
    needed = f"driver {oldest} or newer" if oldest else "a newer driver"
    return f"{here} can't use it: CUDA {cuda} needs {needed}, or take the wheels of an older CUDA {OTHERWISE}"


def _too_old(cuda) -> str | None:
    """Name a visible GPU that is older than everything this torch has code for."""
    built_for = [int(name[3:].rstrip("af")) for name in cuda.get_arch_list() if name.startswith("sm_")]
    for index in range(cuda.device_count()):
        major, minor = cuda.get_device_capability(index)
        if built_for and 10 * major + minor < min(built_for):
            return f"GPU {index} ({cuda.get_device_name(index)}) has compute capability {major}.{minor}"
    return None
