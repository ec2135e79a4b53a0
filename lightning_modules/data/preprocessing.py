"""From a recipe's words to what the data modules do: the one place that reads a recipe's input fields."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from lightning_modules.configuration import Configuration
from lightning_modules.data.catalogue import Dataset, find
from lightning_modules.protocols import Protocol, Views
from lightning_modules.recipes import Recipe

Colour = tuple[float, float, float]  # RGB, of 0-255


@dataclass(frozen=True)
class EvaluationProtocol:
    """How given weights see the test images, where that differs from the recipe; None means "as the recipe".

    `sizes`: pixels of the shorter side, one or several, whose views count alike. `mean`, `std`: of 0–255.
    """

    views: Views = "single"
    sizes: tuple[int, ...] | None = None
    mean: Colour | None = None
    std: Colour | None = None


@dataclass(frozen=True)
class Preprocessing:
    """Say what happens to an image of an array: normalise, then mirror, then pad and crop, then resize, in this order.

    The order is that of fb.resnet.torch (datasets/cifar10.lua, transforms.lua), on which the code of
    DenseNet, ResNeXt, Wide ResNet and stochastic depth builds: zeros padded after normalisation are the mean
    colour.
    `mean` and `std` are in units of 0–255; a `mean` of None stands for the per-pixel mean of the training
    images (ResNet, arXiv:1512.03385, section 4.2), which `fitted` fills in as an array (H, W, 3).
    `resolution`: pixels at a side of what the network receives, resized bilinearly with antialiasing; None, the
    images' own. Last, so that a network sees the same part of an image at every resolution.
    """

    mean: Colour | np.ndarray | None
    std: Colour
    augment: bool = True
    pad: int = 4
    padding: Literal["zeros", "reflect"] = "zeros"
    mirror: bool = True
    resolution: int | None = None

    def fitted(self, train_images: np.ndarray) -> "Preprocessing":
        """Return this with the per-pixel mean of `train_images` (N, H, W, 3) instead of a mean of None."""
        if self.mean is not None:
            return self
        return replace(self, mean=train_images.mean(axis=0, dtype=np.float64).astype(np.float32))


@dataclass(frozen=True)
class ImageFolderPreprocessing:
    """Say what happens to an image of a folder on its way to a network that takes `resolution` pixels square.

    `train_crop`: "random_sized", a part of `smallest_area` to all of the area; "random", a crop after the shorter
    side was resized to `train_sizes`; "random_of_square", one of the central square of that; "scale_jitter", as
    "random" with a size drawn from their range. `colour`: "none", "pca" (AlexNet, Section 4.1) or "jitter_pca"
    (fb.resnet.torch). Without `augment`, training images are seen like test images: the centre, after the shorter
    side was resized to `test_sizes`.
    """

    resolution: int
    mean: Colour
    std: Colour
    augment: bool = True
    train_crop: Literal["random_sized", "random", "random_of_square", "scale_jitter"] = "random_sized"
    train_sizes: tuple[int, int] = (256, 256)
    smallest_area: float = 0.08
    colour: Literal["none", "pca", "jitter_pca"] = "none"
    test_sizes: tuple[int, ...] = (256,)
    views: Views = "single"

    def __post_init__(self) -> None:
        for name, sizes in (("train_sizes", self.train_sizes), ("test_size", self.test_sizes)):
            used = name == "test_size" or self.train_crop != "random_sized"
            if used and min(sizes) < self.resolution:
                raise ValueError(f"{name} {min(sizes)} is below the resolution {self.resolution}; raise it")


def for_arrays(configuration: Configuration, viewing: EvaluationProtocol | None = None) -> Preprocessing:
    """Return the preprocessing of a data set of arrays, as the recipe says."""
    data = find(configuration.dataset)
    recipe = Recipe.from_hyperparameters(configuration.recipe)
    mean, std = _statistics(data, recipe.normalisation)
    how = Preprocessing(
        mean=None if recipe.normalisation == "pixel_mean" else mean,
        std=std,
        augment=recipe.augmentation == "standard",
        padding=recipe.padding,
        resolution=configuration.resolution,
    )
    if viewing is None:
        return how
    if viewing.views != "single" or viewing.sizes:
        raise ValueError(f"{data.title} has images of one size: leave out --evaluation and --test-size")
    return replace(how, mean=viewing.mean or how.mean, std=viewing.std or how.std)


def for_image_folder(
    configuration: Configuration, viewing: EvaluationProtocol | None = None
) -> ImageFolderPreprocessing:
    """Return the preprocessing of a data set of image files.

    A recipe's sizes are those for its data set's own resolution; at another one (MobileNet's ρ) they change in
    proportion, so that a network sees the same part of an image. A per-pixel mean is taken as its mean colour,
    since crops lie anywhere. Raises ValueError for sizes that no crop fits into.
    """
    data, viewing = find(configuration.dataset), viewing or EvaluationProtocol()
    recipe = Recipe.from_hyperparameters(configuration.recipe)
    mean, std = _statistics(data, recipe.normalisation)

    smallest, largest = recipe.train_sizes
    return ImageFolderPreprocessing(
        resolution=configuration.resolution,
        mean=viewing.mean or mean,
        std=viewing.std or std,
        augment=recipe.augmentation != "none",
        train_crop=recipe.train_crop,
        train_sizes=(_scaled(smallest, configuration), _scaled(largest, configuration)),
        smallest_area=recipe.smallest_area,
        colour=recipe.colour,
        test_sizes=viewing.sizes or (_scaled(recipe.test_size, configuration),),
        views=viewing.views,
    )


def viewing_of(
    protocol: Protocol,
    configuration: Configuration,
    sizes: tuple[int, ...] | None = None,
    mean: Colour | None = None,
    std: Colour | None = None,
) -> EvaluationProtocol:
    """Return how a configuration's test images are seen by a protocol; sizes, mean and std go before its own."""
    own = protocol.sizes_for(Recipe.from_hyperparameters(configuration.recipe))
    in_proportion = own and tuple(_scaled(size, configuration) for size in own)
    return EvaluationProtocol(protocol.views, sizes or in_proportion, mean, std)


def _scaled(size: int, configuration: Configuration) -> int:
    """A size of the recipe's or of a protocol's, which is for the data set's own resolution, in proportion."""
    return round(size * configuration.resolution / find(configuration.dataset).resolution)


def _statistics(data: Dataset, normalisation: str) -> tuple[Colour, Colour]:
    """Return what is subtracted, and what is divided by then, of 0–255."""
    unit = (255.0, 255.0, 255.0)
    return {
        "channel": (data.mean, data.std),
        "pixel_mean": (data.mean, unit),
        "mean": (data.mean, (1.0, 1.0, 1.0)),
        "unit": ((0.0, 0.0, 0.0), unit),
    }[normalisation]
