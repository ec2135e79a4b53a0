"""Given weights on the whole test set of a data set: top-1 and top-5 errors, counted image by image."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytorch_lightning as pl
from pytorch_lightning.utilities.exceptions import MisconfigurationException, SIGTERMException
from torch import nn

from lightning_modules import training
from lightning_modules.callbacks.batch_norm_check import BatchNormCheck
from lightning_modules.configuration import Configuration, check_same
from lightning_modules.data import catalogue, data_module
from lightning_modules.data.image_folder_module import ImageFolderDataModule
from lightning_modules.data.module import CIFARDataModule
from lightning_modules.data.preprocessing import EvaluationProtocol
from lightning_modules.evaluator import SLIDES, sliding, test, trainer_for
from lightning_modules.execution.allocator import keep_freed_memory
from lightning_modules.execution.machine import Machine
from lightning_modules.initialisation import set_batch_norm
from lightning_modules.recipes import Recipe
from lightning_modules.weights import WeightsFile, fit

# Points of error below chance within which a result says nothing.
NEAR_CHANCE = 2.0


def evaluate(
    configuration: Configuration,
    file: WeightsFile,
    machine: Machine,
    viewing: EvaluationProtocol,
    before: Callable[[pl.LightningDataModule, tuple[str, ...]], None] | None = None,
) -> dict:
    """Return the errors of a file's weights in the network of the configuration, as `ErrorCounter.result()`,
    and the `misfit` that `BatchNormCheck` found.

    before: called before the first image, with the data and the notes on what was loaded.

    Raises:
        ValueError: the file, the network and the views don't fit each other.
        DataError: the data cannot be had.
        CannotRun: this machine cannot run it as asked.
        Terminated: SIGTERM came.
    """
    network, data, notes = loaded(configuration, file, machine, viewing)
    if before:
        before(data, notes)
    (result,) = errors([network], data, configuration, machine)
    return result


def loaded(
    configuration: Configuration, file: WeightsFile, machine: Machine, viewing: EvaluationProtocol
) -> tuple[nn.Module, CIFARDataModule | ImageFolderDataModule, tuple[str, ...]]:
    """Return the configuration's network with a file's weights, the images as it is to see them, and notes for the user.

    A file with this project's names was trained by the recipe, whose input and batch normalisation hold for it.
    Raises as `evaluate`.
    """
    training.quieten()
    if file.configuration:
        check_same(file.configuration, file.name, configuration.decisions_of_evaluation())
    data_module(configuration, machine, viewing)  # refuses views that the data set doesn't have
    network = configuration.build()
    fitted = fit(network, file, configuration)
    if not fitted.by_name:  # others normalise by channel, whatever the papers' recipes do
        dataset = catalogue.find(configuration.dataset)
        viewing = replace(viewing, mean=viewing.mean or dataset.mean, std=viewing.std or dataset.std)
    data = data_module(configuration, machine, viewing)
    if viewing.views in SLIDES and isinstance(data, ImageFolderDataModule):
        network = sliding(configuration, max(data.preprocessing.test_sizes))
    if fitted.by_name:
        set_batch_norm(network, Recipe.from_hyperparameters(configuration.recipe))
    fitted.load_into(network)
    data.obtain()
    return network, data, fitted.notes


def errors(
    networks: Iterable[nn.Module],
    data: CIFARDataModule | ImageFolderDataModule,
    configuration: Configuration,
    machine: Machine,
) -> list[dict]:
    """Return what `evaluate` does, of every one of the networks on the same images. Raises CannotRun and Terminated."""
    keep_freed_memory()
    results, check = [], BatchNormCheck()
    try:
        trainer = trainer_for(configuration, machine, check)
        for network in networks:
            results.append(test(network, data, trainer) | {"misfit": check.misfit})
    except MisconfigurationException as error:
        raise training.CannotRun(" ".join(str(error).split())) from error
    except SIGTERMException as stop:
        raise training.Terminated from stop
    return results


def announce(
    configuration: Configuration,
    file: WeightsFile,
    viewing: EvaluationProtocol,
    data: CIFARDataModule | ImageFolderDataModule,
    notes: tuple[str, ...],
) -> None:
    """Print what is evaluated, and how it sees the images."""
    run = f" (run {file.configuration.run_id})" if file.configuration else ""
    side, how = configuration.resolution, data.preprocessing
    print(
        f"{configuration.arch} with the weights of {file.name}{run} on {data.dataset.title}, "
        f"{viewing.views.replace('_', ' ')}, {side}×{side}"
    )
    mean = _of_one(how.mean) if isinstance(how.mean, tuple) else "of each pixel"
    print(f"input: mean {mean}, deviation {_of_one(how.std)}", *notes, sep="\n", flush=True)


def report(result: dict, configuration: Configuration) -> None:
    """Print the errors, how much of the test set they stand for, and chance where they are near it."""
    data = catalogue.find(configuration.dataset)
    for name, errors, percent in (
        ("top-1", result["errors"], result["error"]),
        ("top-5", result["top5_errors"], result["top5_error"]),
    ):
        print(f"{name} error {percent:.2f} % ({errors:,} of {result['images']:,} images)")
    chance = 100 - 100 / configuration.classes
    if result["misfit"]:
        print(result["misfit"])
    if result["error"] > chance - NEAR_CHANCE:
        print(
            f"That is near chance, which is {chance:.4g} %: these weights, this network and this input "
            "don't belong together, or nothing was learned."
        )
    if result["images"] != data.test_images:
        print(f"That is a part of the test set, which has {data.test_images:,} images.")


def _of_one(colour: tuple[float, float, float]) -> str:
    """As --mean and --std take it."""
    return ",".join(f"{value / 255:.4g}" for value in colour)
