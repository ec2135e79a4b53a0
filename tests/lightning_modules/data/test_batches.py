"""Whole-batch augmentation against a reference that treats one image at a time."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional
from torch.utils.data import DataLoader

from lightning_modules.data import batches
from lightning_modules.data.batches import (
    EpochBatches,
    EpochSampler,
    TrainBatches,
    epoch_plan,
    epoch_sampler,
    in_epoch,
    subset,
)
from lightning_modules.data.preprocessing import Preprocessing

N = 103
MEAN, STD = (125.3, 123.0, 113.9), (63.0, 62.1, 66.7)
IMAGES = np.random.default_rng(0).integers(0, 256, (N, 32, 32, 3), dtype=np.uint8)
LABELS = np.arange(N, dtype=np.int64)  # a label names its image


def reference(image, mean, std, dy, dx, mirror, pad, padding):
    """Normalise, mirror, pad, crop one image (H, W, 3) uint8, as the published code does."""
    image = (image.astype(np.float32) - np.float32(mean)) / np.float32(std)
    if mirror:
        image = image[:, ::-1]
    if padding == "zeros":
        canvas = np.zeros((32 + 2 * pad, 32 + 2 * pad, 3), np.float32)
        canvas[pad : pad + 32, pad : pad + 32] = image
    else:
        canvas = np.pad(image, ((pad, pad), (pad, pad), (0, 0)), mode="reflect")
    return canvas[dy : dy + 32, dx : dx + 32].transpose(2, 0, 1)


STANDARD = Preprocessing(MEAN, STD)


def train_batches(how=STANDARD, **options):
    options = {"batch_size": 16, "seed": 3, **options}
    return TrainBatches(IMAGES, LABELS, preprocessing=how, **options)


def loaded(data, epoch, **options):
    sampler = EpochSampler(data)
    sampler.set_epoch(epoch)
    return list(DataLoader(data, batch_size=None, sampler=sampler, **options))


def same_bits(left, right):
    return np.array_equal(np.asarray(left).view(np.int32), np.asarray(right).view(np.int32))


@pytest.mark.parametrize("padding", ["zeros", "reflect"])
@pytest.mark.parametrize("pad", [4, 2, 0])
@pytest.mark.parametrize("per_pixel", [False, True])
def test_every_image_equals_the_per_image_reference_bit_for_bit(padding, pad, per_pixel):
    mean = IMAGES.mean(axis=0, dtype=np.float64).astype(np.float32) if per_pixel else MEAN
    how = Preprocessing(None if per_pixel else MEAN, STD, pad=pad, padding=padding).fitted(IMAGES)
    plan = epoch_plan(3, 5, N, pad)
    place = 0
    for images, labels in loaded(train_batches(how), epoch=5):
        assert images.dtype == torch.float32 and images.is_contiguous()
        for image, label in zip(images, labels, strict=True):
            i, dy, dx, mirror = (column[place] for column in plan)
            assert label == i
            assert same_bits(image, reference(IMAGES[i], mean, STD, dy, dx, mirror, pad, padding).copy())
            place += 1
    assert place == N


def test_without_augmentation_and_mirror_only():
    plan = epoch_plan(3, 0, N, 4)
    for how, mirrored in (
        (Preprocessing(MEAN, STD, augment=False), False),
        (Preprocessing(MEAN, STD, pad=0), True),
    ):
        images = torch.cat([x for x, _ in loaded(train_batches(how), 0)])
        for place, i in enumerate(plan.order):
            mirror = mirrored and plan.mirror[place]
            assert same_bits(images[place], reference(IMAGES[i], MEAN, STD, 0, 0, mirror, 0, "zeros").copy())
    never = torch.cat([x for x, _ in loaded(train_batches(Preprocessing(MEAN, STD, pad=0, mirror=False)), 0)])
    plain = torch.cat([x for x, _ in loaded(train_batches(Preprocessing(MEAN, STD, augment=False)), 0)])
    assert same_bits(never, plain)


@pytest.mark.parametrize("side", [28, 20, 16])
def test_at_another_resolution_the_crops_are_resized_as_pil_does_it(side):
    smaller = replace(STANDARD, resolution=side)
    for (whole, _), (images, _) in zip(
        loaded(train_batches(), 1), loaded(train_batches(smaller), 1), strict=True
    ):
        assert images.shape == (len(whole), 3, side, side) and images.is_contiguous()
        planes = [
            Image.fromarray(plane).resize((side, side), Image.Resampling.BILINEAR)
            for plane in whole.flatten(0, 1).numpy()
        ]
        expected = torch.from_numpy(np.stack([np.asarray(plane) for plane in planes]))
        torch.testing.assert_close(images.flatten(0, 1), expected, atol=1e-4, rtol=0)


def test_test_images_are_resized_too():
    options = {"batch_size": 10, "memory_format": torch.channels_last}
    whole, smaller = (
        batches.TestBatches(IMAGES, LABELS, preprocessing=how, **options)[0][0]
        for how in (STANDARD, replace(STANDARD, resolution=16))
    )
    # the middle of a pixel of 16 lies between pixels of 32, so that its weights are 1, 3, 3, 1 at a side
    weights = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    inner = functional.conv2d(whole[:, :1], torch.outer(weights, weights)[None, None], stride=2, padding=1)
    torch.testing.assert_close(smaller[:, :1, 1:-1, 1:-1], inner[:, :, 1:-1, 1:-1])
    assert smaller.is_contiguous(memory_format=torch.channels_last)


def test_the_plan_depends_on_seed_and_epoch_alone_and_is_uniform():
    plan = epoch_plan(1, 2, 20_000, 4)
    assert all(np.array_equal(a, b) for a, b in zip(plan, epoch_plan(1, 2, 20_000, 4), strict=True))
    assert not np.array_equal(plan.order, epoch_plan(2, 1, 20_000, 4).order)
    assert not np.array_equal(plan.order, epoch_plan(1, 3, 20_000, 4).order)
    assert np.array_equal(np.sort(plan.order), np.arange(20_000))
    for shift in (plan.dy, plan.dx):
        counts = np.bincount(shift, minlength=9)
        assert len(counts) == 9 and abs(counts / 20_000 - 1 / 9).max() < 0.01
    assert abs(plan.mirror.mean() - 0.5) < 0.02
    # independent of each other: every one of the 81 corners occurs about equally often, mirrored or not
    assert np.bincount(plan.dy * 9 + plan.dx, minlength=81).min() > 150
    assert abs(np.corrcoef([plan.dy, plan.dx, plan.mirror, plan.order]) - np.eye(4)).max() < 0.03


def test_the_plan_never_changes_between_numpy_versions():
    """Philox4x64-10 with key (0, 0): the first words of Random123's published test vectors (kat_vectors)."""
    words = np.random.Philox(key=np.array([0, 0], dtype=np.uint64), counter=-1 % 2**256).random_raw(4)
    assert [hex(w) for w in words] == [
        "0x16554d9eca36314c",
        "0xdb20fe9d672d0fdc",
        "0xd7e772cee186176b",
        "0x7e68b68aec7ba23b",
    ]


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(workers):
    data = train_batches()
    alone = loaded(data, 7)
    shared = loaded(train_batches(), 7, num_workers=workers)
    assert len(alone) == len(shared) == 7
    assert all(same_bits(a, c) and torch.equal(b, d) for (a, b), (c, d) in zip(alone, shared, strict=True))


@pytest.mark.parametrize("world", [2, 4, 8])
def test_ranks_together_see_what_one_process_sees(world):
    whole = loaded(train_batches(), 1)
    ranks = [loaded(train_batches(rank=r, world_size=world), 1) for r in range(world)]
    rest = N % 16 // world * world if N % 16 // world > 1 else 0
    for batch, (images, labels) in enumerate(whole):
        parts = [rank[batch][1] for rank in ranks if batch < len(rank)]
        kept = len(labels) if len(labels) == 16 else rest
        assert len({len(part) for part in parts}) <= 1
        assert sorted(torch.cat(parts).tolist() if parts else []) == sorted(labels[:kept].tolist())
        for r in range(world):
            if batch < len(ranks[r]):
                assert same_bits(ranks[r][batch][0], images[:kept][r::world].contiguous())


@pytest.mark.parametrize(
    ("images", "batch", "world", "batches"),
    [
        (33, 16, 1, 2),
        (34, 16, 1, 3),
        (35, 16, 2, 2),
        (36, 16, 2, 3),
        (1_281_167, 32, 8, 40_036),
        (1, 16, 1, 1),
    ],
)
def test_a_last_batch_of_one_image_a_device_is_left_out(images, batch, world, batches):
    made = EpochBatches(images, batch, 0, world)
    assert len(made) == in_epoch(images, batch, world) == batches
    assert len(range(images)[made.places(batches - 1)]) >= min(2, images)


@pytest.mark.parametrize("world", [1, 2, 3, 7])
def test_every_test_image_is_counted_once_on_any_number_of_devices(world):
    seen = {}
    for rank in range(world):
        data = batches.TestBatches(
            IMAGES, LABELS, batch_size=10, preprocessing=Preprocessing(MEAN, STD), rank=rank, world_size=world
        )
        for images, labels in DataLoader(data, batch_size=None):
            for image, label in zip(images, labels.tolist(), strict=True):
                assert label not in seen
                seen[label] = image
    assert sorted(seen) == list(range(N))
    for i, image in seen.items():
        assert same_bits(image, reference(IMAGES[i], MEAN, STD, 0, 0, False, 0, "zeros").copy())


def test_channels_last_has_the_same_values():
    for a, b in zip(
        loaded(train_batches(), 0), loaded(train_batches(memory_format=torch.channels_last), 0), strict=True
    ):
        assert b[0].is_contiguous(memory_format=torch.channels_last) and torch.equal(a[0], b[0])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_gpu_gives_the_same_bits():
    for (a, b), (c, d) in zip(
        loaded(train_batches(), 2), loaded(train_batches(device="cuda"), 2), strict=True
    ):
        assert c.is_cuda and same_bits(a, c.cpu()) and torch.equal(b, d.cpu())


def test_subset_takes_the_first_of_every_class():
    labels = np.array([1, 1, 0, 1, 0, 0, 1, 0])
    assert subset(labels, 4).tolist() == [0, 1, 2, 4]
    assert subset(labels, 8).tolist() == list(range(8))
    for wrong in (0, 10, -2):
        with pytest.raises(ValueError, match="choose from 1 to 8"):
            subset(labels, wrong)


def test_a_subset_that_does_not_divide_is_spread_over_the_classes():
    labels = np.repeat(np.arange(1000), 5)
    of_2500 = np.bincount(labels[subset(labels, 2500)])
    assert of_2500.tolist() == [2, 3] * 500
    assert np.bincount(labels[subset(labels, 500)], minlength=1000).tolist() == [0, 1] * 500


@pytest.mark.parametrize(("done", "epoch"), [(5, 3), (2, 2)])
def test_a_resumed_run_begins_with_the_batches_of_its_own_epoch(done, epoch):
    # As Lightning's progress stands when the loader is made, of a run saved after epoch 2 and of one saved within it.
    current = SimpleNamespace(processed=epoch)
    loop = SimpleNamespace(
        epoch_progress=SimpleNamespace(current=current),
        epoch_loop=SimpleNamespace(batch_progress=SimpleNamespace(current=SimpleNamespace(completed=done))),
    )
    data = TrainBatches(IMAGES, LABELS, batch_size=21, seed=0, preprocessing=STANDARD)
    sampler = epoch_sampler(data, SimpleNamespace(fit_loop=loop, current_epoch=2))
    assert list(sampler) == [(epoch, batch) for batch in range(done % 5, 5)]
