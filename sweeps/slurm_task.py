"""What a SLURM job of `sweeps.slurm` does; submitit pickles it, so it lives in a module of its own."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from submitit.core.utils import DelayedSubmission

from lightning_modules.exit_codes import TERMINATED

# What submitit has SLURM send before the job's time is up, or before it is preempted.
WARNING = signal.SIGUSR2


class Task:
    """One task of a cell's job: run.py in a process of its own, which saves and stops before the job is requeued.

    arguments: run.py's, with its path first; log: where its output goes.
    """

    def __init__(self, arguments: list[str], log: Path) -> None:
        self.arguments, self.log = arguments, log
        self.code: int | None = None

    def __call__(self) -> None:
        # SLURM warns every process of a job. The warning is submitit's to handle; it would kill run.py, which
        # therefore inherits it blocked.
        signal.pthread_sigmask(signal.SIG_BLOCK, {WARNING})
        with open(self.log, "a", encoding="utf-8") as output:
            self.process = subprocess.Popen(
                [sys.executable, *self.arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {WARNING})
        threading.Thread(target=self._watch, daemon=True).start()
        self._wait()
        if self.code == TERMINATED and os.environ.get("SLURM_PROCID", "0") != "0":
            time.sleep(120)  # the first task requeues the job, which must not fail before
        if self.code:
            raise RuntimeError(f"exit code {self.code}, see {self.log}")

    def checkpoint(self) -> DelayedSubmission:
        """Stop run.py and return what runs again when the job comes back; submitit calls this on the warning."""
        self.process.terminate()
        self._wait()
        return DelayedSubmission(Task(self.arguments, self.log))

    def _watch(self) -> None:
        self.code = self.process.wait()

    def _wait(self) -> None:
        # No lock, for `checkpoint` is called by a signal handler that interrupts this very loop.
        while self.code is None:
            time.sleep(0.2)
