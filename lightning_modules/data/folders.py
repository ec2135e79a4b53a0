"""Image folders: where a data set's files are, what class each has, and that none is missing.

Everything is said before anything is started: DataError names what is wrong and the remedy in one line.
"""

import os
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from filelock import FileLock

from lightning_modules.data import published
from lightning_modules.data.cache import DataError
from lightning_modules.data.catalogue import FolderDataset
from lightning_modules.data.downloads import Unavailable, download

EXTENSIONS = (".jpeg", ".jpg", ".png", ".webp")
COMMANDS = "uv run -m lightning_modules.data.imagenet"


@dataclass(frozen=True, eq=False)
class ImageFiles:
    """Files, class by class and in the order of their names.

    `names` are bytes in one array, not a list of strings: workers share its memory.
    """

    folder: Path
    names: np.ndarray  # (N,) bytes, relative to `folder`
    labels: np.ndarray  # (N,) int64

    def __len__(self) -> int:
        return len(self.names)

    def path(self, index: int) -> Path:
        return self.folder / os.fsdecode(self.names[index].item())

    def take(self, chosen: np.ndarray | slice) -> "ImageFiles":
        return replace(self, names=self.names[chosen], labels=self.labels[chosen])


def find(
    dataset: FolderDataset,
    data_dir: str | os.PathLike,
    split: str,
    *,
    whole: bool = True,
    say: Callable[[str], None] = print,
) -> ImageFiles:
    """List the files of `split` ("train" or "val"), after a download if the data set is for download.

    whole: refuse a folder that has fewer or more images than the published split, since a run's figures would
    not be those of the data set; without it, as for given weights, any part of the classes will do.
    Raises DataError.
    """
    folder = Path(data_dir) / dataset.folder
    try:
        if dataset.torchvision_size and not folder.is_dir():
            _fetch(dataset, Path(data_dir), say)
        if not (folder / split).is_dir():
            raise DataError(f"{dataset.title}: there is no {folder / split}; {_remedy(dataset, folder)}")
        files = _list(dataset, folder / split)
    except OSError as error:
        where = error.filename or folder
        raise DataError(
            f"cannot use {where} ({error.strerror or error}): see to it, or name another folder with --data-dir"
        ) from error
    expected = dataset.train_images if split == "train" else dataset.test_images
    if whole and len(files) != expected:
        raise DataError(
            f"{folder / split} has {len(files):,} images where {dataset.title} has {expected:,}; "
            f"a run counts on all of them and no others: {_remedy(dataset, folder)}"
        )
    return files


def _list(dataset: FolderDataset, folder: Path) -> ImageFiles:
    shown = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and entry.name[0] != ".")
    if not shown and (loose := sum(map(_is_image, os.listdir(folder)))):
        raise DataError(
            f"{folder} has {loose:,} images in one folder; sort them into classes with "
            f"`{COMMANDS} sort {folder} DEVKIT`, DEVKIT being ILSVRC2012_devkit_t12, unpacked or not"
        )
    labels = {wnid: label for label, wnid in enumerate(_classes(dataset, folder, shown))}
    names, of_class = [], []
    for wnid in shown:
        image_names = sorted(name for name in os.listdir(folder / wnid) if _is_image(name))
        names += [os.fsencode(f"{wnid}/{name}") for name in image_names]
        of_class += [labels[wnid]] * len(image_names)
    if not names:
        raise DataError(f"{folder} has no images; {_remedy(dataset, folder.parent)}")
    return ImageFiles(folder, np.array(names), np.array(of_class, dtype=np.int64))


def _classes(dataset: FolderDataset, folder: Path, shown: list[str]) -> list[str]:
    """List all classes in the order of their labels."""
    if dataset.classes != 1000:
        if len(shown) != dataset.classes:
            raise DataError(
                f"{folder} has {len(shown)} class folders where {dataset.title} has {dataset.classes}"
            )
        return shown
    from timm.data import ImageNetInfo

    classes = ImageNetInfo().label_names()
    if strange := sorted(set(shown) - set(classes)):
        raise DataError(
            f"{folder / strange[0]} is none of the 1,000 classes (n01440764 …); move it elsewhere"
        )
    return classes


def _is_image(name: str) -> bool:
    return name[0] != "." and name.lower().endswith(EXTENSIONS)


def _remedy(dataset: FolderDataset, folder: Path) -> str:
    if dataset.torchvision_size:
        return f"delete {folder}, and the next run fetches it"
    if dataset.name == "imagenet":
        return (
            f"put or link train/<wnid>/ and val/<wnid>/ there, or the three published archives into {folder} and "
            f"`{COMMANDS} unpack {folder}`; --data-dir names another place"
        )
    return f"make it with `{COMMANDS} shrink {folder.with_name('imagenet')} {folder}`"


def _fetch(dataset: FolderDataset, data_dir: Path, say: Callable[[str], None]) -> None:
    """Download the archive, check it by torchvision's MD5 and unpack it; whole or not at all."""
    from torchvision.datasets import Imagenette

    url, md5 = Imagenette._ARCHIVES[dataset.torchvision_size]
    archive, folder = data_dir / url.rpartition("/")[2], data_dir / dataset.folder
    data_dir.mkdir(parents=True, exist_ok=True)
    with FileLock(data_dir / f".{dataset.folder}.lock"):
        if folder.is_dir():
            return  # another process has been faster
        work = data_dir / f".{dataset.folder}.preparing"
        shutil.rmtree(work, ignore_errors=True)  # what a killed process left
        try:
            work.mkdir()
            if not archive.exists():
                say(f"{dataset.title}: downloading {archive.name}")
                archive = work / archive.name
                download(url, archive, title=dataset.title)
            if published.md5_of(archive) != md5:
                raise Unavailable(f"{archive.name} is incomplete or altered (its MD5 differs)")
            with tarfile.open(archive) as tar:
                tar.extractall(work, filter="data")
            os.replace(work / dataset.folder, folder)
        except (Unavailable, tarfile.TarError) as reason:
            raise DataError(
                f"{dataset.title} could not be obtained: {reason}; put {archive.name} (MD5 {md5}) or its unpacked "
                f"folder {dataset.folder}/ into {data_dir}, or name the folder that has it with --data-dir"
            ) from reason
        finally:
            shutil.rmtree(work, ignore_errors=True)
    say(f"{dataset.title}: {folder} is complete")
