"""A network on the whole test set, in all views of a protocol: errors counted image by image."""

from collections.abc import Collection
from dataclasses import replace

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import architectures
from lightning_modules.callbacks.progress import EvaluationProgress
from lightning_modules.classifier import ErrorCounter
from lightning_modules.configuration import Configuration
from lightning_modules.data import data_module
from lightning_modules.data.catalogue import ArrayDataset, find
from lightning_modules.data.image_folder_module import EVALUATION_VIEWS, ImageFolderDataModule
from lightning_modules.data.module import CIFARDataModule
from lightning_modules.data.preprocessing import for_image_folder, viewing_of
from lightning_modules.execution.machine import Machine, set_precision, widest
from lightning_modules.execution.settings import laid_out
from lightning_modules.initialisation import set_batch_norm
from lightning_modules.protocols import PROTOCOLS
from lightning_modules.recipes import Recipe

SLIDES = ("dense", "multi_crop_and_dense")  # views that a network slides over


class Evaluator(pl.LightningModule):
    """Averages a network's softmax over all views of an image and counts what it gets wrong.

    `tested` holds `ErrorCounter.result()` afterwards.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = laid_out(network, torch.channels_last)
        self.tally = ErrorCounter()
        self.tested: dict | None = None

    def test_step(self, batch: tuple[Tensor | list[Tensor], Tensor], batch_idx: int) -> None:
        views, labels = batch
        if not len(labels):
            return
        views = [views[:, None]] if isinstance(views, Tensor) else views
        probabilities = torch.stack([self.probabilities(v) for v in views]).mean(0)
        self.tally.add(F.nll_loss(probabilities.log(), labels), probabilities, labels)

    def probabilities(self, views: Tensor) -> Tensor:
        """Return probabilities (B, classes) of views (B, V, 3, H, W), a mean over the V views."""
        # Small views are faster together.
        at_once = EVALUATION_VIEWS * max(1, 224**2 // views[0, 0, 0].numel())
        parts = [self.network(part).float() for part in views.flatten(0, 1).split(at_once)]
        logits = torch.cat(parts)
        if not torch.isfinite(logits).all():
            raise ValueError(
                "the network's logits aren't finite numbers: --mean, --std and the weights don't fit"
            )
        # As precisely as the device can, so that a sure network's wrong classes keep their order.
        logits = logits.to(widest(logits.device))
        return logits.softmax(1).unflatten(0, views.shape[:2]).mean(1)

    def on_test_epoch_end(self) -> None:
        self.tested = self.tally.result(self.trainer.strategy)


def trainer_for(configuration: Configuration, machine: Machine, *callbacks: pl.Callback) -> pl.Trainer:
    """Return a trainer that tests alone, and shows how far it is. Raises as `Machine.trainer`."""
    return machine.trainer(
        precision=set_precision(configuration.precision),
        logger=False,
        callbacks=[EvaluationProgress(), *callbacks],
        enable_checkpointing=False,
    )


def test(network: nn.Module, data: CIFARDataModule | ImageFolderDataModule, trainer: pl.Trainer) -> dict:
    """Return `ErrorCounter.result()` of a network on the test images, in all their views."""
    evaluator = Evaluator(network)
    trainer.test(evaluator, data, verbose=False)
    assert evaluator.tested
    return evaluator.tested


def check(names: Collection[str], configuration: Configuration) -> None:
    """Raise ValueError, in one line, unless a run's network and images have the views of all these protocols."""
    data = find(configuration.dataset)
    if names and isinstance(data, ArrayDataset):
        raise ValueError(f"{data.title} has images of one size: leave out --evaluation")
    for name in names:
        viewing = viewing_of(PROTOCOLS[name], configuration)
        preprocessing = for_image_folder(configuration, viewing)
        if viewing.views in SLIDES:
            sliding(configuration, max(preprocessing.test_sizes))


def test_by_protocol(
    name: str, network: nn.Module, configuration: Configuration, machine: Machine, *callbacks: pl.Callback
) -> dict:
    """Return `test` of a run's own trained network by one of `PROTOCOLS`.

    Raises as `check`, DataError, and Lightning's MisconfigurationException and SIGTERMException.
    """
    viewing = viewing_of(PROTOCOLS[name], configuration)
    data = data_module(configuration, machine, viewing)
    data.obtain()
    if viewing.views in SLIDES and isinstance(data, ImageFolderDataModule):
        weights = network.state_dict()
        network = sliding(configuration, max(data.preprocessing.test_sizes))
        network.load_state_dict(weights)
        set_batch_norm(network, Recipe.from_hyperparameters(configuration.recipe))
    return test(network, data, trainer_for(configuration, machine, *callbacks))


def sliding(configuration: Configuration, side: int) -> nn.Module:
    """Build the network in a form that takes images of its size and above: fully connected layers as convolutions.

    Raises ValueError if it has no such form.
    """
    knobs = dict(configuration.knobs)
    head = architectures.find(configuration.arch).knobs.get("head")
    if head is not None and "conv" in head.choices:
        knobs["head"] = "conv"
    sliding = replace(configuration, knobs=knobs)
    with torch.device("meta"), torch.no_grad():
        try:
            sliding.build().eval()(torch.empty(1, 3, side, side + 32))
        except RuntimeError as error:
            raise ValueError(
                f"{configuration.arch} has fully connected layers for one size only: leave out --evaluation dense"
            ) from error
    return sliding.build()
