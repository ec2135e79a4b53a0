"""How many processes decode the images of an image folder."""

import shutil
import sys
from pathlib import Path

from lightning_modules.execution.cores import usable_cores

MOST = 16
AHEAD = 2  # batches that torch lets each worker make ahead
SHARED_MEMORY = Path("/dev/shm")


def number_of_workers(asked: int | None, on_gpu: bool, devices: int, batch_bytes: int) -> int:
    """Return the number of workers; None asks for this process's cores on a GPU, and for none on the cores themselves.

    devices: of this machine, whose processes share the cores and the memory. batch_bytes: that a batch of one device
    takes. Fewer, and a line that names the remedy, where the memory that workers hand batches over in is too small.
    """
    workers = asked if asked is not None else min(MOST, usable_cores() // devices) if on_gpu else 0
    if not workers or not SHARED_MEMORY.is_dir():
        return workers
    free = shutil.disk_usage(SHARED_MEMORY).free // devices
    fitting = min(workers, free // (AHEAD * batch_bytes))
    if fitting < workers:
        print(
            f"data workers: {fitting} instead of {workers}, because {AHEAD} batches of each, {batch_bytes / 1e6:,.0f} MB a "
            f"batch, don't fit in the {free / 1e6:,.0f} MB of {SHARED_MEMORY}; Docker gives 64 MB (--shm-size changes it)",
            file=sys.stderr,
            flush=True,
        )
    return fitting
