"""Networks that finished runs have trained, for experiments to look into, and the images that these have seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np
import torch
from torch import Tensor, nn

from lightning_modules import weights
from lightning_modules.configuration import Configuration
from lightning_modules.data import batches, cache, catalogue, preprocessing
from lightning_modules.data.cache import Arrays
from lightning_modules.data.preprocessing import Preprocessing
from lightning_modules.initialisation import initialise, set_batch_norm
from lightning_modules.recipes import Recipe
from reports.runs import records
from reports.verdicts.experiments import CannotExperiment, Setup
from sweeps import study as studies

BUDGETS = ("paper", "short", "mini")  # the most training first; `smoke` trains too little to decide anything
BATCH = 125  # as in every evaluation of this project
# Trained weights whose correlation with their own initial ones is above this say more of the draw than of training.
RESEMBLANCE = 0.5


@dataclass(frozen=True)
class Run:
    """A finished run of a study: what was run, the file of its weights, and its test error in percent."""

    variant: str
    configuration: Configuration
    checkpoint: Path
    error: float

    @property
    def id(self) -> str:
        return self.configuration.run_id


@dataclass(frozen=True)
class Runs:
    """The finished runs of a study's variants at one budget, by rising seed."""

    budget: str
    by_variant: Mapping[str, Sequence[Run]]

    def __getitem__(self, variant: str) -> Sequence[Run]:
        return self.by_variant[variant]

    @property
    def ids(self) -> tuple[str, ...]:
        """Of all runs, variant by variant."""
        return tuple(run.id for of_variant in self.by_variant.values() for run in of_variant)


def runs(setup: Setup, study: str, variants: Sequence[str], dataset: str = "cifar10") -> Runs:
    """Find the finished runs of variants, at the largest budget at which every variant has one.

    Figures of different budgets aren't compared. Raises CannotExperiment, with the command that trains the first run
    that is missing.
    """
    declared = studies.read(study)
    for budget in BUDGETS:
        finished = {variant: _finished(setup, declared, variant, dataset, budget) for variant in variants}
        if all(finished.values()):
            return Runs(budget, finished)
    missing = next(variant for variant in variants if not finished[variant])
    raise CannotExperiment(
        f"no finished run of {study}/{missing} on {dataset} with its weights is in {setup.runs}; train it with "
        f"uv run run.py --study {study} --variant {missing} --dataset {dataset} --seed 0 --budget {budget} "
        "(and other seeds), or name another folder by --runs-dir"
    )


def _finished(setup: Setup, study: studies.Study, variant: str, dataset: str, budget: str) -> list[Run]:
    finished = []
    for seed in study.seeds:
        configuration = studies.configure(study, variant, dataset, budget, seed)
        folder = setup.runs / configuration.run_id
        if (folder / "record.json").is_file() and (folder / "checkpoint.ckpt").is_file():
            good, _ = records.read_file(folder / "record.json")
            finished += [
                Run(variant, configuration, folder / "checkpoint.ckpt", record.error) for record in good
            ]
    return finished


def network(run: Run, setup: Setup) -> nn.Module:
    """Load the network of a run with its trained weights, in evaluation mode. Raises CannotExperiment."""
    untrained = initial(run.configuration)
    try:
        weights.load(untrained, run.checkpoint)
    except ValueError as error:
        raise CannotExperiment(str(error)) from error
    return untrained.eval().to(setup.device)


def initial(configuration: Configuration) -> nn.Module:
    """Return the network as the run's training found it: `lightning_modules.classifier` draws the same weights."""
    recipe = Recipe.from_hyperparameters(configuration.recipe)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(configuration.seed)
        network = configuration.build()
        initialise(network, recipe)
    set_batch_norm(network, recipe)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs


def resemblance(end: Sequence[Tensor], start: Sequence[Tensor]) -> float:
    """Return the correlation of each layer's weights with those before the training, mean over layers: 1, untouched."""
    correlations = [
        torch.corrcoef(torch.stack([now.detach().flatten(), drawn.detach().flatten()]))[0, 1].item()
        for now, drawn in zip(end, start, strict=True)
    ]
    return mean(correlations)


# Images


def test_batches(configuration: Configuration, setup: Setup, images: int) -> list[tuple[Tensor, Tensor]]:
    """Return the first test images as the recipe shows them: (B, 3, H, W) on the setup's device, and labels (B,)."""
    return first_images(configuration, setup, "test", images)


def first_images(
    configuration: Configuration, setup: Setup, split: str, number: int
) -> list[tuple[Tensor, Tensor]]:
    """Return the first images of "test" or "train", unaugmented, as `test_batches`."""
    data = arrays(configuration.dataset, setup)
    how = preprocessing.for_arrays(configuration).fitted(data.train_images)
    pixels, labels = getattr(data, f"{split}_images")[:number], getattr(data, f"{split}_labels")[:number]
    return shown(pixels, labels, how, setup)


def training_batch(configuration: Configuration, setup: Setup) -> tuple[Tensor, Tensor]:
    """Return the first batch of the run's training: images (B, 3, H, W) on the setup's device, and labels (B,)."""
    data = arrays(configuration.dataset, setup)
    train_batches = batches.TrainBatches(
        data.train_images,
        data.train_labels,
        batch_size=configuration.recipe["batch_size"],
        seed=configuration.seed,
        preprocessing=preprocessing.for_arrays(configuration).fitted(data.train_images),
        memory_format=torch.channels_last,
    )
    images, labels = train_batches[0, 0]
    return images.to(setup.device), labels.to(setup.device)


def shown(
    images: np.ndarray, labels: np.ndarray, how: Preprocessing, setup: Setup
) -> list[tuple[Tensor, Tensor]]:
    """Return images (N, H, W, 3) of 0–255 and labels (N,) in batches, preprocessed, on the setup's device."""
    in_batches = batches.TestBatches(
        images, labels, batch_size=BATCH, preprocessing=how, memory_format=torch.channels_last
    )
    numbered = (in_batches[index] for index in range(len(in_batches)))
    return [(batch.to(setup.device), labels.to(setup.device)) for batch, labels in numbered]


def arrays(dataset: str, setup: Setup) -> Arrays:
    """Return the images of a data set. Raises CannotExperiment if they aren't there, or are kept as image files."""
    described = catalogue.find(dataset)
    if not isinstance(described, catalogue.ArrayDataset):
        raise CannotExperiment(f"{described.title} is kept as image files; choose runs on small images")
    try:
        return cache.load(described, setup.data)
    except cache.DataError as error:
        raise CannotExperiment(str(error)) from error
