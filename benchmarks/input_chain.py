"""Images per second on one core: the usual torchvision chain against this project's whole batches.

    uv run -m benchmarks.input_chain [rounds]

The two take turns, so that a busy machine slows both. Random pixels: the work does not depend on them.
"""

import sys
import time
from functools import partial

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from benchmarks.table import Target, compared, take_turns
from lightning_modules.data.batches import EpochSampler, TrainBatches
from lightning_modules.data.catalogue import find
from lightning_modules.data.preprocessing import Preprocessing
from reports.pages import markdown

IMAGES, BATCH = 12_800, 64
OURS = "whole batches (this project)"


class PerImage(Dataset):
    """One PIL image at a time, as most CIFAR training code does it."""

    def __init__(self, images: np.ndarray, mean, std) -> None:
        self.images = images
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize([m / 255 for m in mean], [s / 255 for s in std]),
            ]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), 0


def images_per_second(loader: DataLoader) -> float:
    start = time.perf_counter()
    seen = sum(len(images) for images, _ in loader)
    return seen / (time.perf_counter() - start)


def main(rounds: int = 7) -> None:
    torch.set_num_threads(1)
    cifar = find("cifar10")
    images = np.random.default_rng(0).integers(0, 256, (IMAGES, 32, 32, 3), dtype=np.uint8)
    labels = np.zeros(IMAGES, dtype=np.int64)
    ours = TrainBatches(
        images, labels, batch_size=BATCH, seed=0, preprocessing=Preprocessing(cifar.mean, cifar.std)
    )
    loaders = {
        "torchvision, one PIL image at a time": DataLoader(
            PerImage(images, cifar.mean, cifar.std), batch_size=BATCH, shuffle=True
        ),
        OURS: DataLoader(ours, batch_size=None, sampler=EpochSampler(ours)),
    }
    ways = {name: partial(images_per_second, loader) for name, loader in loaders.items()}
    title = f"input chain, batches of {BATCH}, one core"
    print(compared(title, "images/s", take_turns(ways, rounds), {OURS: Target(30)}), end="\n\n")
    print(profile(loaders[OURS]))


def profile(loader: DataLoader, most: int = 8) -> str:
    """Return where the time of a batch goes, by torch's profiler: a table of operations, the longest first."""
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], acc_events=True
    ) as profiler:
        batches = sum(1 for _ in loader)
    spent = {operation.key: operation.self_cpu_time_total / batches for operation in profiler.key_averages()}
    longest = sorted(spent, key=spent.__getitem__, reverse=True)[:most]
    rows = [
        [f"`{name}`", f"{spent[name]:.0f}", f"{spent[name] / sum(spent.values()):.0%}"] for name in longest
    ]
    columns = ("whole batches: operation", "µs a batch", "share")
    return markdown.table(columns, rows, right=columns[1:])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
