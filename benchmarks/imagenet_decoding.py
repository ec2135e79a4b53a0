"""Images per second on one core: PIL's usual chain against this project's, on JPEG files.

    python -m benchmarks.imagenet_decoding FOLDER [rounds]

FOLDER: a tree of JPEG files; a row is measured on the files as they are, another on copies with the shorter side
cut down to 256 (`python -m lightning_modules.data.imagenet shrink`). The chains take turns, so that a busy machine
slows all. Random sized crop to 224, mirror, normalisation.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision import transforms

from lightning_modules.data import colour, crops
from lightning_modules.data.catalogue import find
from lightning_modules.data.decoding import read_image
from lightning_modules.data.imagenet import shrink_one

IMAGES, BATCH, SIDE = 256, 32, 224
MEAN, STD = find("imagenet").mean, find("imagenet").std
PIL_CHAIN = transforms.Compose(
    [
        transforms.RandomResizedCrop(SIDE),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize([m / 255 for m in MEAN], [s / 255 for s in STD]),
    ]
)


def pil(paths: list[Path]) -> Tensor:
    """One image at a time, as most ImageNet training code does it."""
    return torch.stack([PIL_CHAIN(Image.open(path).convert("RGB")) for path in paths])


def ours(paths: list[Path]) -> Tensor:
    images, drawn = [], []
    for index, path in enumerate(paths):
        draws = crops.Draws(0, 0, index)
        mirror = draws.uniform() < 0.5
        drawn.append(colour.draw("none", draws))
        image = crops.random_sized_crop(read_image(path), SIDE, 0.08, draws)
        images.append(image.flip(-1) if mirror else image)
    return colour.finish(torch.stack(images), torch.tensor(drawn), "none", MEAN, STD)


def images_per_second(chain: Callable[[list[Path]], Tensor], paths: list[Path]) -> float:
    start = time.process_time()  # of this process alone, whatever else the machine does
    for first in range(0, len(paths), BATCH):
        chain(paths[first : first + BATCH])
    return len(paths) / (time.process_time() - start)


def main(folder: Path, rounds: int = 7) -> None:
    torch.set_num_threads(1)
    files = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in (".jpeg", ".jpg")]
    paths = files[:: max(1, len(files) // IMAGES)][:IMAGES]
    with tempfile.TemporaryDirectory() as work:
        for path in paths:
            shrink_one(folder, Path(work), path.relative_to(folder))
        small = [Path(work) / path.relative_to(folder) for path in paths]
        measured = {
            "PIL, one image at a time": (pil, paths),
            "torchvision.io, whole batches (this project)": (ours, paths),
            "the same on copies with a shorter side of 256": (ours, small),
        }
        speeds: dict[str, list[float]] = {name: [] for name in measured}
        for name, (chain, of) in measured.items():
            images_per_second(chain, of[:BATCH])  # warms up
        for _ in range(rounds):
            for name, (chain, of) in measured.items():
                speeds[name].append(images_per_second(chain, of))
    usual = np.median(next(iter(speeds.values())))
    print(f"| chain ({len(paths)} JPEGs, {rounds} rounds) | images/s on a core: median (min–max) | ratio |")
    print("|---|---:|---:|")
    for name, found in speeds.items():
        middle = np.median(found)
        print(f"| {name} | {middle:,.0f} ({min(found):,.0f}–{max(found):,.0f}) | {middle / usual:.2f} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:3]))
