"""Given weights on the whole test set of a data set: top-1 and top-5 errors, counted image by image."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from pytorch_lightning.utilities.exceptions import MisconfigurationException, SIGTERMException
from torch import Tensor, nn

import architectures
from lightning_modules import training, weights
from lightning_modules.classifier import ErrorCounter
from lightning_modules.configuration import Configuration
from lightning_modules.data import catalogue, data_module
from lightning_modules.data.image_folder_module import EVALUATION_VIEWS, ImageFolderDataModule
from lightning_modules.data.module import CIFARDataModule
from lightning_modules.data.preprocessing import EvaluationProtocol
from lightning_modules.execution.machine import Machine, set_precision
from lightning_modules.execution.settings import laid_out
from lightning_modules.initialisation import set_batch_norm
from lightning_modules.recipes import Recipe


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
        """Views (B, V, 3, H, W) to (B, classes), a mean over the V views."""
        parts = [self.network(part).float() for part in views.flatten(0, 1).split(EVALUATION_VIEWS)]
        # In double precision, so that a sure network's wrong classes keep their order.
        return torch.cat(parts).double().softmax(1).unflatten(0, views.shape[:2]).mean(1)

    def on_test_epoch_end(self) -> None:
        self.tested = self.tally.result(self.trainer.strategy)


def evaluate(configuration: Configuration, path: Path, machine: Machine, viewing: EvaluationProtocol) -> dict:
    """The errors of the weights in `path` in the network of the configuration.

    Returns `ErrorCounter.result()` and the `mean` and `std` that were used, of 0–255.

    Raises:
        ValueError: the file, the network and the views don't fit each other.
        DataError: the data cannot be had.
        CannotRun: this machine cannot run it as asked.
        Terminated: SIGTERM came.
    """
    network, data = loaded(configuration, path, machine, viewing)
    (result,) = errors([network], data, configuration, machine)
    return result


def loaded(
    configuration: Configuration, path: Path, machine: Machine, viewing: EvaluationProtocol
) -> tuple[nn.Module, CIFARDataModule | ImageFolderDataModule]:
    """The network of the configuration with the weights in `path`, and the images as they are to be shown to it.

    A file with this project's names was trained by the recipe, whose input and batch normalisation hold for it.
    Raises as `evaluate`.
    """
    training.quieten()
    data_module(configuration, machine, viewing)  # refuses views that the data set doesn't have
    network = configuration.build()
    found = weights.read(path)
    state = weights.fitted(network, found, path.name)
    ours = state.keys() <= found.keys()
    if not ours:  # others normalise by channel, whatever the papers' recipes do
        dataset = catalogue.find(configuration.dataset)
        viewing = replace(viewing, mean=viewing.mean or dataset.mean, std=viewing.std or dataset.std)
    data = data_module(configuration, machine, viewing)
    if viewing.views == "dense" and isinstance(data, ImageFolderDataModule):
        network = sliding(configuration, max(data.preprocessing.test_sizes))
    network.load_state_dict(state, strict=False)
    if ours:
        set_batch_norm(network, Recipe.from_hyperparameters(configuration.recipe))
    data.obtain()
    return network, data


def errors(
    networks: Iterable[nn.Module],
    data: CIFARDataModule | ImageFolderDataModule,
    configuration: Configuration,
    machine: Machine,
) -> list[dict]:
    """What `evaluate` returns, of each of the networks on the same images. Raises CannotRun and Terminated."""
    results = []
    try:
        trainer = pl.Trainer(
            accelerator=machine.accelerator,
            devices=machine.devices,
            num_nodes=machine.num_nodes,
            strategy=machine.strategy,
            precision=set_precision(configuration.precision),
            deterministic=machine.deterministic,
            logger=False,
            use_distributed_sampler=False,  # the data module shares the images out itself
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        for network in networks:
            evaluator = Evaluator(network)
            trainer.test(evaluator, data, verbose=False)
            used = {"mean": data.preprocessing.mean, "std": data.preprocessing.std}
            assert evaluator.tested
            results.append(evaluator.tested | used)
    except MisconfigurationException as error:
        raise training.CannotRun(" ".join(str(error).split())) from error
    except SIGTERMException as stop:
        raise training.Terminated from stop
    return results


def sliding(configuration: Configuration, side: int) -> nn.Module:
    """The network in a form that takes images of any size from its own up: fully connected layers as convolutions.

    Raises ValueError if it has no such form.
    """
    knobs = dict(configuration.knobs)
    head = architectures.find(configuration.arch).knobs.get("head")
    if head is not None and "conv" in head.choices:
        knobs["head"] = "conv"
    shape = {"stem": configuration.stem, "num_classes": configuration.classes, **knobs}
    with torch.device("meta"), torch.no_grad():
        try:
            architectures.build(configuration.arch, **shape).eval()(torch.empty(1, 3, side, side + 32))
        except RuntimeError as error:
            raise ValueError(
                f"{configuration.arch} has fully connected layers for one size only: leave out --evaluation dense"
            ) from error
    return architectures.build(configuration.arch, **shape)


def report(result: dict, configuration: Configuration, path: Path, viewing: EvaluationProtocol) -> None:
    """Print the errors, and how much of the test set they stand for."""
    data = catalogue.find(configuration.dataset)
    print(
        f"{configuration.arch} with the weights of {path.name} on {data.title}, "
        f"{viewing.views.replace('_', ' ')}, {configuration.resolution}×{configuration.resolution}"
    )
    mean = "of each pixel" if result["mean"] is None else _of_one(result["mean"])
    print(f"input: mean {mean}, deviation {_of_one(result['std'])}")
    for name, errors, percent in (
        ("top-1", result["errors"], result["error"]),
        ("top-5", result["top5_errors"], result["top5_error"]),
    ):
        print(f"{name} error {percent:.2f} % ({errors:,} of {result['images']:,} images)")
    if result["images"] != data.test_images:
        print(f"That is a part of the test set, which has {data.test_images:,} images.")


def _of_one(colour: tuple[float, float, float]) -> str:
    """As --mean and --std take it."""
    return ",".join(f"{value / 255:.4g}" for value in colour)
