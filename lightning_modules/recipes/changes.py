"""A recipe with other values in some fields, as a row of a study or a user asks for them."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

from architectures.spelling import did_you_mean
from lightning_modules.recipes.kinds import converted
from lightning_modules.recipes.recipe import Recipe

# The fields that may be changed, with their types.
KINDS = {f.name: f.type for f in fields(Recipe) if f.name not in ("source", "departures")}

# What the numbers of a field may be.
_RANGES = (
    ("1 or more", lambda x: x >= 1, ("epochs", "batch_size", "train_sizes", "test_size")),
    ("0 or more", lambda x: x >= 0, ("weight_decay", "last_deviation")),
    (
        "above 0",
        lambda x: x > 0,
        ("lr", "lr_factor_epochs", "rmsprop_epsilon", "gradient_clipping", "temperature", "initial_deviation")
        + ("bn_epsilon", "lr_multipliers", "lr_factors", "initial_deviations"),
    ),
    ("from 0 to 1", lambda x: 0 <= x <= 1, ("lr_milestones", "warmup", "warmup_factor", "soft_weight")),
    ("above 0 and at most 1", lambda x: 0 < x <= 1, ("lr_factor", "smallest_area", "bn_momentum")),
    (
        "0 or more and below 1",
        lambda x: 0 <= x < 1,
        ("momentum", "rmsprop_decay", "label_smoothing", "weight_average"),
    ),
)
RANGES = {name: (words, allows) for words, allows, names in _RANGES for name in names}


def changed(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """Return the recipe with other values in some fields; a list stands for a tuple, an int for a float.

    Raises:
        ValueError: there is no such field, or the value isn't of its kind, or can't be trained with; in one line.
    """
    if not changes:
        return recipe
    values = {}
    for name, value in changes.items():
        if name not in KINDS:
            raise ValueError(f"a recipe has no {name!r}{did_you_mean(name, KINDS)}")
        try:
            values[name] = converted(KINDS[name], value)
        except ValueError as error:
            raise ValueError(f"the recipe's {name} {error}") from None
    # Where a recipe's own 5 is written 5.0, it stays as it is: the run's id is made from the digits.
    values = {name: value for name, value in values.items() if value != getattr(recipe, name)}
    followed = replace(recipe, **values)
    check(followed)
    return followed


def check(recipe: Recipe) -> None:
    """Check ranges and contradictions; raises ValueError, in one line, if a field breaks them."""
    for name, (words, allows) in RANGES.items():
        for number in numbers(getattr(recipe, name)):
            if not allows(number):
                raise ValueError(f"the recipe's {name} must be {words}, not {number}")
    if recipe.train_sizes[0] > recipe.train_sizes[1]:
        raise ValueError(f"the recipe's train_sizes are the lowest and the highest, not {recipe.train_sizes}")
    if recipe.optimiser == "sgd" and recipe.nesterov and recipe.momentum == 0:
        raise ValueError("the recipe's nesterov needs a momentum above 0; make it false, too")


def differences(recipe: Recipe, followed: Recipe) -> dict[str, tuple[Any, Any]]:
    """Return the fields in which a recipe is not followed: its own value, and the other one."""
    pairs = {name: (getattr(recipe, name), getattr(followed, name)) for name in KINDS}
    return {name: (original, new) for name, (original, new) in pairs.items() if original != new}


def numbers(value: Any) -> Iterator[float]:
    """Yield the numbers in a field's value, however deep in tuples."""
    if isinstance(value, tuple):
        for part in value:
            yield from numbers(part)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield value
