"""An image folder for Lightning: its files, cut to the budget, decoded by workers."""

import os
import sys
from typing import Any

import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm import tqdm

from lightning_modules.data import colour
from lightning_modules.data.batches import EpochSampler, epoch_sampler, subset
from lightning_modules.data.cache import DataError
from lightning_modules.data.catalogue import FolderDataset
from lightning_modules.data.folders import ImageFiles, find
from lightning_modules.data.image_folder_batches import (
    ImageFolderBatch,
    ImageFolderTestBatches,
    ImageFolderTrainBatches,
)
from lightning_modules.data.preprocessing import ImageFolderPreprocessing
from lightning_modules.data.workers import number_of_workers

# Views in one forward pass of an evaluation.
EVALUATION_VIEWS = 50


class ImageFolderDataModule(LightningDataModule):
    """ImageNet or a part of it; the arguments are those of CIFARDataModule.

    `given_weights`: only the test images, or whatever part of them there is, in all their views; batches are then
    (list of views (B, V, 3, H, W), labels), else (images (B, 3, H, W), labels). num_workers: None takes every
    core for a GPU and none for training on the cores themselves. `obtain` and every batch may raise DataError.
    """

    def __init__(
        self,
        dataset: FolderDataset,
        data_dir: str | os.PathLike,
        *,
        batch_size: int,
        seed: int,
        preprocessing: ImageFolderPreprocessing,
        train_images: int | None = None,
        curve_test_images: int | None = None,
        num_workers: int | None = None,
        memory_format: torch.memory_format = torch.contiguous_format,
        given_weights: bool = False,
    ) -> None:
        super().__init__()
        self.dataset, self.data_dir, self.preprocessing = dataset, data_dir, preprocessing
        self.batch_size, self.seed, self.num_workers = batch_size, seed, num_workers
        self.train_images, self.curve_test_images = train_images, curve_test_images
        self.memory_format, self.given_weights = memory_format, given_weights
        self.files: dict[str, ImageFiles] = {}
        self.train_batches: ImageFolderTrainBatches | None = None

    def obtain(self) -> None:
        """List the files, so that missing data is known before anything is started."""
        whole = not self.given_weights
        if not self.files:
            self.files["test"] = find(self.dataset, self.data_dir, "val", whole=whole)
            self.files["curve"] = _cut(self.files["test"], self.curve_test_images)
            if whole:
                self.files["train"] = _cut(find(self.dataset, self.data_dir, "train"), self.train_images)
            self.broken = {stage: BrokenImages(files) for stage, files in self.files.items()}

    def setup(self, stage: str | None = None) -> None:
        if self.train_batches is not None:
            return  # Lightning calls this again before testing
        self.obtain()
        shared: dict[str, Any] = {
            "preprocessing": self.preprocessing,
            "rank": self.trainer.global_rank if self.trainer else 0,
            "world_size": self.trainer.world_size if self.trainer else 1,
        }
        if not self.given_weights:
            self.train_batches = ImageFolderTrainBatches(
                self.files["train"], batch_size=self.batch_size, seed=self.seed, **shared
            )
        crops = {"single": 1, "ten_crop": 10, "multi_crop": 50, "crops_144": 36}
        views = crops.get(self.preprocessing.views)
        # Whole images differ in shape, so each is a batch of its own.
        images = max(1, EVALUATION_VIEWS // views) if views else 1
        self.test_batches = ImageFolderTestBatches(self.files["test"], batch_size=images, **shared)
        self.curve_batches = ImageFolderTestBatches(self.files["curve"], batch_size=images, **shared)

    def broken_test_images(self) -> int:
        """Count the test images that this process had to leave out."""
        return len(self.broken["test"].seen)

    def train_dataloader(self) -> DataLoader:
        assert self.train_batches is not None, "Lightning calls setup first"
        return self._loader(self.train_batches, epoch_sampler(self.train_batches, self.trainer))

    def val_dataloader(self) -> DataLoader:
        return self._loader(self.curve_batches)

    def test_dataloader(self) -> DataLoader:
        return self._loader(self.test_batches)

    def _loader(self, batches, sampler: EpochSampler | None = None) -> DataLoader:
        on_gpu = self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"
        on_device = self.batch_size // (self.trainer.world_size if self.trainer else 1)
        workers = number_of_workers(
            self.num_workers,
            on_gpu,
            self.trainer.num_devices if self.trainer else 1,
            batch_bytes=max(1, on_device) * 3 * self.preprocessing.resolution**2,  # a byte for every number
        )
        return DataLoader(
            batches,
            batch_size=None,
            sampler=sampler,
            num_workers=workers,
            pin_memory=on_gpu,
            generator=torch.Generator(),  # as in CIFARDataModule
        )

    def on_after_batch_transfer(
        self, batch: ImageFolderBatch, dataloader_idx: int
    ) -> tuple[Tensor | list[Tensor], Tensor]:
        training = self.trainer is not None and self.trainer.training
        stage = "train" if training else "curve" if self.trainer and self.trainer.validating else "test"
        self.broken[stage].count(batch.broken)
        how = self.preprocessing
        if not batch.views:
            if training:
                raise DataError(
                    f"a whole batch of images is broken, the last of them {self.broken[stage].last}"
                )
            none = torch.zeros(0, 3, how.resolution, how.resolution, device=batch.labels.device)
            return [] if self.given_weights else none, batch.labels
        what = how.colour if training and how.augment else "none"

        def finished(views: Tensor) -> Tensor:
            colours = batch.colours.repeat_interleave(views.shape[1], 0)
            return colour.finish(views.flatten(0, 1), colours, what, how.mean, how.std, self.memory_format)

        if self.given_weights:
            return [finished(v).unflatten(0, v.shape[:2]) for v in batch.views], batch.labels
        return finished(batch.views[0]), batch.labels


class BrokenImages:
    """Names every broken image once, and stops the run if they are several and above a thousandth of `files`."""

    def __init__(self, files: ImageFiles) -> None:
        self.files = files
        self.seen: set[int] = set()
        self.last = ""

    def count(self, broken: list[tuple[int, str]]) -> None:
        """Add broken images; raises DataError if they are too many."""
        for index, reason in broken:
            if index not in self.seen:
                self.seen.add(index)
                self.last = str(self.files.path(index))
                tqdm.write(f"left out, broken: {self.last} ({reason})", file=sys.stderr)
        if len(self.seen) > max(1, len(self.files) / 1000):
            raise DataError(
                f"{len(self.seen):,} of {len(self.files):,} images are broken, more than one in a thousand, "
                f"the last of them {self.last}; get {self.files.folder} afresh"
            )


def _cut(files: ImageFiles, images: int | None) -> ImageFiles:
    return files if images is None or images >= len(files) else files.take(subset(files.labels, images))
