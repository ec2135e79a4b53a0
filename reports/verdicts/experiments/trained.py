"""Networks with trained weights, for experiments to look into: those of finished runs, and published ones."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

import torch
from torch import Tensor, nn

import architectures
from lightning_modules import weights
from lightning_modules.configuration import Configuration, resolve
from lightning_modules.data import batches, cache, catalogue, preprocessing
from lightning_modules.data.cache import Arrays
from lightning_modules.data.preprocessing import Preprocessing
from lightning_modules.initialisation import initialise, set_batch_norm
from lightning_modules.recipes import Recipe
from reports.runs import records
from reports.verdicts.experiments import CannotExperiment, Setup
from sweeps import study as studies

BUDGETS = ("paper", "short", "mini", "smoke")  # the most training first
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
        f"python run.py --study {study} --variant {missing} --dataset {dataset} --seed 0 --budget {budget} "
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

    return _batches(configuration, setup, images, preprocessing.for_arrays(configuration))


def training_batch(configuration: Configuration, setup: Setup) -> tuple[Tensor, Tensor]:
    """Return the first batch of the run's training: images (B, 3, H, W) on the setup's device, and labels (B,)."""

    arrays = _arrays(configuration, setup)
    train_batches = batches.TrainBatches(
        arrays.train_images,
        arrays.train_labels,
        batch_size=configuration.recipe["batch_size"],
        seed=configuration.seed,
        preprocessing=preprocessing.for_arrays(configuration).fitted(arrays.train_images),
        memory_format=torch.channels_last,
    )
    images, labels = train_batches[0, 0]
    return images.to(setup.device), labels.to(setup.device)


def _batches(
    configuration: Configuration, setup: Setup, images: int, how: Preprocessing
) -> list[tuple[Tensor, Tensor]]:

    arrays = _arrays(configuration, setup)
    test_batches = batches.TestBatches(
        arrays.test_images[:images],
        arrays.test_labels[:images],
        batch_size=BATCH,
        preprocessing=how.fitted(arrays.train_images),
        memory_format=torch.channels_last,
    )
    numbered = (test_batches[index] for index in range(len(test_batches)))
    return [(batch.to(setup.device), labels.to(setup.device)) for batch, labels in numbered]


def _arrays(configuration: Configuration, setup: Setup) -> Arrays:

    dataset = catalogue.find(configuration.dataset)
    if not isinstance(dataset, catalogue.ArrayDataset):
        raise CannotExperiment(f"{dataset.title} is kept as image files; choose runs on small images")
    try:
        return cache.load(dataset, setup.data)
    except cache.DataError as error:
        raise CannotExperiment(str(error)) from error


# Published weights

AUTHOR = "github.com/akamaster/pytorch_resnet_cifar10"
# How that author normalises images, in units of 0–255.
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


@dataclass(frozen=True)
class Published:
    """A CIFAR ResNet with weights that another trained, in evaluation mode, and test images as it was shown them.

    batches: as of `test_batches`. source: the author, the file and its checksum, for the evidence.
    """

    network: nn.Module
    batches: list[tuple[Tensor, Tensor]]
    source: str


def published(setup: Setup, depth: int, images: int) -> Published | None:
    """Load the ResNet of that depth whose weights lie in the setup's folder; None where there are none.

    Raises CannotExperiment if the file is damaged: the first digits of its SHA-256 stand in its name.
    """
    paths = sorted(setup.weights.glob(f"resnet{depth}-*.th")) if setup.weights else []
    if not paths:
        return None

    (path,) = paths[:1]
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    if not checksum.startswith(path.stem.rpartition("-")[2]):
        raise CannotExperiment(f"{path} is damaged: its SHA-256 is {checksum}; fetch it again from {AUTHOR}")
    network = architectures.build("resnet", stem="cifar", num_classes=10, depth=depth, shortcut="A")
    weights.load(network, path)
    shown = resolve("resnet", {"depth": depth}, dataset="cifar10", budget="paper", seed=0)
    how = replace(preprocessing.for_arrays(shown), mean=MEAN, std=STD)
    return Published(
        network.eval().to(setup.device, memory_format=torch.channels_last),  # type: ignore[call-overload]
        _batches(shown, setup, images, how),
        f"{AUTHOR}, {path.name}, SHA-256 {checksum[:16]}…",
    )
