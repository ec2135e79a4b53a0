"""Batches of an image folder: read, decoded and cropped image by image, in whole batches of bytes.

Colour and normalisation follow on the device (`colour.finish`); until then an image is 150 KB, not 600. What an
image becomes depends on (seed, epoch, its index) alone, as in `batches`.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from lightning_modules.data import colour, crops
from lightning_modules.data.batches import EpochBatches, epoch_plan
from lightning_modules.data.decoding import BrokenImage, read_image
from lightning_modules.data.folders import ImageFiles
from lightning_modules.data.preprocessing import ImageFolderPreprocessing


class ImageFolderBatch(NamedTuple):
    """Images that could be read, and those that could not: nothing stands in for them."""

    views: list[Tensor]  # tensors (B, views, 3, H, W) uint8, one or two for each size of the shorter side
    labels: Tensor  # (B,) int64
    colours: Tensor  # (B, 7), rows of `colour.draw`
    broken: list[tuple[int, str]]  # index and reason


class ImageFolderTrainBatches(EpochBatches):
    """Training batches of one view each; item (epoch, batch) is a ImageFolderBatch."""

    def __init__(
        self,
        files: ImageFiles,
        *,
        batch_size: int,
        seed: int,
        preprocessing: ImageFolderPreprocessing,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        super().__init__(len(files), batch_size, rank, world_size)
        self.files, self.seed, self.how = files, seed, preprocessing
        self._epoch: int | None = None

    def __getitem__(self, item: tuple[int, int]) -> ImageFolderBatch:
        epoch, batch = item
        if epoch != self._epoch:
            self._epoch, self._order = epoch, epoch_plan(self.seed, epoch, len(self.files), pad=0).order
        return _batch(self.files, self._order[self.places(batch)], lambda *image: self._shown(epoch, *image))

    def _shown(self, epoch: int, index: int, image: Tensor) -> tuple[list[Tensor], list[float]]:
        how, draws = self.how, crops.Draws(self.seed, epoch, index)
        if not how.augment:
            return _views(image, how), colour.draw("none", draws)
        mirror, colours = draws.uniform() < 0.5, colour.draw(how.colour, draws)
        if how.train_crop == "random_sized":
            image = crops.random_sized_crop(image, how.resolution, how.smallest_area, draws)
        else:
            of_square = how.train_crop == "random_of_square"
            image = crops.random_crop(image, how.resolution, how.train_sizes, draws, of_square=of_square)
        return [(image.flip(-1) if mirror else image)[None]], colours


class ImageFolderTestBatches(Dataset):
    """The views of every image in file order; rank r of W takes images r, r + W, …: each counts exactly once.

    `batch_size` is one rank's own, in images.
    """

    def __init__(
        self,
        files: ImageFiles,
        *,
        batch_size: int,
        preprocessing: ImageFolderPreprocessing,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.files, self.batch_size, self.how = files, batch_size, preprocessing
        self.indices = np.arange(len(files))[rank::world_size]

    def __len__(self) -> int:
        return math.ceil(len(self.indices) / self.batch_size)

    def __getitem__(self, batch: int) -> ImageFolderBatch:
        if not 0 <= batch < len(self):
            raise IndexError(batch)  # ends iteration over the data set itself
        index = self.indices[batch * self.batch_size :][: self.batch_size]
        return _batch(self.files, index, lambda _, image: (_views(image, self.how), [0.0] * 7))


def _views(image: Tensor, how: ImageFolderPreprocessing) -> list[Tensor]:
    at_sizes = (crops.shorter_side(image, size) for size in how.test_sizes)
    return [view(resized, how.resolution) for resized in at_sizes for view in crops.VIEWS[how.views]]


def _batch(files: ImageFiles, index: np.ndarray, show) -> ImageFolderBatch:
    """show(index, image): the image's views by size, and its row of colour changes."""
    shown, labels, colours, broken = [], [], [], []
    for i in index.tolist():
        try:
            views, colours_of_image = show(i, read_image(files.path(i)))
        except BrokenImage as reason:
            broken.append((i, str(reason)))
            continue
        shown.append(views)
        labels.append(files.labels[i])
        colours.append(colours_of_image)
    by_size = [torch.stack(views) for views in zip(*shown, strict=True)]
    return ImageFolderBatch(by_size, torch.tensor(labels, dtype=torch.int64), torch.tensor(colours), broken)
