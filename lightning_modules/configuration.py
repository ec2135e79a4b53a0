"""From what the user asked to what will be run: every value written out, and the run's id made from it.

Nothing here imports torch, so that launchers and reports can name runs without paying for it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import architectures
from lightning_modules import recipes
from lightning_modules.budgets import BUDGETS
from lightning_modules.data import catalogue
from lightning_modules.recipes import Recipe
from lightning_modules.recipes.changes import changed, differences
from lightning_modules.recipes.kinds import as_text

if TYPE_CHECKING:
    from torch import nn

# Raise it when the meaning of a configuration changes, so that old runs are not taken for new ones.
FORMAT = 1

# Lowest and highest by stem. Inception's Table 2 begins at 79 pixels; EfficientNet-B7 is shown 600.
RESOLUTIONS = {"cifar": (16, 32), "imagenet": (79, 600)}

# As Lightning names them, and "tf32": fp32 whose products GPUs may round.
MIXED_PRECISIONS = ("bf16-mixed", "16-mixed")
PRECISIONS = ("32-true", "tf32", *MIXED_PRECISIONS)

WANDB_PROJECT = "convnet-reproduction"


@dataclass(frozen=True)
class Configuration:
    """Everything that decides a training's outcome, and nothing else. JSON-able through `as_dict`."""

    arch: str
    knobs: dict  # all of them, defaults written out but for those of knobs that came later
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
    # `as_dict()` of the run whose network this one learns from; a run without one has the id that it had before
    # there were teachers.
    teacher: dict | None = None

    @property
    def run_id(self) -> str:
        """Return twelve hexadecimal digits that name the training.

        Studies, variants and recipe names are left out: two studies that ask for one training share its run.
        """
        # Not asdict: its deep copies would take most of the time that a list of ten thousand runs takes.
        decisive = vars(self) | {"format": FORMAT}
        del decisive["recipe_name"], decisive["teacher"]
        if self.teacher:
            decisive["teacher"] = Configuration(**self.teacher).run_id
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:12]

    def build(self) -> "nn.Module":
        """Build the network, with torch's initial weights. Raises ValueError, in one line, for impossible knobs."""
        network = architectures.build(self.arch, stem=self.stem, num_classes=self.classes, **self.knobs)
        if self.precision not in MIXED_PRECISIONS:
            return network
        from lightning_modules.full_precision import logits_in_full_precision

        return logits_in_full_precision(network, self.resolution)

    def decisions_of_evaluation(self) -> dict:
        """Return what decides how given weights are evaluated, as `check_same` takes it."""
        recipe = Recipe.from_hyperparameters(self.recipe)
        names = ("arch", "dataset", "classes", "resolution")
        return {name: getattr(self, name) for name in names} | {"knobs": self.knobs, "recipe": recipe}

    def as_dict(self) -> dict:
        values = asdict(self)
        if not self.teacher:
            del values["teacher"]
        return values


@dataclass(frozen=True)
class Run:
    """One training, and what it is made for.

    study, variant: the cell that asks for it, if one does. plan: the hash of the programme's line that asks for it.
    teaches: whether others of its study learn from its network. evaluations: protocols by which it is evaluated beside the
    test; they are no part of the configuration, since the training is the same.
    """

    configuration: Configuration
    study: str | None = None
    variant: str | None = None
    plan: str | None = None
    teaches: bool = False
    evaluations: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Name the cell, or the architecture of a run that belongs to no study."""
        return f"{self.study}/{self.variant}" if self.study else self.configuration.arch


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
    teacher: Configuration | None = None,
) -> Configuration:
    """Write out every default of a run.

    resolution: pixels at a side; None, the data set's own (another is MobileNet's ρ). epochs: None, as the budget
    and the recipe say. changes: fields of the recipe that this run has otherwise. teacher: the run whose network this
    one learns from, if the recipe has a place for its soft targets.
    Raises ValueError, in one line, for an unknown name or a value that cannot be trained with.
    """
    data = catalogue.find(dataset)
    architecture = architectures.find(arch)
    if data.stem not in architecture.stems:
        raise ValueError(f"{arch} has no {data.stem} form, which {dataset} needs")
    spent = BUDGETS[budget]
    recipe_name = recipe or recipes.default_name(arch, architecture.family, data.stem, dataset)
    followed = changed(recipes.find(recipe_name), changes)
    if epochs is None:
        epochs = spent.epochs or followed.epochs
    if epochs < 1:
        raise ValueError(f"epochs must be above 0, not {epochs}")
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, not {seed}")
    resolved = Configuration(
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
        seed=seed,
        precision=precision,
        teacher=teacher.as_dict() if teacher else None,
    )
    _check_teacher(resolved, teacher)
    return resolved


def check_same(saved: Configuration, source: str, requested: Mapping) -> None:
    """Raise ValueError, in one line that names it, where something requested isn't what a checkpoint was trained with.

    requested: fields of `Configuration` by name, of which those that are None aren't; `knobs` may be some of them,
    and `recipe` is a `Recipe`.
    """
    trained = saved.decisions_of_evaluation()
    requested = {name: value for name, value in requested.items() if value is not None}
    knobs, recipe = requested.pop("knobs", {}), requested.pop("recipe", trained["recipe"])
    pairs = [(name, trained[name], value) for name, value in requested.items()]
    if requested.get("arch", saved.arch) == saved.arch:
        defaults = {
            name: knob.default_for(saved.stem) for name, knob in architectures.find(saved.arch).knobs.items()
        }
        pairs += [(name, (defaults | saved.knobs).get(name), value) for name, value in knobs.items()]
    pairs += [
        (name, before, after) for name, (before, after) in differences(trained["recipe"], recipe).items()
    ]
    for name, before, after in pairs:
        if json.dumps(before) != json.dumps(after):
            raise ValueError(
                f"{source} was trained with {name} {as_text(before)}, not {as_text(after)}; leave that out: "
                "a checkpoint is evaluated as it was trained"
            )


def _check_teacher(student: Configuration, teacher: Configuration | None) -> None:
    """Raise ValueError if there is a teacher without a share in the loss, or what it was taught doesn't fit."""
    recipe = Recipe.from_hyperparameters(student.recipe)
    if teacher is None:
        if recipe.soft_weight != 0 or recipe.temperature != 1:
            raise ValueError("soft weight and temperature are of a teacher's soft targets: name the teacher")
        return
    if recipe.soft_weight == 0:
        raise ValueError("soft weight must be above 0 where there is a teacher")
    for name, students, teachers in (
        ("data set", student.dataset, teacher.dataset),
        ("resolution", student.resolution, teacher.resolution),
        ("normalisation", student.recipe["normalisation"], teacher.recipe["normalisation"]),
    ):
        if students != teachers:
            raise ValueError(
                f"the teacher (run {teacher.run_id}) was trained with {name} {teachers}, and would be shown {students}; "
                "choose another teacher"
            )


def _resolution(data: catalogue.Dataset, pixels: int | None) -> int:
    if pixels is None:
        return data.resolution
    low, high = RESOLUTIONS[data.stem]
    if not low <= pixels <= high:
        raise ValueError(f"resolution on {data.name} must be from {low} to {high}, not {pixels}")
    return pixels
