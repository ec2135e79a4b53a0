"""The catalogue: names, near misses, and that naming a data set imports nothing heavy."""

import subprocess
import sys

import pytest

from lightning_modules.data.catalogue import DATASETS, ArrayDataset, find, stand_ins


def test_names():
    expected = {
        "cifar10": 10,
        "cifar100": 100,
        "cifar100_coarse": 20,
        "svhn": 10,
        "imagenet": 1000,
        "imagenet_256": 1000,
        **dict.fromkeys(("imagenette", "imagenette_160", "imagenette_full"), 10),
    }
    assert {name: d.classes for name, d in DATASETS.items()}.items() >= expected.items()  # more may come
    assert all(hash(dataset) is not None for dataset in DATASETS.values())
    for dataset in (d for d in DATASETS.values() if isinstance(d, ArrayDataset)):
        assert all(digest is None or len(digest) == 64 for digest in dataset.sha256.values())
        assert {f"train_{dataset.labels}", f"test_{dataset.labels}"} <= set(dataset.sha256)


def test_smaller_data_sets_stand_in_for_imagenet():
    smaller = ("imagenet_256", "imagenette", "imagenette_160", "imagenette_full")
    assert stand_ins(["cifar10", "imagenet"]) == smaller and stand_ins(["cifar10"]) == ()
    for dataset in map(find, smaller):  # of the same form, or a study's networks wouldn't fit
        large = find(dataset.stands_in_for)
        assert (dataset.stem, dataset.resolution) == (large.stem, large.resolution)


@pytest.mark.parametrize("typed", ["cifar1", "CIFAR-10", "cfar10"])
def test_a_near_miss_is_named(typed):
    with pytest.raises(ValueError, match="did you mean.*cifar10"):
        find(typed)


def test_a_far_miss_names_some():
    with pytest.raises(ValueError, match="there are [0-9]+, such as cifar10, cifar100 and cifar100_coarse"):
        find("mnist")


def test_the_catalogue_imports_nothing_heavy():
    code = "import sys, lightning_modules.data.catalogue as c; print({'torch', 'numpy'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
