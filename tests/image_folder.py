"""An image folder that trains in seconds, for tests of whole runs: `python tests/image_folder.py ARGUMENTS …`.

As in `tiny`, it is put in place of the real ones in this process only.
"""

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from lightning_modules.budgets import BUDGETS, Budget
from lightning_modules.data.catalogue import DATASETS, FolderDataset

CLASSES = ("n01440764", "n02102040", "n02979186", "n03000684")


def jpeg(colour: tuple[int, int, int], size: tuple[int, int], seed: int = 0, **options) -> bytes:
    """A noisy picture of about that colour; size: width and height."""
    noise = np.random.default_rng(seed).integers(-40, 40, (size[1], size[0], 3))
    file = io.BytesIO()
    Image.fromarray((np.array(colour) + noise).clip(0, 255).astype(np.uint8)).save(file, "JPEG", **options)
    return file.getvalue()


def write(place: Path, train: int = 6, val: int = 3, classes: tuple[str, ...] = CLASSES) -> None:
    """train/<class>/ and val/<class>/ with so many pictures each, whose colour tells the class."""
    rng = np.random.default_rng(1)
    for split, each in (("train", train), ("val", val)):
        for label, wnid in enumerate(classes):
            folder = place / split / wnid
            folder.mkdir(parents=True)
            colour = tuple(np.random.default_rng(label).integers(40, 216, 3))
            for i in range(each):
                size = tuple(rng.integers(100, 180, 2).tolist())
                (folder / f"{split}_{i:03d}.JPEG").write_bytes(jpeg(colour, size, seed=i))


def install(data_dir: Path, train: int = 6, val: int = 3) -> FolderDataset:
    """Register the data set `image_folder`, its files in `data_dir`."""
    if not (data_dir / "image_folder").exists():
        write(data_dir / "image_folder", train, val)
    DATASETS["image_folder"] = FolderDataset(
        name="image_folder",
        title="Image folder",
        classes=len(CLASSES),
        train_images=train * len(CLASSES),
        test_images=val * len(CLASSES),
        folder="image_folder",
        resolution=96,
    )
    return DATASETS["image_folder"]


if __name__ == "__main__":
    import run

    install(Path(sys.argv[sys.argv.index("--data-dir") + 1]))
    BUDGETS["smoke"] = Budget("smoke", "for tests", epochs=2, train_images=22, curve_test_images=6)
    sys.exit(run.main(sys.argv[1:]))
