"""A run belongs to one process at a time, on one machine or on many that share the folder."""

import os
import sys
from pathlib import Path

from filelock import SoftFileLease, Timeout

from lightning_modules.exit_codes import LOST

LEASE_SECONDS = 180  # NFS clients may show a file's times a minute late


def lock(folder: Path) -> SoftFileLease:
    """The lock of a run's folder; its holder touches it twice a minute.

    A lease, not `flock`: on NFS, Lustre and BeeGFS it depends on how they are mounted whether flock holds between
    machines, and where it doesn't nobody is told. A holder that died is followed at once on its own machine, and
    after LEASE_SECONDS on another. One that was asleep for longer ends when it sees that it has been followed.
    """
    return SoftFileLease(
        folder / "lock",
        lease_duration=LEASE_SECONDS,
        heartbeat_interval=LEASE_SECONDS / 6,
        on_compromise=_stop,
    )


def free(folder: Path, wait: bool = False) -> bool:
    """Whether nobody is at the run; with `wait`, once that is so."""
    if not (folder / "lock").exists():
        return True
    try:
        with lock(folder).acquire(timeout=-1 if wait else 0):
            return True
    except Timeout:
        return False


def _stop(loss) -> None:
    print(f"run.py: this run's lock is lost ({loss.reason}), so another process may be at it: stopping here",
          file=sys.stderr, flush=True)  # fmt: skip
    os._exit(LOST)  # without saving: the folder is the other's now
