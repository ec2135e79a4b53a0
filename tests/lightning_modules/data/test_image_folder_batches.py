"""Batches of an image folder: the same on any number of workers and devices; nothing stands for broken files."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from lightning_modules.data import colour, crops, folders
from lightning_modules.data.batches import EpochSampler, epoch_plan
from lightning_modules.data.catalogue import find
from lightning_modules.data.decoding import read_image
from lightning_modules.data.image_folder_batches import ImageFolderTestBatches, ImageFolderTrainBatches
from lightning_modules.data.preprocessing import ImageFolderPreprocessing
from tests.image_folder import write

DATASET = replace(
    find("imagenette"), classes=4, train_images=24, test_images=12, torchvision_size=None, folder="f"
)
HOW = ImageFolderPreprocessing(32, DATASET.mean, DATASET.std, colour="jitter_pca", test_sizes=(36,))
SEED, EPOCH, BATCH = 3, 5, 7


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("image_folder")
    write(folder / "f")
    return folder


@pytest.fixture
def files(place):
    return folders.find(DATASET, place, "train")


def loaded(files, how=HOW, workers=0, **options):
    data = ImageFolderTrainBatches(files, seed=SEED, preprocessing=how, **{"batch_size": BATCH, **options})
    sampler = EpochSampler(data)
    sampler.set_epoch(EPOCH)
    return list(DataLoader(data, batch_size=None, sampler=sampler, num_workers=workers))


def same(left, right) -> bool:
    return (
        torch.equal(left.views[0], right.views[0])
        and torch.equal(left.labels, right.labels)
        and torch.equal(left.colours, right.colours)
    )


def test_every_image_is_what_its_own_draws_make_of_it(files):
    order = epoch_plan(SEED, EPOCH, len(files), 0).order
    batches = loaded(files)
    assert [len(batch.labels) for batch in batches] == [7, 7, 7, 3]
    assert torch.cat([batch.labels for batch in batches]).tolist() == files.labels[order].tolist()
    shown = torch.cat([batch.views[0][:, 0] for batch in batches])
    colours = torch.cat([batch.colours for batch in batches])
    for place, index in enumerate(order.tolist()):
        draws = crops.Draws(SEED, EPOCH, index)
        mirror, row = draws.uniform() < 0.5, colour.draw("jitter_pca", draws)
        crop = crops.random_sized_crop(read_image(files.path(index)), 32, 0.08, draws)
        assert torch.equal(shown[place], crop.flip(-1) if mirror else crop)
        assert torch.equal(colours[place], torch.tensor(row))


@pytest.mark.parametrize(
    "change",
    [
        {"train_crop": "random", "train_sizes": (40, 40)},
        {"train_crop": "random_of_square", "train_sizes": (40, 40)},
        {"train_crop": "scale_jitter", "train_sizes": (32, 64)},
    ],
)
def test_the_other_crops(files, change):
    first, *_ = loaded(files, replace(HOW, **change, colour="none"))
    index = epoch_plan(SEED, EPOCH, len(files), 0).order[0]
    draws = crops.Draws(SEED, EPOCH, int(index))
    mirror = draws.uniform() < 0.5
    of_square = change["train_crop"] == "random_of_square"
    image = read_image(files.path(index))
    crop = crops.random_crop(image, 32, change["train_sizes"], draws, of_square=of_square)
    assert torch.equal(first.views[0][0, 0], crop.flip(-1) if mirror else crop)
    assert first.colours.tolist() == [[0, 1, 1, 1, 0, 0, 0]] * BATCH


def test_without_augmentation_training_images_are_seen_like_test_images(files):
    first, *_ = loaded(files, replace(HOW, augment=False))
    index = epoch_plan(SEED, EPOCH, len(files), 0).order[0]
    image = crops.centre_crop(crops.shorter_side(read_image(files.path(index)), 36), 32)
    assert torch.equal(first.views[0][0, 0], image) and not first.colours[:, 4:].any()


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(files, workers):
    alone, shared = loaded(files), loaded(files, workers=workers)
    assert len(alone) == len(shared) == 4 and all(map(same, alone, shared))


def test_epochs_differ_and_repeat(files):
    data = ImageFolderTrainBatches(files, seed=SEED, preprocessing=HOW, batch_size=BATCH)
    first, other, again = data[0, 0], data[1, 0], data[0, 0]
    assert same(first, again) and not same(first, other)


@pytest.mark.parametrize("world", [2, 3, 6])
def test_ranks_together_see_what_one_process_sees(files, world):
    whole = loaded(files, batch_size=6)
    ranks = [loaded(files, batch_size=6, rank=rank, world_size=world) for rank in range(world)]
    for batch, one in enumerate(whole):
        for rank in range(world):
            part = ranks[rank][batch]
            assert torch.equal(part.views[0], one.views[0][rank::world])
            assert torch.equal(part.labels, one.labels[rank::world])
            assert torch.equal(part.colours, one.colours[rank::world])


@pytest.mark.parametrize("world", [1, 2, 5])
@pytest.mark.parametrize("views", ["single", "ten_crop"])
def test_every_test_image_is_seen_once_on_any_number_of_devices(place, world, views):
    files = folders.find(DATASET, place, "val")
    files = files.take(np.arange(11))
    how, seen = replace(HOW, views=views, test_sizes=(36, 48)), {}
    for rank in range(world):
        data = ImageFolderTestBatches(files, batch_size=4, preprocessing=how, rank=rank, world_size=world)
        own = list(range(rank, 11, world))
        for batch in DataLoader(data, batch_size=None):
            assert [v.shape[1] for v in batch.views] == [{"single": 1, "ten_crop": 10}[views]] * 2
            for position, label in enumerate(batch.labels.tolist()):
                index = own.pop(0)
                assert label == files.labels[index] and index not in seen
                seen[index] = [v[position] for v in batch.views]
        assert not own
    assert sorted(seen) == list(range(11))
    for index, (small, large) in seen.items():
        image = read_image(files.path(index))
        for size, shown in ((36, small), (48, large)):
            assert torch.equal(shown, crops.VIEWS[views][0](crops.shorter_side(image, size), 32))


def test_broken_files_are_left_out_and_named(tmp_path):
    write(tmp_path / "f")
    files = folders.find(DATASET, tmp_path, "train")
    whole = loaded(files)
    order = epoch_plan(SEED, EPOCH, len(files), 0).order.tolist()
    for index, content in ((order[2], b""), (order[9], files.path(order[9]).read_bytes()[:-40])):
        files.path(index).write_bytes(content)
    batches = loaded(files)
    assert [len(batch.labels) for batch in batches] == [6, 6, 7, 3]
    assert [tuple(broken) for batch in batches for broken in batch.broken] == [
        (order[2], "the file is empty"),
        (order[9], "Image is incomplete or truncated"),
    ]
    kept = [i for i in range(BATCH) if i != 2]
    assert torch.equal(batches[0].views[0], whole[0].views[0][kept])
    assert torch.equal(batches[0].colours, whole[0].colours[kept])
    for index in order[:BATCH]:
        files.path(index).write_bytes(b"")
    empty = loaded(files)[0]
    assert empty.views == [] and len(empty.labels) == 0 and len(empty.broken) == BATCH
