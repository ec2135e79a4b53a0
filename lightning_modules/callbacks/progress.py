"""What a run shows while it trains: one bar over the whole training, or a line per epoch where there is no screen."""

import json
import sys
import time
from pathlib import Path

import pytorch_lightning as pl
from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities import rank_zero_only
from tqdm import tqdm

from lightning_modules import files
from lightning_modules.execution.estimate import duration
from lightning_modules.steps import BAR, Steps

REFRESH_SECONDS = 0.5
STEP_METRICS = ("train_loss_step", "lr_step")  # Lightning's suffix for what is logged within an epoch


class Progress(pl.Callback):
    """Loss and error so far in the epoch, and the time left.

    path: a small JSON file that a launcher reads to show the progress of many runs at once.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bar: tqdm | None = None
        self.shown = 0.0

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.steps = trainer.num_training_batches * (trainer.max_epochs or 0)
        if trainer.is_global_zero and sys.stderr.isatty():
            self.bar = tqdm(total=self.steps, initial=trainer.global_step, bar_format=BAR, dynamic_ncols=True)

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx) -> None:
        if time.monotonic() - self.shown < REFRESH_SECONDS or not trainer.is_global_zero:
            return
        self.shown = time.monotonic()
        self._write(trainer)
        if self.bar is not None:
            so_far = module.train_tally.result()
            self.bar.set_description_str(
                f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}", refresh=False
            )
            self.bar.set_postfix_str(
                f"loss {so_far['loss']:.3f}, error {so_far['error']:.1f} %", refresh=False
            )
            self.bar.update(trainer.global_step - self.bar.n)

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.shown = 0.0

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if self.bar is not None:
            self.bar.update(self.steps - self.bar.n)
            self.bar.close()
        if trainer.is_global_zero:
            self._write(trainer)

    def on_test_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if trainer.is_global_zero:
            print("evaluating on the whole test set", flush=True)

    def on_exception(self, trainer, module, exception) -> None:
        if self.bar is not None:
            self.bar.close()

    def _write(self, trainer: pl.Trainer) -> None:
        content = json.dumps({"step": trainer.global_step, "steps": self.steps})
        files.write(self.path, content.encode(), durable=False)


class EvaluationProgress(pl.Callback):
    """How much of a test set is evaluated, and the time left; in the first process of all."""

    def on_test_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.images = 0
        batches = int(trainer.num_test_batches[0])
        self.steps = (
            Steps(batches, "of the test images evaluated", sys.stdout) if trainer.is_global_zero else None
        )

    def on_test_batch_end(self, trainer, module, outputs, batch, batch_idx, dataloader_idx=0) -> None:
        self.images += len(batch[1])
        if self.steps:
            self.steps.advance()

    def on_test_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if self.steps:
            self.steps.close()
            rate = self.images * trainer.world_size / self.steps.seconds
            print(f"evaluated in {duration(self.steps.seconds)}, {rate:,.0f} images/s", flush=True)


class StepCurve(pl.Callback):
    """Logs the loss of a batch, as it is minimised, and the learning rate every `log_every_n_steps` of the trainer."""

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx) -> None:
        if trainer.global_step % trainer.log_every_n_steps:
            return
        values = dict(zip(STEP_METRICS, (float(outputs["loss"]), module.lr), strict=True))
        for logger in trainer.loggers:
            logger.log_metrics(values, step=trainer.global_step)


class EpochLines(Logger):
    """A line per finished epoch, above the bar or in the log file."""

    name, version = "console", 0

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.epochs = epochs

    @rank_zero_only
    def log_metrics(self, metrics: dict, step: int | None = None) -> None:
        if "epoch" not in metrics:
            return
        tqdm.write(
            f"epoch {metrics['epoch']:3d}/{self.epochs}  loss {metrics['train_loss']:.4f}  "
            f"train error {metrics['train_error']:5.2f} %  test error {metrics['curve_test_error']:5.2f} %  "
            f"lr {metrics['lr']:.4g}  {metrics['images_per_second']:.0f} images/s",
            file=sys.stdout,
        )
        sys.stdout.flush()

    def log_hyperparams(self, params, *args, **kwargs) -> None:
        """Log nothing: the first lines of a run have shown them."""
