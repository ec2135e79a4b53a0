"""SVHN's MATLAB files: read in the papers' order, verified by torchvision's MD5, and kept with a digest of our own."""

import hashlib

import numpy as np
import pytest
import torchvision
from scipy.io import savemat

from lightning_modules.data import cache
from lightning_modules.data.catalogue import ArrayDataset, find
from lightning_modules.data.preprocessing import for_arrays
from sweeps import study as studies

rng = np.random.default_rng(2)
PARTS = {
    part: (rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8), rng.integers(0, 10, count))
    for part, count in (("train", 6), ("extra", 14), ("test", 5))
}


@pytest.fixture
def files(alone, monkeypatch):
    """A folder `data` with three small files that torchvision's class names as SVHN's."""
    (alone / "data").mkdir()
    listed = {}
    for part, (images, digits) in PARTS.items():
        path = alone / "data" / f"{part}_32x32.mat"
        savemat(path, {"X": images.transpose(1, 2, 3, 0), "y": np.where(digits == 0, 10, digits)[:, None]})
        listed[part] = ["http://127.0.0.1:9/closed", path.name, hashlib.md5(path.read_bytes()).hexdigest()]
    monkeypatch.setattr(torchvision.datasets.SVHN, "split_list", listed)
    return alone / "data"


@pytest.fixture
def svhn():
    published = find("svhn")
    return ArrayDataset(**{**vars(published), "train_images": 20, "test_images": 5})


def load(dataset):
    lines = []
    return cache.load(dataset, "data", lines.append), lines


def test_the_extra_set_follows_the_training_set_and_ten_is_the_digit_zero(files, svhn):
    arrays, lines = load(svhn)
    assert np.array_equal(arrays.train_images, np.concatenate([PARTS["train"][0], PARTS["extra"][0]]))
    assert np.array_equal(arrays.train_labels, np.concatenate([PARTS["train"][1], PARTS["extra"][1]]))
    assert np.array_equal(arrays.test_images, PARTS["test"][0])
    assert np.array_equal(arrays.test_labels, PARTS["test"][1])
    assert any("complete and verified" in line for line in lines)
    assert load(svhn)[1] == []  # from the cache


@pytest.mark.parametrize("name", ["train_images.npy", "train_images.sha256"])
def test_a_flipped_byte_in_the_cache_is_found_and_fetched_again(files, svhn, name):
    load(svhn)
    path = files / "svhn" / name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    arrays, lines = load(svhn)
    assert any("does not match its checksum" in line for line in lines)
    assert np.array_equal(arrays.train_images[:6], PARTS["train"][0])


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda path: path.unlink(), "lacks extra_32x32.mat"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "extra_32x32.mat is incomplete or altered"),
    ],
)
def test_a_missing_or_altered_file_is_named_with_the_remedy(files, svhn, harm, words):
    harm(files / "extra_32x32.mat")
    with pytest.raises(cache.DataError, match=words) as error:
        load(svhn)
    assert "Put train_32x32.mat (MD5 " in str(error.value)


def test_the_papers_divide_by_255_and_augment_nothing():
    study = studies.read("svhn")
    for variant in study.variants:
        how = for_arrays(studies.configure(study, variant.name, "svhn", "paper", 0))
        assert (how.mean, how.std, how.augment) == ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0), False)
