"""The way of a run to another machine: its checkpoint on W&B while it is under way (`--log-model all`)."""

import time
from pathlib import Path

import pytorch_lightning as pl
from pytorch_lightning.utilities.exceptions import SIGTERMException

from lightning_modules import tracking

EVERY = 1800  # seconds at least between two uploads: of a large network they are gigabytes


class UploadProgress(pl.callbacks.Checkpoint):
    """Uploads what `SaveProgress`, which stands before it, has saved: now and then, and when the run is told to stop.

    A `Checkpoint`, because Lightning calls those last, in their order.
    """

    def __init__(self, tracker: tracking.Tracker, path: Path) -> None:
        self.tracker, self.path = tracker, path
        self.uploaded = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if time.monotonic() - self.uploaded >= EVERY:
            self.upload()

    def on_exception(self, trainer: pl.Trainer, module: pl.LightningModule, exception: BaseException) -> None:
        if isinstance(exception, SIGTERMException) and trainer.training and self.path.exists():
            self.upload()

    def upload(self) -> None:
        tracking.log_progress(self.tracker, self.path)
        self.uploaded = time.monotonic()
