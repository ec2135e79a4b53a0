"""The data module in a real Trainer, and CIFAR-100 from the real images where they are at hand."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from pytorch_lightning import LightningModule, Trainer

from lightning_modules.data import cache
from lightning_modules.data.batches import epoch_plan
from lightning_modules.data.catalogue import find
from lightning_modules.data.module import CIFARDataModule
from lightning_modules.data.preprocessing import Preprocessing

SHARED = Path(os.environ.get("SHARED_DIR", Path(__file__).parents[4] / "shared"))


class Recorder(LightningModule):
    """Learns nothing; writes down the labels that it is shown."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.seen = {"train": [], "val": [], "test": []}

    def training_step(self, batch, _):
        self.seen["train"].append((self.current_epoch, batch[1].tolist()))
        return (batch[0].mean() * self.weight).sum()

    def validation_step(self, batch, _):
        self.seen["val"] += batch[1].tolist()

    def test_step(self, batch, batch_index):
        self.seen["test"] += batch[1].tolist()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.mark.filterwarnings("ignore")
def test_in_a_trainer(tmp_path, tiny, arrays):
    cache.load(tiny, tmp_path, lambda _: None, {"arrays": lambda *_: arrays})
    how = Preprocessing(tiny.mean, tiny.std)
    data = CIFARDataModule(tiny, tmp_path, batch_size=16, seed=5, preprocessing=how, curve_test_images=4)
    trainer = Trainer(
        max_epochs=3,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
    recorder = Recorder()
    trainer.fit(recorder, datamodule=data)
    trainer.test(recorder, datamodule=data, verbose=False)
    for epoch in range(3):
        order = epoch_plan(5, epoch, 50, 4).order
        shown = [labels for when, labels in recorder.seen["train"] if when == epoch]
        assert [len(labels) for labels in shown] == [16, 16, 16, 2]
        assert [label for labels in shown for label in labels] == arrays["train_labels"][order].tolist()
    assert recorder.seen["val"] == arrays["test_labels"][:4].tolist() * 3
    assert recorder.seen["test"] == arrays["test_labels"].tolist()


def test_per_pixel_mean_is_that_of_the_whole_training_set(tmp_path, tiny, arrays):
    cache.load(tiny, tmp_path, lambda _: None, {"arrays": lambda *_: arrays})
    how = Preprocessing(None, (1.0, 1.0, 1.0), augment=False)
    data = CIFARDataModule(tiny, tmp_path, batch_size=50, seed=0, preprocessing=how)
    data.setup()
    ((images, _),) = data.train_dataloader()
    assert images.mean(dim=0).abs().max() < 1e-3
    ((images, _),) = data.test_dataloader()
    expected = arrays["test_images"] - arrays["train_images"].mean(axis=0)
    assert np.allclose(images.numpy(), expected.transpose(0, 3, 1, 2), atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cifar100", "cifar100_coarse"])
def test_real_cifar100(tmp_path, name):
    if not (SHARED / "data" / "cifar100").is_dir():
        pytest.skip("no CIFAR-100 strips: set SHARED_DIR to the folder that has data/cifar100")

    def strips(dataset, data_dir, work, say):
        unpack = [sys.executable, SHARED / "data" / "unpack.py", "cifar"]
        subprocess.run([*unpack, SHARED / "data" / "cifar100", work], check=True)
        return {array: np.load(work / f"{array}.npy") for array in dataset.sha256}

    dataset = find(name)
    loaded = cache.load(dataset, tmp_path, lambda _: None, {"strips": strips})
    assert np.bincount(loaded.train_labels).tolist() == [50_000 // dataset.classes] * dataset.classes
    assert np.bincount(loaded.test_labels).tolist() == [10_000 // dataset.classes] * dataset.classes
    # the channel means of fb.resnet.torch are those of the training images, to the printed digit
    assert np.abs(loaded.train_images.mean(axis=(0, 1, 2)) - dataset.mean).max() < 0.06
    other = find("cifar100" if name == "cifar100_coarse" else "cifar100_coarse")
    assert cache.load(other, tmp_path, print, {}).train_labels.max() == other.classes - 1
