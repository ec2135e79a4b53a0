"""A run can be killed at any moment: what is on disk is always a whole checkpoint."""

import io
import signal
from pathlib import Path

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from pytorch_lightning.utilities.exceptions import SIGTERMException

from lightning_modules import files
from lightning_modules.evaluator import Evaluator
from lightning_modules.weights import integrity


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the target and renames, with a seal by which damage is found: Lightning's own save goes through
    the system's temporary folder, which may be another file system, where a move is a copy that can be cut short."""

    def save_checkpoint(self, checkpoint, path, storage_options=None) -> None:
        whole = io.BytesIO()  # torch hides what went wrong with a file, a full disk say
        torch.save(checkpoint, whole)
        files.write(Path(path), integrity.sealed(whole.getbuffer()))


class SaveProgress(pl.callbacks.Checkpoint):
    """Saves after every epoch and, on SIGTERM, after the batch under way.

    A `Checkpoint`, because Lightning calls those after the module's own end of epoch.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        trainer.save_checkpoint(self.path)

    def on_exception(self, trainer: pl.Trainer, module: pl.LightningModule, exception: BaseException) -> None:
        # Only SIGTERM waits for the end of a batch; after any other exception the state may be half a step on.
        mid_epoch = trainer.training and not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch
        if isinstance(exception, SIGTERMException) and mid_epoch:
            trainer.save_checkpoint(self.path)


# Batches from one time that several processes ask each other to the next: an answer makes the host wait for the device.
ASKED_EVERY = 8


class StopOnSigterm(pl.Callback):
    """SIGTERM to any process of a run stops all of them after the same batch, or after the same epoch's evaluation.

    Instead of Lightning's handlers, which broadcast from within the handler: a process that is in another
    collective at that moment then waits for ever. A run that is told to stop while it is being tested ends whole,
    with its test; evaluations beside it stop after the image batch under way, where one process makes them.
    """

    def __init__(self) -> None:
        self.requested = False
        if signal.getsignal(signal.SIGTERM) != signal.SIG_IGN:
            signal.signal(signal.SIGTERM, self.note)

    def note(self, signum: int, frame: object) -> None:
        self.requested = True

    def setup(self, trainer: pl.Trainer, module: pl.LightningModule, stage: str) -> None:
        trainer._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx) -> None:
        if trainer.world_size > 1 and batch_idx % ASKED_EVERY:
            return
        # After the last batch comes the evaluation, which Lightning would cut short.
        if not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            self.agree(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.agree(trainer)

    def on_test_batch_end(self, trainer, module, outputs, batch, batch_idx, dataloader_idx=0) -> None:
        if isinstance(module, Evaluator) and trainer.world_size == 1:
            self.agree(trainer)

    def agree(self, trainer: pl.Trainer) -> None:
        """Have Lightning raise SIGTERMException, in all processes at once, if one of them is to stop."""
        stop = self.requested
        if trainer.world_size > 1:
            vote = torch.tensor(float(stop), device=trainer.strategy.root_device)
            stop = trainer.strategy.reduce(vote, reduce_op="sum").item() > 0
        trainer._signal_connector.received_sigterm = stop
