"""Images per second on one core: PIL's usual chain against this project's, on JPEG files.

    uv run -m benchmarks.imagenet_decoding [FOLDER [rounds]]

FOLDER: a tree of JPEG files (default: Imagenette's in data/), measured as they are and as copies with the shorter side
cut down to 256 (`uv run -m lightning_modules.data.imagenet shrink`). Random sized crop to 224, mirror, normalisation.
"""

import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torchvision import transforms

from benchmarks.table import compared, take_turns
from lightning_modules.data import colour, crops
from lightning_modules.data.catalogue import find
from lightning_modules.data.decoding import read_image
from lightning_modules.data.imagenet import shrink_one

FOLDER = Path("data") / find("imagenette").folder
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
    """Decode one image at a time, as most ImageNet training code does."""
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


def megapixels(paths: list[Path]) -> float:
    """Return the median size, which the gain over PIL depends on."""
    return statistics.median(math.prod(Image.open(path).size) for path in paths) / 1e6


def main(folder: Path = FOLDER, rounds: int = 7) -> None:
    torch.set_num_threads(1)
    files = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in (".jpeg", ".jpg")]
    if not files:
        print(f"Not measured: there are no images in {folder.name}/.")
        return
    paths = files[:: max(1, len(files) // IMAGES)][:IMAGES]
    with tempfile.TemporaryDirectory() as work:
        for path in paths:
            shrink_one(folder, Path(work), path.relative_to(folder))
        small = [Path(work) / path.relative_to(folder) for path in paths]
        ways = {
            "PIL, one image at a time": partial(images_per_second, pil, paths),
            "torchvision.io, whole batches (this project)": partial(images_per_second, ours, paths),
            "the same on copies with a shorter side of 256": partial(images_per_second, ours, small),
        }
        take_turns(ways, 1)  # warms up
        samples = take_turns(ways, rounds)
    title = f"chain, {len(paths)} JPEGs of {megapixels(paths):.2f} megapixels, one core"
    print(compared(title, "images/s", samples))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else FOLDER, *map(int, sys.argv[2:3]))
