"""How torchvision's data set classes publish their files: CIFAR as pickles in an archive, SVHN as MATLAB files.

Both forms answer the same four questions, which `sources` asks: is anything in this folder, what does it hold,
what lies at torchvision's address, and what would the user have to put there.
"""

import hashlib
import pickle
import tarfile
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from lightning_modules.data.catalogue import ArrayDataset
from lightning_modules.data.downloads import Unavailable, download

Arrays = dict[str, np.ndarray]


class Published(Protocol):
    """The files of one data set as torchvision knows them."""

    names: str

    def locate(self, folder: Path) -> Path | None:
        """Return what of the data set lies in `folder`, None if nothing does."""

    def read(self, location: Path) -> Arrays:
        """Read what `locate` returned. Raises Unavailable if it is altered or incomplete, OSError if unreadable."""

    def download(self, work: Path) -> Arrays:
        """Fetch the files into `work` and read them. Raises Unavailable if they don't come or are altered."""


def of(dataset: ArrayDataset) -> Published:
    """Return the published files of a data set."""
    import torchvision  # seconds to import, and not needed while the cache is whole

    published = getattr(torchvision.datasets, dataset.torchvision_class)
    form = MatlabFiles if hasattr(published, "split_list") else PickledBatches
    return form(published, dataset.title)


class PickledBatches:
    """CIFAR, "python version": pickles of (N, 3072) uint8, channels first, in one archive or unpacked."""

    def __init__(self, published: Any, title: str) -> None:
        self.published, self.title = published, title
        # file name -> MD5, training files first and in order
        self.batches = dict([*published.train_list, *published.test_list])
        self.names = f"{published.filename} (MD5 {published.tgz_md5}) or its folder {published.base_folder}/"

    def locate(self, folder: Path) -> Path | None:
        unpacked, archive = folder / self.published.base_folder, folder / self.published.filename
        return unpacked if unpacked.is_dir() else archive if archive.is_file() else None

    def read(self, location: Path) -> Arrays:
        if location.is_dir():
            return self._decode({name: (location / name).read_bytes() for name in self.batches})
        return self._decode(unpack(location, self.batches))

    def download(self, work: Path) -> Arrays:
        archive = work / self.published.filename
        download(self.published.url, archive, title=self.title)
        if md5_of(archive) != self.published.tgz_md5:
            raise Unavailable(f"{archive.name} arrived incomplete or altered (its MD5 differs)")
        return self.read(archive)

    def _decode(self, files: Mapping[str, bytes]) -> Arrays:
        for name, md5 in self.batches.items():
            # before unpickling: a pickle can run code
            if hashlib.md5(files[name], usedforsecurity=False).hexdigest() != md5:
                folder = self.published.base_folder
                raise Unavailable(f"{folder}/{name} is incomplete or altered (its MD5 differs)")
        arrays = {}
        for split, listed in (("train", self.published.train_list), ("test", self.published.test_list)):
            entries = [pickle.loads(files[name], encoding="latin1") for name, _ in listed]
            planes = np.concatenate([entry["data"] for entry in entries]).reshape(-1, 3, 32, 32)
            arrays[f"{split}_images"] = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
            for key in ("labels", "fine_labels", "coarse_labels"):
                if key in entries[0]:
                    labels = [label for entry in entries for label in entry[key]]
                    arrays[f"{split}_{key.removeprefix('fine_')}"] = np.array(labels, dtype=np.int64)
        return arrays


class MatlabFiles:
    """SVHN, "format 2": files with X (32, 32, 3, N) uint8 and y (N, 1), where 10 stands for the digit 0.

    The papers train on the files `train` and `extra` together, in this order.
    """

    def __init__(self, published: Any, title: str) -> None:
        self.title = title
        self.parts = {part: published.split_list[part] for part in ("train", "extra", "test")}
        self.names = ", ".join(f"{name} (MD5 {md5})" for _, name, md5 in self.parts.values())

    def locate(self, folder: Path) -> Path | None:
        return folder if any((folder / name).is_file() for _, name, _ in self.parts.values()) else None

    def read(self, location: Path) -> Arrays:
        for _, name, md5 in self.parts.values():
            if not (location / name).is_file():
                raise Unavailable(f"{location} lacks {name}")
            if md5_of(location / name) != md5:
                raise Unavailable(f"{name} is incomplete or altered (its MD5 differs)")
        arrays = {}
        for split, parts in (("train", ("train", "extra")), ("test", ("test",))):
            images, labels = zip(
                *(self._decode(location / self.parts[part][1]) for part in parts), strict=True
            )
            arrays[f"{split}_images"], arrays[f"{split}_labels"] = (
                np.concatenate(images),
                np.concatenate(labels),
            )
        return arrays

    def download(self, work: Path) -> Arrays:
        for url, name, _ in self.parts.values():
            download(url, work / name, title=f"{self.title}, {name}")
        return self.read(work)

    @staticmethod
    def _decode(path: Path) -> tuple[np.ndarray, np.ndarray]:
        from scipy.io import loadmat

        content = loadmat(path)
        images = np.ascontiguousarray(content["X"].transpose(3, 0, 1, 2))
        return images, content["y"].reshape(-1).astype(np.int64) % 10


def unpack(archive: Path, names: Collection[str]) -> dict[str, bytes]:
    """Read the members called `names` of a .tar.gz; nothing is written to the disk.

    Raises Unavailable if the archive is damaged or lacks one of them.
    """
    contents = {}
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                name = member.name.rpartition("/")[2]
                if name in names and (file := tar.extractfile(member)):
                    contents[name] = file.read()
    except (tarfile.TarError, EOFError, zlib.error, OSError) as reason:
        raise Unavailable(f"{archive.name} cannot be unpacked, it may be incomplete ({reason})") from reason
    if missing := [name for name in names if name not in contents]:
        raise Unavailable(f"{archive.name} lacks {', '.join(missing)}")
    return contents


def md5_of(path: Path) -> str:
    """Return the MD5 of a file, by which publishers name theirs, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
