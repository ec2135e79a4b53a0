"""How each paper trained: numbers, and where they stand. Nothing here imports torch.

A run takes the recipe named `<family>_<data set>` if there is one (`nin_cifar100`), or else `<family>_<stem>`
(`densenet_cifar` for `architectures/densenet.py` on CIFAR); one named for the architecture itself goes before both
(`senet_154_imagenet`). A family without one takes `fb_resnet_<stem>`, the code base that most of the residual networks
grew from. Other names are asked for, by `--recipe` or by a study.

Imagenette, which no paper trains on, takes every ImageNet recipe with batches that fit it (`recipes/imagenette.py`).

What a source doesn't print, and what is believed without having been seen, is marked "(check)".
"""

from architectures.spelling import did_you_mean
from lightning_modules.recipes import dense, imagenette, inception, mobile, plain, residual
from lightning_modules.recipes.recipe import Recipe

__all__ = ["RECIPES", "Recipe", "default_name", "find"]

PAPERS = residual.RECIPES | dense.RECIPES | plain.RECIPES | inception.RECIPES | mobile.RECIPES
RECIPES: dict[str, Recipe] = dict(sorted((PAPERS | imagenette.transfers(PAPERS)).items()))


def find(name: str) -> Recipe:
    """Return the recipe of that name. Raises ValueError, with the near misses, if there is none."""
    if name in RECIPES:
        return RECIPES[name]
    raise ValueError(f"unknown recipe {name!r}{did_you_mean(name, RECIPES)}")


def default_name(arch: str, family: str, stem: str, dataset: str = "") -> str:
    """Return the name of the recipe that an architecture of a family takes on a stem, "cifar" or "imagenet".

    dataset: one that may have a recipe of its own, such as "cifar100".
    """
    names = (f"{trained}_{data}" for trained in (arch, family) for data in (dataset, stem))
    return for_dataset(next((name for name in names if name in RECIPES), f"fb_resnet_{stem}"), dataset)


def for_dataset(name: str, dataset: str) -> str:
    """Return the name of the recipe that stands for the named one on a data set; mostly the same."""
    return imagenette.name_of(name) if dataset.startswith("imagenette") else name
