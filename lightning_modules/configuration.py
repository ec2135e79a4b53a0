"""From what the user asked to what will be run: every value written out, and the run's id made from it.

Nothing here imports torch, so that launchers and reports can name runs without paying for it.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, replace

import architectures
from lightning_modules import recipes
from lightning_modules.budgets import BUDGETS
from lightning_modules.data import catalogue

# Raise it when the meaning of a configuration changes, so that old runs are not taken for new ones.
FORMAT = 1

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


def resolve(
    arch: str,
    knobs: dict,
    *,
    dataset: str,
    budget: str,
    seed: int,
    recipe: str | None = None,
    precision: str = "32-true",
    batch_size: int | None = None,
    lr: float | None = None,
    epochs: int | None = None,
    augmentation: str | None = None,
) -> Configuration:
    """Write out every default of a run.

    The last four arguments change the recipe, for runs outside the studies. Raises ValueError, in one line,
    for an unknown name or a value that cannot be trained with.
    """
    data = catalogue.find(dataset)
    architecture = architectures.find(arch)
    if data.stem not in architecture.stems:
        raise ValueError(f"{arch} has no {data.stem} form, which {dataset} needs")
    spent = BUDGETS[budget]
    recipe_name = recipe or recipes.default_name(architecture.family, data.stem)
    changes = {"batch_size": batch_size, "lr": lr, "augmentation": augmentation}
    followed = replace(recipes.find(recipe_name), **{k: v for k, v in changes.items() if v is not None})
    if epochs is None:
        epochs = spent.epochs or followed.epochs
    for name, value in {
        "batch size": followed.batch_size,
        "learning rate": followed.lr,
        "epochs": epochs,
    }.items():
        if not value > 0:
            raise ValueError(f"{name} must be above 0, not {value}")
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, not {seed}")
    return Configuration(
        arch=arch,
        knobs=architectures.resolve(arch, data.stem, knobs),
        dataset=dataset,
        stem=data.stem,
        classes=data.classes,
        resolution=data.resolution,
        recipe_name=recipe_name,
        recipe=followed.hyperparameters(),
        budget=budget,
        epochs=epochs,
        train_images=spent.train_images or data.train_images,
        curve_test_images=spent.curve_test_images or data.test_images,
        seed=seed,
        precision=precision,
    )
