"""Imagenette in ImageNet's place: every ImageNet recipe, with batches for 9,469 images.

No paper trains on it. At ImageNet's batch sizes an epoch would have 2 to 37 steps; with 64 images it has 148, and the
rate goes down in proportion (Goyal et al., arXiv:1706.02677, Section 2.1).
"""

from collections.abc import Mapping
from dataclasses import replace

from lightning_modules.recipes.recipe import NOT_VERIFIED, Recipe

LARGEST_BATCH = 64
TRANSFER = "No paper trains on Imagenette: this is the recipe for ImageNet."
STEM, NAME = "_imagenet", "_imagenette"


def transfers(recipes: Mapping[str, Recipe]) -> dict[str, Recipe]:
    """Return the recipe for Imagenette of each one for ImageNet, by its name."""
    return {name_of(name): transfer(recipe) for name, recipe in recipes.items() if name.endswith(STEM)}


def name_of(name: str) -> str:
    """Return what a recipe for ImageNet is called on Imagenette; other recipes keep their names."""
    return name.removesuffix(STEM) + NAME if name.endswith(STEM) else name


def transfer(recipe: Recipe) -> Recipe:
    """Return the recipe with batches of 64 images at most, and a rate in proportion."""
    batch_size = min(LARGEST_BATCH, recipe.batch_size)
    changes = [TRANSFER]
    if batch_size < recipe.batch_size:
        changes.append(
            f"Batches of {batch_size} images instead of {recipe.batch_size}, the rate in proportion."
        )
    return replace(
        recipe,
        departures=(*changes, *recipe.departures, NOT_VERIFIED),
        batch_size=batch_size,
        lr=recipe.lr * batch_size / recipe.batch_size,
    )
