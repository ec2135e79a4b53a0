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

    asked: what must be the same in all of them, by what it is called: the run, its evaluations, the code. While it waits Python handles no signal, so that SIGTERM and Ctrl-C end it at
    once, as they do any process; nothing has been trained yet.
    """

    def __init__(self, **asked: str) -> None:
        self.asked = asked
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
        everybody: list[Any] = [None] * trainer.world_size
        torch.distributed.all_gather_object(everybody, self.asked)
        for what in self.asked:
            values = list(dict.fromkeys(asked.get(what) or "none" for asked in everybody))
            if len(values) > 1:
                raise UnlikeProcesses(
                    f"the {len(everybody)} processes of this run differ in their {what} ({', '.join(values)}): give all "
                    "of them the same command and code, or, for a run a task, start each as a job of one task"
                )
