"""Several processes train one run: they wait for each other, and go on only if all were asked for the same."""

import signal
import sys
import threading
from datetime import timedelta
from typing import Any

import pytorch_lightning as pl
import torch.distributed

ANNOUNCED_AFTER = 5.0  # seconds: processes that were started together come sooner


class UnlikeProcesses(RuntimeError):
    """Processes that found each other were asked for different runs, or run different code."""


class OneRun(pl.Callback):
    """Holds the processes of a run together at its start.

    run_id, commit: of this process. While it waits Python handles no signal, so that SIGTERM and Ctrl-C end it at
    once, as they do any process; nothing has been trained yet.
    """

    def __init__(self, run_id: str, commit: str | None) -> None:
        self.asked = {"run": run_id, "commit": commit}
        self.handlers: dict[int, Any] = {}
        self.timer: threading.Timer | None = None

    @property
    def waiting(self) -> bool:
        """Return whether not all processes have been met yet."""
        return bool(self.handlers)

    def expect(self, trainer: pl.Trainer, timeout: timedelta) -> None:
        """Get ready to wait for the others; if they aren't there soon, say how long it may take."""
        others = trainer.world_size - 1
        if not others:
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            self.handlers[number] = signal.getsignal(number)
            if self.handlers[number] != signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        noun = "process" if others == 1 else "processes"
        line = (
            f"waiting for {others} other {noun} of this run, at most {timeout.total_seconds() / 60:g} minutes"
        )
        self.timer = threading.Timer(ANNOUNCED_AFTER, print, [line], {"file": sys.stderr, "flush": True})
        self.timer.daemon = True
        self.timer.start()

    def release(self) -> None:
        """Handle signals as before: the wait is over, or given up."""
        if self.timer:
            self.timer.cancel()
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        self.handlers = {}

    def setup(self, trainer: pl.Trainer, module: pl.LightningModule, stage: str) -> None:
        """Compare what all were asked for, now that Lightning has brought them together. Raises UnlikeProcesses, in each of them."""
        if not self.waiting:
            return
        self.release()
        asked: list[Any] = [None] * trainer.world_size
        torch.distributed.all_gather_object(asked, self.asked)
        for what in ("run", "commit"):
            values = [str(one[what]) for one in asked]
            if len(set(values)) > 1:
                raise UnlikeProcesses(
                    f"the {len(values)} processes of this run were asked for different {what}s "
                    f"({', '.join(dict.fromkeys(values))}): give all of them the same command and code, or, for a run "
                    "a task, start each as a job of one task"
                )
