"""The commands that lay ImageNet's files out."""

import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat

from lightning_modules.data import imagenet
from lightning_modules.data.decoding import read_image
from tests.image_folder import jpeg

WNIDS = ("n01440764", "n02102040", "n02979186")
TRUTH = (3, 1, 1, 2)  # ILSVRC ids of the validation images, from 1


@pytest.fixture
def devkit(tmp_path):
    """The two files that matter, in the published archive's form: synsets with and without children."""
    data = tmp_path / "ILSVRC2012_devkit_t12" / "data"
    data.mkdir(parents=True)
    (data / "ILSVRC2012_validation_ground_truth.txt").write_text("\n".join(map(str, TRUTH)) + "\n")
    kind = [("ILSVRC2012_ID", object), ("WNID", object), ("words", object)]
    rows = [(np.array([[i + 1]]), wnid, "name") for i, wnid in enumerate((*WNIDS, "n00000001"))]
    savemat(data / "meta.mat", {"synsets": np.array(rows, dtype=kind).reshape(-1, 1)})
    return data.parent


@pytest.fixture
def val(tmp_path):
    folder = tmp_path / "val"
    folder.mkdir()
    for number in range(1, len(TRUTH) + 1):
        (folder / f"ILSVRC2012_val_{number:08d}.JPEG").write_text(str(number))
    return folder


def tree(folder) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


SORTED = {f"{WNIDS[i - 1]}/ILSVRC2012_val_{n:08d}.JPEG": str(n) for n, i in enumerate(TRUTH, start=1)}


@pytest.mark.parametrize("packed", [False, True])
def test_a_plain_val_is_sorted_by_the_devkits_truth(devkit, val, packed, capsys):
    if packed:
        with tarfile.open(devkit.with_suffix(".tar.gz"), "w:gz") as tar:
            tar.add(devkit, devkit.name)
        devkit = devkit.with_suffix(".tar.gz")
    assert imagenet.main(["sort", str(val), str(devkit)]) == 0
    assert tree(val) == SORTED and "4 images sorted" in capsys.readouterr().out
    assert imagenet.main(["sort", str(val), str(devkit)]) == 0
    assert tree(val) == SORTED and "0 images sorted" in capsys.readouterr().out


def test_a_plain_val_is_sorted_by_kaggles_table(val, tmp_path, capsys):
    table = tmp_path / "LOC_val_solution.csv"
    rows = [f"ILSVRC2012_val_{n:08d},{WNIDS[i - 1]} 85 1 499 272" for n, i in enumerate(TRUTH, start=1)]
    table.write_text("\n".join(["ImageId,PredictionString", *rows]))
    assert imagenet.main(["sort", str(val), str(table)]) == 0
    assert tree(val) == SORTED
    table.write_text("a,b\n1,2\n")
    assert imagenet.main(["sort", str(val), str(table)]) == 2
    assert "no columns ImageId and PredictionString" in capsys.readouterr().err


def test_images_of_one_name_and_two_kinds_are_both_copied(tmp_path):
    (tmp_path / "source").mkdir()
    for name in ("a.jpg", "a.png"):
        (tmp_path / "source" / name).write_bytes(jpeg((90, 90, 90), (8, 8)))
        imagenet.shrink_one(tmp_path / "source", tmp_path / "target", Path(name))
    assert sorted(path.name for path in (tmp_path / "target").iterdir()) == ["a.jpg", "a.png"]


def test_a_wrong_devkit_is_named(val, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert imagenet.main(["sort", str(val), str(tmp_path / "empty")]) == 2
    assert "it is the folder or archive ILSVRC2012_devkit_t12" in capsys.readouterr().err
    assert imagenet.main(["sort", str(val), str(tmp_path / "nothing")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_shrinking_resizes_what_is_larger_and_goes_on_where_it_was(tmp_path, capsys):
    source, target = tmp_path / "source", tmp_path / "target"
    contents = {
        "large": jpeg((9, 99, 199), (400, 300)),
        "small": jpeg((9, 99, 199), (200, 300)),
        "broken": b"",
    }
    for split in ("train", "val"):
        for name, content in contents.items():
            (source / split / WNIDS[0]).mkdir(parents=True, exist_ok=True)
            (source / split / WNIDS[0] / f"{name}.JPEG").write_bytes(content)
    assert imagenet.main(["shrink", str(source), str(target)]) == 0
    assert "6 files" in capsys.readouterr().out
    made = target / "train" / WNIDS[0]
    assert (made / "small.JPEG").read_bytes() == contents["small"] and (
        made / "broken.JPEG"
    ).read_bytes() == b""
    large = read_image(made / "large.JPEG")
    assert large.shape == (3, 256, 341)
    expected = torch.nn.functional.interpolate(
        read_image(source / "train" / WNIDS[0] / "large.JPEG")[None].float(),
        (256, 341),
        mode="bilinear",
        antialias=True,
    )[0]
    assert (large - expected).abs().mean() < 4  # JPEG at quality 95
    assert not list(target.rglob("*.part"))
    (made / "large.JPEG").unlink()
    kept = (made / "small.JPEG").stat().st_mtime_ns
    assert imagenet.main(["shrink", str(source), str(target)]) == 0
    assert (made / "large.JPEG").exists() and (made / "small.JPEG").stat().st_mtime_ns == kept


def test_unpacking_names_the_archive_that_is_missing(tmp_path, capsys):
    assert imagenet.main(["unpack", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "ILSVRC2012_devkit_t12.tar.gz is not present" in said and said.count("\n") == 1


def test_unpacking_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    from torchvision.datasets import imagenet as theirs

    (tmp_path / "train.part" / "half").mkdir(parents=True)
    (tmp_path / "val").mkdir()
    monkeypatch.setattr(theirs, "parse_devkit_archive", lambda place: None)
    monkeypatch.setattr(
        theirs, "parse_train_archive", lambda place, folder: (place / folder / WNIDS[0]).mkdir(parents=True)
    )
    monkeypatch.setattr(theirs, "parse_val_archive", lambda place, folder: 1 / 0)
    imagenet.unpack(tmp_path)
    assert [path.name for path in (tmp_path / "train").iterdir()] == [WNIDS[0]]
    assert not (tmp_path / "train.part").exists()
