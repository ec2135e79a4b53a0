"""Commands that lay ImageNet's files out as the runs expect them: train/<wnid>/ and val/<wnid>/.

    uv run -m lightning_modules.data.imagenet unpack data/imagenet                    the published archives there
    uv run -m lightning_modules.data.imagenet sort data/imagenet/val DEVKIT           a val/ that is one folder
    uv run -m lightning_modules.data.imagenet shrink data/imagenet data/imagenet_256  shorter sides of 256 at most

Each may be stopped and repeated: it goes on where it was.
"""

import csv
import os
import shutil
import sys
import tarfile
import tempfile
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

from lightning_modules.commands import Parser, refuse
from lightning_modules.exit_codes import DONE

PROGRAM = "uv run -m lightning_modules.data.imagenet"
SHRUNK_SIDE = 256
JPEG_QUALITY = 95
DEVKIT = "ILSVRC2012_devkit_t12"
IMAGES = "ILSVRC2012_val_{:08d}.JPEG"


def unpack(folder: Path) -> None:
    """Unpack ILSVRC2012_img_train.tar, …_img_val.tar and …_devkit_t12.tar.gz in `folder`, each by its MD5."""
    from torchvision.datasets import imagenet

    imagenet.parse_devkit_archive(folder)
    for split, parse in (("train", imagenet.parse_train_archive), ("val", imagenet.parse_val_archive)):
        if not (folder / split).is_dir():
            unfinished = f"{split}.part"
            shutil.rmtree(folder / unfinished, ignore_errors=True)  # what a killed process left
            print(f"unpacking {split}", flush=True)
            parse(folder, folder=unfinished)
            os.replace(folder / unfinished, folder / split)


def sort(val: Path, devkit: Path) -> None:
    """Move the 50,000 images of `val` into a folder for each class.

    devkit: the devkit's folder or archive, or Kaggle's LOC_val_solution.csv.
    """
    if devkit.suffix == ".csv":
        classes = _classes_by_kaggle(devkit)
    elif devkit.is_file():
        with tempfile.TemporaryDirectory() as work, tarfile.open(devkit) as tar:
            tar.extractall(work, filter="data")
            return sort(val, Path(work))
    else:
        classes = _classes_by_devkit(devkit)
    moved = 0
    for name, wnid in classes.items():
        if (val / name).exists():
            (val / wnid).mkdir(exist_ok=True)
            os.replace(val / name, val / wnid / name)
            moved += 1
    print(f"{moved:,} images sorted into classes in {val}")


def _classes_by_devkit(devkit: Path) -> dict[str, str]:
    """The WordNet id of every image of the validation set, by its file."""
    truth, meta = (_only(devkit, name) for name in ("ILSVRC2012_validation_ground_truth.txt", "meta.mat"))
    from scipy.io import loadmat

    wnids = {int(row[0]): str(row[1]) for row in loadmat(meta, squeeze_me=True)["synsets"]}
    ids = map(int, truth.read_text().split())
    return {IMAGES.format(number): wnids[ilsvrc_id] for number, ilsvrc_id in enumerate(ids, start=1)}


def _classes_by_kaggle(table: Path) -> dict[str, str]:
    """As `_classes_by_devkit`, of rows such as `ILSVRC2012_val_00048981,n03995372 85 1 499 272`. Raises ValueError."""
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    try:
        return {f"{row['ImageId']}.JPEG": row["PredictionString"].split()[0] for row in rows}
    except (KeyError, IndexError, AttributeError):
        raise ValueError(
            f"{table} has no columns ImageId and PredictionString, as LOC_val_solution.csv has"
        ) from None


def _only(folder: Path, name: str) -> Path:
    for path in folder.rglob(name):
        return path
    raise ValueError(f"{folder} has no {name}; it is the folder or archive {DEVKIT} that is needed")


def shrink(source: Path, target: Path) -> None:
    """Copy the tree, larger images with the shorter side resized to 256; what is broken is copied as it is."""
    from tqdm import tqdm

    if not source.is_dir():
        raise ValueError(f"there is no {source}")
    names = [path.relative_to(source) for path in sorted(source.rglob("*")) if path.is_file()]
    with ProcessPoolExecutor() as pool:
        copies = pool.map(shrink_one, repeat(source), repeat(target), names, chunksize=64)
        for _ in tqdm(copies, total=len(names), unit="image", disable=None):
            pass
    print(f"{len(names):,} files in {target}")


def shrink_one(source: Path, target: Path, name: Path) -> None:
    """Write `target`/`name` from `source`/`name`, unless it is there."""
    import torch
    from torchvision.io import encode_jpeg

    from lightning_modules.data.crops import shorter_side
    from lightning_modules.data.decoding import BrokenImage, read_image

    torch.set_num_threads(1)
    if (target / name).exists():
        return
    (target / name).parent.mkdir(parents=True, exist_ok=True)
    part = (target / name).with_name(f"{name.name}.part")  # a.jpg may lie beside a.png
    try:
        image = read_image(source / name)
        if min(image.shape[1:]) <= SHRUNK_SIDE:
            shutil.copyfile(source / name, part)
        else:
            small = shorter_side(image, SHRUNK_SIDE).contiguous()
            part.write_bytes(encode_jpeg(small, quality=JPEG_QUALITY).numpy().tobytes())
    except BrokenImage:
        shutil.copyfile(source / name, part)
    os.replace(part, target / name)


def main(argv: list[str]) -> int:
    try:
        options = parse(argv)
        options.pop("run")(**options)
    except (ValueError, OSError, RuntimeError, tarfile.TarError) as error:
        return refuse(PROGRAM, error)
    return DONE


def parse(argv: list[str]) -> dict:
    """Return the folders by the names that the function `run` has for them. Raises ValueError in one line."""
    parser = Parser(PROGRAM, __doc__)
    commands = parser.add_subparsers(required=True, title="commands", metavar="COMMAND")
    for command, paths in ((unpack, ("folder",)), (sort, ("val", "devkit")), (shrink, ("source", "target"))):
        name, summary = command.__name__, command.__doc__
        of_command = commands.add_parser(name, prog=f"{PROGRAM} {name}", help=summary, description=summary)
        of_command.set_defaults(run=command)
        for path in paths:
            of_command.add_argument(path, type=Path)
    return vars(parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
