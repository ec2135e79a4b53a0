"""Image folders: order, labels, and every way in which they can be wrong, told in one line with the remedy."""

import hashlib
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lightning_modules.data import folders
from lightning_modules.data.cache import DataError
from lightning_modules.data.catalogue import find
from tests.image_folder import CLASSES, write

SMALL = replace(
    find("imagenette"), classes=4, train_images=24, test_images=12, torchvision_size=None, folder="f"
)
PART = replace(find("imagenet"), folder="f")


@pytest.fixture
def tree(tmp_path) -> Path:
    write(tmp_path / "f")
    return tmp_path


def refusal(dataset, data_dir: Path, split: str = "val", **options) -> str:
    with pytest.raises(DataError) as error:
        folders.find(dataset, data_dir, split, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_files_come_class_by_class_in_the_order_of_names(tree):
    (tree / "f" / "train" / CLASSES[0] / "._hidden.JPEG").write_text("")
    (tree / "f" / "train" / CLASSES[0] / "notes.txt").write_text("")
    files = folders.find(SMALL, tree, "train")
    assert len(files) == 24 and files.labels.tolist() == [label for label in range(4) for _ in range(6)]
    assert files.path(7) == tree / "f" / "train" / CLASSES[1] / "train_001.JPEG"
    cut = files.take(np.array([7, 3]))
    assert (len(cut), cut.labels.tolist(), cut.path(0)) == (2, [1, 0], files.path(7))


def test_a_part_of_imagenets_classes_has_the_official_labels(tree):
    files = folders.find(PART, tree, "val", whole=False)
    # timm's list, whose order is that of torchvision's weights: tench, springer, cassette player, chain saw
    assert sorted(set(files.labels.tolist())) == [0, 217, 482, 491]


def test_a_part_is_not_taken_for_the_whole(tree):
    said = refusal(PART, tree)
    assert "has 12 images where ImageNet has 50,000" in said
    (tree / "f" / "train" / CLASSES[0] / "train_000.JPEG").unlink()
    assert "has 23 images where" in refusal(SMALL, tree, "train")


def test_a_folder_that_is_not_there(tmp_path):
    said = refusal(PART, tmp_path)
    assert (
        f"there is no {tmp_path / 'f' / 'val'}" in said and "imagenet unpack" in said and "--data-dir" in said
    )
    assert "imagenet shrink" in refusal(find("imagenet_256"), tmp_path)


def test_a_val_that_is_one_folder(tmp_path):
    (tmp_path / "f" / "val").mkdir(parents=True)
    for i in range(3):
        (tmp_path / "f" / "val" / f"ILSVRC2012_val_{i:08d}.JPEG").write_text("")
    said = refusal(PART, tmp_path)
    assert "3 images in one folder" in said
    assert f"`uv run -m lightning_modules.data.imagenet sort {tmp_path / 'f' / 'val'} DEVKIT`" in said


def test_a_strange_class_and_a_missing_one(tree):
    (tree / "f" / "val" / "cats").mkdir()
    assert "cats is none of the 1,000 classes" in refusal(PART, tree, whole=False)
    assert "has 5 class folders where" in refusal(SMALL, tree)


def test_empty_folders_and_files_in_the_place_of_folders(tmp_path):
    (tmp_path / "f" / "val").mkdir(parents=True)
    assert "has no images" in refusal(PART, tmp_path)
    (tmp_path / "f" / "val" / CLASSES[0]).mkdir()
    assert "has no images" in refusal(PART, tmp_path)
    shutil.rmtree(tmp_path / "f")
    (tmp_path / "f").write_text("")
    assert "there is no" in refusal(PART, tmp_path)


@pytest.fixture
def published(tmp_path, monkeypatch) -> tuple[Path, Path]:
    """An archive of Imagenette's form, known to torchvision; where it lies and the data folder."""
    from torchvision.datasets import Imagenette

    source, archive = tmp_path / "source", tmp_path / "imagenette2-320.tgz"
    write(source / "imagenette2-320")
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(source / "imagenette2-320", "imagenette2-320")
    md5 = hashlib.md5(archive.read_bytes()).hexdigest()
    monkeypatch.setattr(Imagenette, "_ARCHIVES", {"320px": (archive.as_uri(), md5)})
    return archive, tmp_path / "data"


FOR_DOWNLOAD = replace(SMALL, torchvision_size="320px", folder="imagenette2-320")


def test_imagenette_is_fetched_checked_and_unpacked_once(published):
    archive, data_dir = published
    said = []
    files = folders.find(FOR_DOWNLOAD, data_dir, "train", say=said.append)
    assert len(files) == 24 and "downloading imagenette2-320.tgz" in said[0] and "is complete" in said[-1]
    archive.unlink()
    assert len(folders.find(FOR_DOWNLOAD, data_dir, "val", say=said.append)) == 12 and len(said) == 2
    assert sorted(path.name for path in data_dir.iterdir() if path.name[0] != ".") == ["imagenette2-320"]


def test_an_archive_that_the_user_has_is_taken(published):
    archive, data_dir = published
    data_dir.mkdir()
    archive.rename(data_dir / archive.name)
    assert len(folders.find(FOR_DOWNLOAD, data_dir, "val", say=lambda _: None)) == 12


@pytest.mark.parametrize("damage", ["altered", "unreachable"])
def test_a_download_that_fails_leaves_nothing_and_names_the_remedy(published, damage):
    archive, data_dir = published
    if damage == "altered":
        archive.write_bytes(archive.read_bytes()[:-5])
    else:
        archive.unlink()
    said = refusal(FOR_DOWNLOAD, data_dir, say=lambda _: None)
    assert ("its MD5 differs" if damage == "altered" else "No such file") in said
    assert "put imagenette2-320.tgz (MD5" in said and "--data-dir" in said
    assert not (data_dir / "imagenette2-320").exists() and not list(data_dir.glob(".*preparing"))


def test_a_full_disk_is_a_matter_of_one_line(published, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "data")

    monkeypatch.setattr(folders, "download", full)
    said = refusal(FOR_DOWNLOAD, published[1], say=lambda _: None)
    assert "No space left on device" in said and "--data-dir" in said
