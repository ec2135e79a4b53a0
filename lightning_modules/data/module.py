"""CIFAR for Lightning: the cache's arrays, cut to the budget and served as whole batches."""

import os
from typing import Any

import torch
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader

from lightning_modules.data.batches import EpochSampler, TestBatches, TrainBatches, epoch_sampler, subset
from lightning_modules.data.cache import Arrays, load
from lightning_modules.data.catalogue import ArrayDataset
from lightning_modules.data.preprocessing import Preprocessing

# As fast as 500 on a CPU, in half of the memory.
EVALUATION_BATCH = 125
EVALUATION_BATCH_ON_GPU = 1000  # which 125 images leave idle


class CIFARDataModule(LightningDataModule):
    """CIFAR-10 or CIFAR-100; the data set lives on the GPU if the trainer uses one.

    `batch_size` is the global training batch. `train_images` takes an even subset of the training set,
    `curve_test_images` the first test images for the curve after each epoch; None means all. The test
    loader always serves the whole test set. The Trainer must be made with `use_distributed_sampler=False`:
    the batches know their rank. `obtain` and `setup` raise DataError if the data cannot be had.
    """

    def __init__(
        self,
        dataset: ArrayDataset,
        data_dir: str | os.PathLike,
        *,
        batch_size: int,
        seed: int,
        preprocessing: Preprocessing,
        train_images: int | None = None,
        curve_test_images: int | None = None,
        num_workers: int | None = None,  # makes batches in this process
        memory_format: torch.memory_format = torch.contiguous_format,
    ) -> None:
        super().__init__()
        self.dataset, self.data_dir, self.preprocessing = dataset, data_dir, preprocessing
        self.batch_size, self.seed, self.num_workers = batch_size, seed, num_workers
        self.train_images, self.curve_test_images = train_images, curve_test_images
        self.memory_format = memory_format
        self.arrays: Arrays | None = None
        self.train_batches: TrainBatches | None = None

    def obtain(self) -> None:
        """Fill or repair the cache, so that missing data is known before anything is started."""
        self.arrays = load(self.dataset, self.data_dir)

    def setup(self, stage: str | None = None) -> None:
        if self.train_batches is not None:
            return  # Lightning calls this again before testing
        arrays = self.arrays or load(self.dataset, self.data_dir)
        images, labels = arrays.train_images, arrays.train_labels
        preprocessing = self.preprocessing.fitted(images)
        if self.train_images is not None:
            chosen = subset(labels, self.train_images)
            images, labels = images[chosen], labels[chosen]
        device = self.trainer.strategy.root_device if self.trainer else torch.device("cpu")
        shared: dict[str, Any] = {
            "preprocessing": preprocessing,
            "device": device if device.type == "cuda" else None,
            "rank": self.trainer.global_rank if self.trainer else 0,
            "world_size": self.trainer.world_size if self.trainer else 1,
            "memory_format": self.memory_format,
        }
        self.train_batches = TrainBatches(
            images, labels, batch_size=self.batch_size, seed=self.seed, **shared
        )
        test = arrays.test_images, arrays.test_labels
        curve = [array[: self.curve_test_images] for array in test]
        together = EVALUATION_BATCH_ON_GPU if shared["device"] else EVALUATION_BATCH
        self.test_batches = TestBatches(*test, batch_size=together, **shared)
        self.curve_batches = TestBatches(*curve, batch_size=together, **shared)

    def broken_test_images(self) -> int:
        """Return 0: the arrays are verified."""
        return 0

    def train_dataloader(self) -> DataLoader:
        assert self.train_batches is not None, "Lightning calls setup first"
        return self._loader(self.train_batches, epoch_sampler(self.train_batches, self.trainer))

    def val_dataloader(self) -> DataLoader:
        return self._loader(self.curve_batches)

    def test_dataloader(self) -> DataLoader:
        return self._loader(self.test_batches)

    def _loader(self, batches, sampler: EpochSampler | None = None) -> DataLoader:
        # worker processes cannot serve a data set that lives on the GPU
        workers = 0 if batches.pixels.images.is_cuda else self.num_workers or 0
        # A generator of its own: a loader draws a number whenever it is iterated, which would shift the stream
        # that dropout draws from by one in a resumed run.
        return DataLoader(
            batches, batch_size=None, sampler=sampler, num_workers=workers, generator=torch.Generator()
        )
