"""Which part of an image a network sees: random crops in training, fixed views in tests.

Images are (3, H, W) uint8 tensors; resizing is bilinear with antialiasing, as PIL does it.
"""

import math
from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

ATTEMPTS = 10
RATIOS = (3 / 4, 4 / 3)
GRID = 5


class Draws:
    """The random numbers of one image in one epoch: a pure function of (seed, epoch, index).

    From Philox's raw stream, like `epoch_plan`, whose numbers lie at counters below `index + 1`, so that the two
    never meet.
    """

    def __init__(self, seed: int, epoch: int, index: int) -> None:
        key, counter = np.array([seed, epoch], np.uint64), np.array([0, index + 1, 0, 0], np.uint64)
        self.stream = np.random.Philox(key=key, counter=counter)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        return low + (high - low) * ((self.stream.random_raw() >> 11) + 0.5) * 2.0**-53

    def integer(self, low: int, high: int) -> int:
        """Draw a whole number from low to high, both included."""
        return low + int(self.uniform() * (high - low + 1))

    def normal(self, sigma: float) -> float:
        return sigma * NormalDist().inv_cdf(self.uniform())


# Training


def random_sized_crop(image: Tensor, side: int, smallest_area: float, draws: Draws) -> Tensor:
    """Cut a part of random area and aspect, resized to (3, side, side): fb.resnet.torch's RandomSizedCrop.

    Going Deeper with Convolutions (arXiv:1409.4842), Section 6: 8 to 100 % of the area, ratio in [3/4, 4/3].
    """
    height, width = image.shape[1:]
    for _ in range(ATTEMPTS):
        area = draws.uniform(smallest_area, 1) * height * width
        ratio = draws.uniform(*RATIOS)
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if draws.uniform() < 0.5:
            w, h = h, w
        if 0 < h <= height and 0 < w <= width:  # of an image of a few pixels a part may round to none
            top, left = draws.integer(0, height - h), draws.integer(0, width - w)
            return functional.resized_crop(image, top, left, h, w, [side, side], antialias=True)
    return centre_crop(shorter_side(image, side), side)


def random_crop(
    image: Tensor, side: int, sizes: tuple[int, int], draws: Draws, *, of_square: bool = False
) -> Tensor:
    """Cut a random (3, side, side) of the image, its shorter side drawn from `sizes`, both ends included.

    of_square: of the image's central square alone (AlexNet, Sections 2, 4.1).
    """
    size = draws.integer(*sizes)
    image = shorter_side(image, size)
    image = centre_crop(image, size) if of_square else image
    height, width = image.shape[1:]
    top, left = draws.integer(0, height - side), draws.integer(0, width - side)
    return image[:, top : top + side, left : left + side]


# Tests


def centre_crop(image: Tensor, side: int) -> Tensor:
    return functional.center_crop(image, [side, side])


def ten_crop(image: Tensor, side: int) -> Tensor:
    """Return (10, 3, side, side): centre and corners, then their mirror images (fb.resnet.torch's TenCrop)."""
    height, width = image.shape[1:]
    corners = [(top, left) for top in (0, height - side) for left in (0, width - side)]
    return _mirrored([centre_crop(image, side), *_cut(image, side, corners)])


def grid_crop(image: Tensor, side: int) -> Tensor:
    """Return (50, 3, side, side): a 5 × 5 grid and its mirror images (VGG, arXiv:1409.1556, Section 3.2)."""
    height, width = image.shape[1:]
    tops, lefts = (
        [round(step * (extent - side) / (GRID - 1)) for step in range(GRID)] for extent in (height, width)
    )
    return _mirrored(list(_cut(image, side, [(top, left) for top in tops for left in lefts])))


def squares_crop(image: Tensor, side: int) -> Tensor:
    """Return (36, 3, side, side): of three squares of the image, corners, centre and the square resized; mirrored.

    The squares lie left, centre and right, in portraits top, centre and bottom; at four sizes they are the 144 crops of
    Going Deeper with Convolutions (arXiv:1409.4842), Section 7.
    """
    height, width = image.shape[1:]
    shorter = min(height, width)
    views: list[Tensor] = []
    for place in (0, (max(height, width) - shorter) // 2, max(height, width) - shorter):
        top, left = (place, 0) if height > width else (0, place)
        square = image[:, top : top + shorter, left : left + shorter]
        end = shorter - side
        views += _cut(square, side, [(0, 0), (0, end), (end, 0), (end, end)])
        views += [centre_crop(square, side), functional.resize(square, [side, side], antialias=True)]
    return _mirrored(views)


def whole_image(image: Tensor, side: int) -> Tensor:
    """Return (2, 3, H, W): the image and its mirror image, for a network that slides over it (VGG, Section 3.2)."""
    return _mirrored([image])


# What is shown of an image at each size of its shorter side: view tensors, whose means count alike.
VIEWS = {
    "single": (lambda image, side: centre_crop(image, side)[None],),
    "ten_crop": (ten_crop,),
    "multi_crop": (grid_crop,),
    "crops_144": (squares_crop,),
    "dense": (whole_image,),
    "multi_crop_and_dense": (grid_crop, whole_image),
}


def shorter_side(image: Tensor, size: int) -> Tensor:
    """Resize so that the shorter side has `size` pixels."""
    return functional.resize(image, [size], antialias=True)


def _cut(image: Tensor, side: int, corners: list[tuple[int, int]]) -> Iterator[Tensor]:
    return (image[:, top : top + side, left : left + side] for top, left in corners)


def _mirrored(views: list[Tensor]) -> Tensor:
    stacked = torch.stack(views)
    return torch.cat([stacked, stacked.flip(-1)])
