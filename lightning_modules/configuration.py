"""From what the user asked to what will be run: every value written out, and the run's id made from it.

Nothing here imports torch, so that launchers and reports can name runs without paying for it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType

import architectures
from lightning_modules import recipes
from lightning_modules.budgets import BUDGETS
from lightning_modules.data import catalogue
from lightning_modules.recipes.changes import changed

# Raise it when the meaning of a configuration changes, so that old runs are not taken for new ones.
FORMAT = 1

# Lowest and highest by stem. MobileNet's ρ goes from 96 / 224 up; the largest test crop of the papers is 320.
RESOLUTIONS = {"cifar": (16, 32), "imagenet": (96, 320)}

WANDB_PROJECT = "convnet-reproduction"


@dataclass(frozen=True)
class Configuration:
    """Everything that decides a training's outcome, and nothing else. JSON-able through `as_dict`."""

    arch: str
    knobs: dict  # all of them, defaults written out
    dataset: str
    stem: str
    classes: int
    resolution: int
    recipe_name: str
    recipe: dict  # Recipe.hyperparameters(), after the user's changes
    budget: str
    epochs: int
    train_images: int  # per epoch
    curve_test_images: int
    seed: int
    precision: str = "32-true"

    @property
    def run_id(self) -> str:
        """Twelve hexadecimal digits that name the training.

        Studies, variants and recipe names are left out: two studies that ask for one training share its run.
        """
        # Not asdict: its deep copies would take most of the time that a list of ten thousand runs takes.
        decisive = vars(self) | {"format": FORMAT}
        del decisive["recipe_name"]
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:12]

    def as_dict(self) -> dict:
        return asdict(self)

    def of_seed(self, seed: int) -> "Configuration":
        """The same training from another seed. Raises ValueError for a negative one."""
        if seed < 0:
            raise ValueError(f"seed must be 0 or more, not {seed}")
        return replace(self, seed=seed)


def resolve(
    arch: str,
    knobs: dict,
    *,
    dataset: str,
    budget: str,
    seed: int,
    recipe: str | None = None,
    precision: str = "32-true",
    resolution: int | None = None,
    epochs: int | None = None,
    changes: Mapping = MappingProxyType({}),
) -> Configuration:
    """Write out every default of a run.

    resolution: pixels at a side; None, the data set's own (another is MobileNet's ρ). epochs: None, as the budget
    and the recipe say. changes: fields of the recipe that this run has otherwise.
    Raises ValueError, in one line, for an unknown name or a value that cannot be trained with.
    """
    data = catalogue.find(dataset)
    architecture = architectures.find(arch)
    if data.stem not in architecture.stems:
        raise ValueError(f"{arch} has no {data.stem} form, which {dataset} needs")
    spent = BUDGETS[budget]
    recipe_name = recipe or recipes.default_name(architecture.family, data.stem)
    followed = changed(recipes.find(recipe_name), changes)
    if epochs is None:
        epochs = spent.epochs or followed.epochs
    for name, value in {
        "batch size": followed.batch_size,
        "learning rate": followed.lr,
        "epochs": epochs,
    }.items():
        if not value > 0:
            raise ValueError(f"{name} must be above 0, not {value}")
    return Configuration(
        arch=arch,
        knobs=architectures.resolve(arch, data.stem, knobs),
        dataset=dataset,
        stem=data.stem,
        classes=data.classes,
        resolution=_resolution(data, resolution),
        recipe_name=recipe_name,
        recipe=followed.hyperparameters(),
        budget=budget,
        epochs=epochs,
        train_images=min(spent.train_images or data.train_images, data.train_images),
        curve_test_images=min(spent.curve_test_images or data.test_images, data.test_images),
        seed=0,
        precision=precision,
    ).of_seed(seed)


def _resolution(data: catalogue.Dataset, asked: int | None) -> int:
    if asked is None:
        return data.resolution
    low, high = RESOLUTIONS[data.stem]
    if not low <= asked <= high:
        raise ValueError(f"resolution on {data.name} must be from {low} to {high}, not {asked}")
    return asked
