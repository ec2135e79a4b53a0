"""Whole batches at a time: order, crops, mirrors and normalisation, on the CPU or where the data set lives.

Every random number is a pure function of (seed, epoch): the same images are seen, cropped and mirrored alike
under any number of workers and devices, on a CPU or a GPU, and after a resume that knows only its epoch.
"""

import functools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset, Sampler

from lightning_modules.data.preprocessing import Preprocessing

# Images a device in an incomplete last batch: of one, batch normalisation has no variance where a channel is one pixel.
FEWEST = 2


class EpochPlan(NamedTuple):
    """For each place in an epoch: which image, its crop's corner in the padded image, its mirroring."""

    order: np.ndarray  # (n,) int64, a permutation
    dy: np.ndarray  # (n,) int64 in 0 … 2 pad
    dx: np.ndarray  # (n,) int64 in 0 … 2 pad
    mirror: np.ndarray  # (n,) bool


def epoch_plan(seed: int, epoch: int, n: int, pad: int) -> EpochPlan:
    """Draw the random numbers of one epoch over `n` images, from Philox with the key (seed, epoch).

    Made from the raw stream, which NumPy keeps the same for good, not from Generator's methods, which may
    change between its versions (NEP 19).
    """
    stream = np.random.Philox(key=np.array([seed, epoch], dtype=np.uint64))
    order, dy, dx, mirror = stream.random_raw(4 * n).reshape(4, n)
    corners = np.uint64(2 * pad + 1)
    return EpochPlan(
        order=np.argsort(order, kind="stable"),
        dy=(dy % corners).astype(np.int64),
        dx=(dx % corners).astype(np.int64),
        mirror=(mirror >> np.uint64(63)).astype(bool),
    )


def subset(labels: np.ndarray, n: int) -> np.ndarray:
    """Return the indices, ascending, of the first n / classes images of every class in file order.

    Where n is no multiple of the classes, some classes at even distances give one image more than the others.
    """
    classes, counts = np.unique(labels, return_counts=True)
    shares = np.diff(np.arange(len(classes) + 1) * n // len(classes))
    if n < 1 or (shares > counts).any():
        raise ValueError(
            f"cannot take {n} images evenly: choose from 1 to {len(classes) * counts.min()}, "
            f"the smallest of {len(classes)} classes having {counts.min()}"
        )
    # Stable, so that file order stays within a class; one pass, where a search for each class takes 1,000.
    order = np.argsort(labels, kind="stable")
    starts = np.cumsum(counts) - counts
    return np.sort(np.concatenate([order[s : s + k] for s, k in zip(starts, shares, strict=True)]))


def in_epoch(images: int, batch_size: int, world_size: int = 1) -> int:
    """Return the batches of an epoch over so many images; the last one may be smaller."""
    full, rest = divmod(images, batch_size)
    return full + (rest // world_size >= (FEWEST if full else 1))


class EpochBatches(Dataset):
    """Which images make which training batch: item (epoch, batch), on any number of devices.

    `batch_size` is the global batch. Of each one, rank r of W takes every W-th image from the r-th on, so
    that the ranks together see what a single process sees; only an incomplete last batch is cut to a multiple
    of W, and left out where a device would get fewer than `FEWEST` images.
    """

    def __init__(self, images: int, batch_size: int, rank: int, world_size: int) -> None:
        self.images, self.batch_size = images, batch_size
        self.rank, self.world_size = rank, world_size

    def __len__(self) -> int:
        return in_epoch(self.images, self.batch_size, self.world_size)

    def places(self, batch: int) -> slice:
        """Return this rank's places of the batch in the epoch's order."""
        start = batch * self.batch_size
        stop = min(start + self.batch_size, self.images)
        stop -= (stop - start) % self.world_size
        return slice(start + self.rank, stop, self.world_size)


class TrainBatches(EpochBatches):
    """Augmented training batches: item (epoch, batch) is (images (B, 3, H, W) float32, labels (B,) int64)."""

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        *,
        batch_size: int,
        seed: int,
        preprocessing: Preprocessing,
        device: torch.device | str | None = None,
        rank: int = 0,
        world_size: int = 1,
        memory_format: torch.memory_format = torch.contiguous_format,
    ) -> None:
        super().__init__(len(images), batch_size, rank, world_size)
        self.pixels = _Pixels(images, labels, preprocessing, device, memory_format)
        self.seed, self.preprocessing = seed, preprocessing
        self._epoch: int | None = None

    def __getitem__(self, item: tuple[int, int]) -> tuple[Tensor, Tensor]:
        epoch, batch = item
        if epoch != self._epoch:
            self._epoch, self._order, self._crops = epoch, *self._plan(epoch)
        places = self.places(batch)
        crops = self._crops[places] if self._crops is not None else None
        return self.pixels.batch(self._order[places], crops)

    def _plan(self, epoch: int) -> tuple[Tensor, Tensor | None]:
        """Return the epoch's order and each image's row of the crop table, where the data set lives."""
        how, device = self.preprocessing, self.pixels.images.device
        plan = epoch_plan(self.seed, epoch, len(self.pixels), how.pad)
        order = torch.from_numpy(plan.order).to(device)
        if not how.augment:
            return order, None
        side = 2 * how.pad + 1
        crops = (plan.mirror & how.mirror) * side * side + plan.dy * side + plan.dx
        return order, torch.from_numpy(crops).to(device)


class EpochSampler(Sampler):
    """Yields (epoch, batch) for EpochBatches; Lightning calls `set_epoch` before every epoch.

    A run that is resumed in the middle of `epoch` leaves out the `done` batches that it has trained on.
    """

    def __init__(self, batches: EpochBatches, epoch: int = 0, done: int = 0) -> None:
        self.batches, self.epoch = batches, epoch
        self.resumed = epoch, done

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        epoch, done = self.resumed
        return ((self.epoch, batch) for batch in range(done if self.epoch == epoch else 0, len(self)))


def epoch_sampler(batches: EpochBatches, trainer) -> EpochSampler:
    """Return a sampler that goes on where `trainer` is; from the start if there is none."""
    if trainer is None:
        return EpochSampler(batches)
    loop = trainer.fit_loop
    done = loop.epoch_loop.batch_progress.current.completed
    # What Lightning sets before the epoch. Worker processes begin sooner, when `current_epoch` of a run that is
    # resumed after an epoch's end is still that epoch.
    epoch = loop.epoch_progress.current.processed
    return EpochSampler(batches, epoch, done % len(batches))


class TestBatches(Dataset):
    """Normalised images in file order; item i is a pair as in TrainBatches.

    Rank r of W takes images r, r + W, r + 2W, …: every image is counted exactly once. `batch_size` is one
    rank's own.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        *,
        batch_size: int,
        preprocessing: Preprocessing,
        device: torch.device | str | None = None,
        rank: int = 0,
        world_size: int = 1,
        memory_format: torch.memory_format = torch.contiguous_format,
    ) -> None:
        self.pixels = _Pixels(
            images[rank::world_size], labels[rank::world_size], preprocessing, device, memory_format
        )
        self.batch_size = batch_size

    def __len__(self) -> int:
        return math.ceil(len(self.pixels) / self.batch_size)

    def __getitem__(self, batch: int) -> tuple[Tensor, Tensor]:
        if not 0 <= batch < len(self):
            raise IndexError(batch)  # ends iteration over the data set itself
        start = batch * self.batch_size
        stop = min(start + self.batch_size, len(self.pixels))
        return self.pixels.batch(torch.arange(start, stop, device=self.pixels.images.device), None)


class _Pixels:
    """The images where they live, and batches of them, by a preprocessing that is `fitted`."""

    def __init__(self, images, labels, preprocessing, device, memory_format) -> None:
        count, self.side = len(images), images.shape[1]
        self.resolution = preprocessing.resolution or self.side
        self.images = torch.from_numpy(images).to(device).view(count, self.side**2, 3)
        self.labels = torch.from_numpy(labels).to(device)
        # as planes (3, 1) or (3, H*W), the layout in which a batch is normalised
        self.mean = _planes(preprocessing.mean, self.images.device)
        self.std = _planes(preprocessing.std, self.images.device)
        self.crop_table = None
        if preprocessing.augment:
            table = crop_table(self.side, preprocessing.pad, preprocessing.padding)
            self.crop_table = torch.from_numpy(table).to(device)
        self.memory_format = memory_format

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, index: Tensor, crops: Tensor | None) -> tuple[Tensor, Tensor]:
        size, area = len(index), self.side**2
        # one pixel more than the image has: the zero that padding shows
        normalised = torch.zeros(size, 3, area + 1, device=self.images.device)
        image = normalised[:, :, :area]
        torch.sub(self.images.index_select(0, index).transpose(1, 2), self.mean, out=image)
        image.div_(self.std)
        if self.crop_table is not None and crops is not None:
            shown = self.crop_table.index_select(0, crops)[:, None].expand(size, 3, area)
            image = normalised.gather(2, shown)
        image = image.reshape(size, 3, self.side, self.side)
        if self.resolution != self.side:
            image = functional.interpolate(image, self.resolution, mode="bilinear", antialias=True)
        return image.contiguous(memory_format=self.memory_format), self.labels.index_select(0, index)


def _planes(values, device: torch.device) -> Tensor:
    return torch.tensor(np.asarray(values, dtype=np.float32).reshape(-1, 3).T.copy(), device=device)


@functools.cache
def crop_table(side: int, pad: int, padding: str) -> np.ndarray:
    """Return the pixel of an image that every pixel of a crop shows; side² is the padding's zero.

    Shape (2 * (2 pad + 1)², side²) int64; row (mirror * (2 pad + 1) + dy) * (2 pad + 1) + dx. One look-up in
    it replaces mirroring, padding and cropping, which is what makes a whole batch fast.
    """
    pixels = np.arange(side * side).reshape(side, side)
    zeros, reflected = {"mode": "constant", "constant_values": side * side}, {"mode": "reflect"}
    how: dict[str, Any] = zeros if padding == "zeros" else reflected
    padded = [np.pad(image, pad, **how) for image in (pixels, pixels[:, ::-1])]
    return np.stack([sliding_window_view(image, (side, side)) for image in padded]).reshape(-1, side * side)
