"""How each paper trained. A recipe holds numbers and their source; nothing here imports torch.

A run takes the recipe named `<family>_<stem>` (`densenet_cifar` for `architectures/densenet.py` on
CIFAR); a family without one of its own takes `fb_resnet_<stem>`, the code base that most of them grew from.
"""

import difflib

from lightning_modules.recipes.recipe import Recipe

__all__ = ["RECIPES", "Recipe", "default_name", "find"]

RECIPES: dict[str, Recipe] = {
    "fb_resnet_cifar": Recipe(
        "facebook/fb.resnet.torch, CIFAR-10 settings: rate divided by ten after epochs 81 and 122 of 164",
        epochs=164,
        batch_size=128,
        lr=0.1,
        weight_decay=1e-4,
        lr_milestones=(81 / 164, 122 / 164),
    ),
    "resnet_cifar": Recipe(
        "He et al., Deep Residual Learning, Section 4.2: 64k iterations, rate divided by ten at 32k and 48k",
        departures=(
            "64k iterations of 128 images are written as 164 epochs (64,124 iterations).",
            "The 110-layer net's warm-up (rate 0.01 until the training error falls below 80 %) is left out.",
            "Images are divided by 255 after the per-pixel mean is removed; the paper gives no scale.",
        ),
        epochs=164,
        batch_size=128,
        lr=0.1,
        weight_decay=1e-4,
        nesterov=False,
        initialisation="he_fan_in",
        normalisation="pixel_mean",
    ),
    "densenet_cifar": Recipe(
        "Huang et al., Densely Connected Convolutional Networks, Section 4.2, and the released Torch code: "
        "300 epochs, batch 64, rate divided by ten at 50 % and 75 %",
        epochs=300,
        batch_size=64,
        lr=0.1,
        weight_decay=1e-4,
    ),
    "resnext_cifar": Recipe(
        "Xie et al., Aggregated Residual Transformations, Section 5.3, and the released Torch code: "
        "300 epochs, batch 128, rate divided by ten at epochs 150 and 225, weight decay 5e-4",
        epochs=300,
        batch_size=128,
        lr=0.1,
        weight_decay=5e-4,
    ),
}


def find(name: str) -> Recipe:
    """The recipe of that name. Raises ValueError, with the near misses, if there is none."""
    if name in RECIPES:
        return RECIPES[name]
    near = difflib.get_close_matches(name, RECIPES) or sorted(RECIPES)
    raise ValueError(f"unknown recipe {name!r}; did you mean {' or '.join(near)}?")


def default_name(family: str, stem: str) -> str:
    """Name of the recipe that a family uses on a stem ("cifar" or "imagenet")."""
    own = f"{family}_{stem}"
    return own if own in RECIPES else f"fb_resnet_{stem}"
