"""The training part of an epoch on one core of the CPU, whatever GPU is there: this project against a bare loop and what is usually written.

    uv run -m benchmarks.epoch [rounds]

The process's own time, whatever else the machine does. Random pixels: the work does not depend on them. Evaluation
and checkpoints are left out, which not all have.
"""

import dataclasses
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from benchmarks.input_chain import PerImage
from benchmarks.table import Target, compared, take_turns
from lightning_modules import optimisation, training
from lightning_modules.callbacks.checkpointing import StopOnSigterm
from lightning_modules.callbacks.one_run import OneRun
from lightning_modules.callbacks.progress import Progress
from lightning_modules.classifier import Classifier
from lightning_modules.configuration import Configuration, resolve
from lightning_modules.data import catalogue
from lightning_modules.data.batches import EpochSampler, TrainBatches
from lightning_modules.data.preprocessing import Preprocessing
from lightning_modules.execution.allocator import keep_freed_memory
from lightning_modules.execution.machine import Machine
from lightning_modules.execution.settings import laid_out
from lightning_modules.recipes import Recipe

CIFAR = catalogue.find("cifar10")
# A network, its steps in a measured epoch, which takes a few seconds (DenseNet's: 15), how near to the bare loop it is
# to come, and how far above what tutorials teach, if it is small.
NETWORKS = {
    "MobileNet, α = 0.25": ("mobilenet_v1", {"width_mult": 0.25}, 16, Target(0.95), Target(1.5)),
    "DenseNet-BC-100-12": ("densenet_bc", {}, 6, Target(0.98), None),
}
OURS, TEXTBOOK = "this project", "Lightning as in tutorials, torchvision's transforms"


class Clock(pl.Callback):
    """The time from an epoch's first batch to the end of its last."""

    def on_train_epoch_start(self, trainer, module) -> None:
        self.begun = time.process_time()

    def on_train_batch_end(self, trainer, module, *_) -> None:
        self.seconds = time.process_time() - self.begun


class WithoutCurve(Classifier):
    """This project's training alone, without the line and the evaluation after an epoch."""

    def on_train_epoch_end(self) -> None: ...


class Textbook(pl.LightningModule):
    """As tutorials write it: metric objects, everything logged for every step and every epoch."""

    def __init__(self, configuration: Configuration) -> None:
        super().__init__()
        self.network, self.recipe = configuration.build(), Recipe.from_hyperparameters(configuration.recipe)
        self.loss, self.accuracy = MeanMetric(), MulticlassAccuracy(configuration.classes, average="micro")

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], batch_idx: int) -> torch.Tensor:
        images, labels = batch
        logits = self.network(images)
        loss = F.cross_entropy(logits, labels)
        self.loss(loss)
        self.accuracy(logits, labels)
        self.log("train_loss", self.loss, on_step=True, on_epoch=True, prog_bar=True)
        self.log("train_accuracy", self.accuracy, on_step=True, on_epoch=True, prog_bar=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return optimisation.optimiser(self.network, self.recipe)


def loop(network: torch.nn.Module, configuration: Configuration, loader: Iterable) -> float:
    """Return the seconds of a plain PyTorch loop with the recipe's optimiser."""
    stepper = optimisation.optimiser(network, Recipe.from_hyperparameters(configuration.recipe))
    begun = time.process_time()
    for images, labels in loader:
        stepper.zero_grad()
        F.cross_entropy(network(images), labels).backward()
        stepper.step()
    return time.process_time() - begun


def ways(configuration: Configuration, folder: Path) -> dict[str, Callable[[], float]]:
    """Return, by name, what trains an epoch and gives its seconds."""
    pixels = np.random.default_rng(0).integers(
        0, 256, (configuration.train_images, 32, 32, 3), dtype=np.uint8
    )
    labels = np.arange(len(pixels)) % 10
    size = configuration.recipe["batch_size"]
    batches = TrainBatches(
        pixels,
        labels,
        batch_size=size,
        seed=0,
        preprocessing=Preprocessing(CIFAR.mean, CIFAR.std),
        memory_format=torch.channels_last,
    )

    def whole_batches() -> DataLoader:
        return DataLoader(batches, batch_size=None, sampler=EpochSampler(batches))

    def per_image() -> DataLoader:
        return DataLoader(PerImage(pixels, CIFAR.mean, CIFAR.std), batch_size=size, shuffle=True)

    def ours() -> float:
        clock = Clock()
        machine = Machine(accelerator="cpu", wandb=False)
        checkpoint = folder / "checkpoint.ckpt"
        alone, stop = OneRun(), StopOnSigterm()
        trainer = training._trainer(configuration, folder, machine, [], checkpoint, "32-true", alone, stop)
        # Lightning sets the attribute without declaring it.
        progress = [callback for callback in trainer.callbacks if isinstance(callback, Progress)]  # type: ignore[attr-defined]
        trainer.callbacks = [*progress, clock]  # type: ignore[attr-defined]
        trainer.fit(WithoutCurve(configuration.as_dict(), machine.speed), whole_batches())
        return clock.seconds

    def bare() -> float:
        network = laid_out(configuration.build(), torch.channels_last)
        return loop(network, configuration, whole_batches())

    def textbook() -> float:
        clock = Clock()
        trainer = pl.Trainer(accelerator="cpu", max_epochs=1, callbacks=[clock], default_root_dir=folder)
        trainer.fit(Textbook(configuration), per_image())
        return clock.seconds

    def plain_script() -> float:
        return loop(configuration.build(), configuration, per_image())

    return {
        "a bare loop on the same batches": bare,
        OURS: ours,
        TEXTBOOK: textbook,
        "a plain PyTorch script, torchvision's transforms": plain_script,
    }


def main(rounds: int = 5) -> None:
    torch.set_num_threads(1)
    training.quieten()
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    keep_freed_memory()  # of all: it is the process's
    for title, (arch, knobs, steps, of_bare, of_textbook) in NETWORKS.items():
        run = resolve(arch, knobs, dataset="cifar10", budget="smoke", seed=0, epochs=1)
        images = steps * run.recipe["batch_size"]
        run = dataclasses.replace(run, train_images=images)
        with (
            tempfile.TemporaryDirectory() as folder,
            redirect_stdout(StringIO()),
            redirect_stderr(StringIO()),
        ):
            measured = ways(run, Path(folder))
            take_turns(measured, 1)  # warms up
            taken = take_turns(measured, rounds)
        speeds = {name: [images / seconds for seconds in times] for name, times in taken.items()}
        print(compared(title, "images/s", speeds, {OURS: of_bare}), end="\n\n")
        if of_textbook:
            both = {name: speeds[name] for name in (TEXTBOOK, OURS)}
            print(compared(f"{title}, against tutorials", "images/s", both, {OURS: of_textbook}), end="\n\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
