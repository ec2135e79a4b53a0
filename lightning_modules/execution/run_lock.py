"""A run belongs to one process at a time, on one machine or on many that share the folder."""

import os
import sys
import tempfile
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from filelock import SoftFileLease, Timeout

from lightning_modules.exit_codes import LOST

LEASE_SECONDS = 180  # NFS clients may show a file's times a minute late


class Busy(Exception):
    """Another process is at the run; the message says which, and when it gave the last sign of life."""


def lock(folder: Path) -> SoftFileLease:
    """Return the lock of a run's folder; its holder touches it twice a minute.

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


def take(folder: Path, wait: bool = False) -> SoftFileLease:
    """Acquire the lock of a run's folder: at once, or with `wait` when its holder ends.

    A lock without a sign of life for a whole lease is taken over even without `wait`, after one more lease of
    watching it, since this machine's clock may differ from the one that dated it. Raises Busy.
    """
    lease, lease_file, announced = lock(folder), folder / "lock", False
    while True:
        abandoned = _seconds_silent(folder) >= LEASE_SECONDS
        with suppress(FileNotFoundError):  # its holder may end at any moment
            if abandoned and not lease_file.stat().st_size:
                lease_file.unlink()  # killed before it wrote its name
        patience = LEASE_SECONDS * 1.2 + 2 if wait or abandoned else 0  # 2: filelock's own for a torn file
        if patience and lease_file.exists() and not announced:
            print(f"run.py: {_holder(folder)}: waiting for it to end or to stay silent for {LEASE_SECONDS:.0f} s",
                  file=sys.stderr, flush=True)  # fmt: skip
            announced = True
        try:
            return lease.acquire(timeout=patience).lock
        except Timeout:
            if not wait:
                raise Busy(_holder(folder)) from None


def free(folder: Path) -> bool:
    """Return whether nobody is at the run, without waiting."""
    if not (folder / "lock").exists():
        return True
    try:
        with lock(folder).acquire(timeout=0):
            return True
    except Timeout:
        return False


def alive(folder: Path) -> bool:
    """Return whether a run's holder has given a sign of life within a lease, by this machine's clock; nothing is written."""
    try:
        return time.time() - (folder / "lock").stat().st_mtime < LEASE_SECONDS
    except FileNotFoundError:
        return False


def _holder(folder: Path) -> str:
    """Say who holds a run, and when it gave the last sign."""
    try:
        lines = (folder / "lock").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    facts = dict(line.split("=", 1) for line in lines if "=" in line)
    who = f"process {facts.get('pid', '?')} on {facts['host']}" if "host" in facts else "another process"
    return f"{folder} is held by {who}, last sign {timedelta(seconds=round(_seconds_silent(folder)))} ago"


def _seconds_silent(folder: Path) -> float:
    """Return the seconds since the lock was touched, by the clock of the disk that it lies on; 0 without a lock."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".clock.") as now:
            return max(0.0, os.fstat(now.fileno()).st_mtime - (folder / "lock").stat().st_mtime)
    except OSError:
        return 0.0


def _stop(loss) -> None:
    print(f"run.py: this run's lock is lost ({loss.reason}), so another process may be at it: stopping here",
          file=sys.stderr, flush=True)  # fmt: skip
    os._exit(LOST)  # without saving: the folder is the other's now
