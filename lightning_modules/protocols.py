"""Evaluation protocols: how much of a test image a network is shown, as papers say it. Nothing here imports torch.

A run is tested by `one_crop`, the headline; others, on data sets of image files, are evaluations beside it of the same
weights. In all of them the softmax is averaged over the views of an image.
"""

from dataclasses import dataclass
from typing import Literal

from lightning_modules.recipes import Recipe

Views = Literal["single", "ten_crop", "multi_crop", "crops_144", "dense", "multi_crop_and_dense"]
# VGG, arXiv:1409.1556, Section 4.2: sizes of a network trained at one size S, and of one trained on S in [256, 512].
AROUND = 32
OF_JITTER = (256, 384, 512)


@dataclass(frozen=True)
class Protocol:
    """Say which views of an image are taken, and at which sizes of its shorter side.

    title: as a page writes it. sizes: pixels for an input of 224, empty for the recipe's own test size. three_sizes: at
    VGG's three, around the recipe's own. crops: about how many centre crops it costs.
    """

    title: str
    views: Views
    crops: int
    sizes: tuple[int, ...] = ()
    three_sizes: bool = False

    def sizes_for(self, recipe: Recipe) -> tuple[int, ...] | None:
        """Return the pixels of the shorter side, for an input of 224 pixels; None: as in the recipe's test."""
        if not self.three_sizes:
            return self.sizes or None
        if recipe.train_crop == "scale_jitter":
            return OF_JITTER
        return recipe.test_size - AROUND, recipe.test_size, recipe.test_size + AROUND


ONE_CROP = "one_crop"
PROTOCOLS = {
    ONE_CROP: Protocol("one crop", "single", 1),
    # AlexNet, Section 4.1: centre and corners, and their mirror images
    "ten_crop": Protocol("ten crops", "ten_crop", 10),
    # VGG, Sections 3.2, 4.3: whole images and their mirror images; a grid of 5 × 5 crops and theirs
    "dense": Protocol("dense", "dense", 4),
    "dense_three_sizes": Protocol("dense, three sizes", "dense", 20, three_sizes=True),
    "crops_150": Protocol("150 crops", "multi_crop", 150, three_sizes=True),
    "crops_150_and_dense": Protocol("150 crops and dense", "multi_crop_and_dense", 170, three_sizes=True),
    # ResNet, arXiv:1512.03385, Section 3.4
    "dense_five_sizes": Protocol("dense, five sizes", "dense", 50, sizes=(224, 256, 384, 480, 640)),
    # GoogLeNet, arXiv:1409.4842, Section 7
    "crops_144": Protocol("144 crops", "crops_144", 144, sizes=(256, 288, 320, 352)),
}
BESIDE = tuple(name for name in PROTOCOLS if name != ONE_CROP)  # evaluations beside the test


def check_names(names: tuple[str, ...]) -> None:
    """Raise ValueError, in one line, for an evaluation that doesn't exist beside the test, or one that is named twice."""
    for name in names:
        if name not in BESIDE:
            raise ValueError(f"evaluation is one of {', '.join(BESIDE)}, not {name!r}")
        if names.count(name) > 1:
            raise ValueError(f"evaluation names {name!r} twice")
