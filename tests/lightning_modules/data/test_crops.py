"""Crops: random ones follow their distributions, fixed ones are torchvision's."""

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional

from lightning_modules.data import crops
from lightning_modules.data.crops import Draws

rng = np.random.default_rng(0)
IMAGE = torch.from_numpy(rng.integers(0, 256, (3, 90, 120), dtype=np.uint8))


def places(height: int, width: int) -> torch.Tensor:
    """An image that says where each of its pixels was: row, column, 0."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([rows, columns, torch.zeros_like(rows)]).to(torch.uint8)


def test_draws_depend_on_seed_epoch_and_index_alone():
    def numbers(*key: int) -> list[float]:
        draws = Draws(*key)
        return [draws.uniform() for _ in range(8)]

    assert numbers(1, 2, 3) == numbers(1, 2, 3)
    assert len({tuple(numbers(*key)) for key in ((1, 2, 3), (2, 1, 3), (1, 3, 2), (1, 2, 4), (2, 2, 3))}) == 5


def test_draws_are_independent_and_uniform():
    first = np.array([[Draws(0, 0, i).uniform() for i in range(4000)]])
    second = np.array([[Draws(0, 1, i).uniform() for i in range(4000)]])
    both = np.concatenate([first, second])
    assert abs(both.mean() - 0.5) < 0.02 and abs(both.var() - 1 / 12) < 0.005
    assert abs(np.corrcoef(both)[0, 1]) < 0.05 and abs(np.corrcoef(first[0, 1:], first[0, :-1])[0, 1]) < 0.05
    draws = Draws(0, 0, 0)
    whole = [draws.integer(3, 5) for _ in range(3000)]
    assert set(whole) == {3, 4, 5} and np.bincount(whole)[3:].min() > 900
    normal = [draws.normal(0.1) for _ in range(3000)]
    assert abs(np.mean(normal)) < 0.01 and abs(np.std(normal) - 0.1) < 0.01


def test_an_images_draws_never_meet_the_epochs_order():
    """Counters of the order run in the first word alone, those of an image have its index in the second."""
    order = np.random.Philox(key=np.array([5, 6], np.uint64)).random_raw(4000)
    images = np.concatenate([Draws(5, 6, i).stream.random_raw(60) for i in range(20)])
    assert not np.isin(images, order).any() and len(np.unique(images)) == 20 * 60


def test_random_sized_crops_have_the_areas_and_ratios_of_the_paper(monkeypatch):
    taken = []
    monkeypatch.setattr(
        functional,
        "resized_crop",
        lambda image, top, left, h, w, size, antialias: taken.append((top, left, h, w)),
    )
    image = places(250, 250)
    for i in range(2000):
        crops.random_sized_crop(image, 24, 0.08, Draws(0, 0, i))
    top, left, h, w = np.array([box for box in taken if box]).T
    assert (top >= 0).all() and (left >= 0).all() and (top + h <= 250).all() and (left + w <= 250).all()
    share = h * w / 250**2
    assert 0.075 < share.min() < 0.1 and share.max() > 0.85
    assert 0.73 < (w / h).min() < 0.78 and 1.28 < (w / h).max() < 1.36
    assert abs(np.mean(w > h) - 0.5) < 0.05


def test_a_random_sized_crop_is_resized_as_a_whole():
    crop = crops.random_sized_crop(IMAGE, 24, 1.0, Draws(0, 0, 0))
    assert crop.shape == (3, 24, 24)
    # nothing of that ratio has the whole area: the centre of the resized image
    thin = torch.zeros(3, 20, 200, dtype=torch.uint8)
    assert crops.random_sized_crop(thin, 24, 1.0, Draws(0, 0, 0)).shape == (3, 24, 24)


def test_random_crops_lie_anywhere_at_any_size_of_the_range():
    corners, sizes = set(), set()
    image = places(40, 60)
    for i in range(400):
        crop = crops.random_crop(image, 32, (40, 40), Draws(0, 0, i))
        assert crop.shape == (3, 32, 32)
        corners.add((crop[0, 0, 0].item(), crop[1, 0, 0].item()))
    assert {row for row, _ in corners} == set(range(9)) and {c for _, c in corners} == set(range(29))
    for i in range(60):
        crop = crops.random_crop(places(80, 80), 32, (40, 80), Draws(0, 0, i))
        sizes.add(round(31 / (crop[1, 16, -1].item() - crop[1, 16, 0].item()), 1))
    assert min(sizes) == 0.5 and max(sizes) >= 0.9


def test_random_crops_may_be_of_the_central_square_alone():
    corners = set()
    for i in range(400):
        crop = crops.random_crop(places(40, 60), 32, (40, 40), Draws(0, 0, i), of_square=True)
        corners.add((crop[0, 0, 0].item(), crop[1, 0, 0].item()))
    assert {row for row, _ in corners} == set(range(9)) and {c for _, c in corners} == set(range(10, 19))


def test_ten_crops_are_torchvisions():
    ours = crops.ten_crop(IMAGE, 32)
    theirs = torch.stack(functional.ten_crop(IMAGE, [32, 32]))
    assert sorted(map(repr, ours.flatten(1).tolist())) == sorted(map(repr, theirs.flatten(1).tolist()))


def test_the_grid_has_25_even_places_and_their_mirror_images():
    views = crops.grid_crop(places(72, 96), 32)
    assert views.shape == (50, 3, 32, 32)
    corners = {(view[0, 0, 0].item(), view[1, 0, 0].item()) for view in views[:25]}
    assert corners == {(row, column) for row in (0, 10, 20, 30, 40) for column in (0, 16, 32, 48, 64)}
    assert torch.equal(views[25:], views[:25].flip(-1))


@pytest.mark.parametrize("portrait", [False, True])
def test_three_squares_give_corners_centre_and_themselves(portrait):
    image = places(80, 48) if portrait else places(48, 80)
    views = crops.squares_crop(image, 32)
    assert views.shape == (36, 3, 32, 32) and torch.equal(views[18:], views[:18].flip(-1))
    for square, start in enumerate((0, 16, 32)):
        top, left = (start, 0) if portrait else (0, start)
        of_square = views[6 * square :][:6]
        corners = {(view[0, 0, 0].item(), view[1, 0, 0].item()) for view in of_square[:5]}
        assert corners == {(top + y, left + x) for y, x in ((0, 0), (0, 16), (16, 0), (16, 16), (8, 8))}
        whole = functional.resize(image[:, top : top + 48, left : left + 48], [32, 32], antialias=True)
        assert torch.equal(of_square[5], whole)


def test_dense_views_are_the_whole_image_and_its_mirror_image():
    views = crops.whole_image(IMAGE, 32)
    assert torch.equal(views, torch.stack([IMAGE, IMAGE.flip(-1)]))


@pytest.mark.parametrize(("size", "shape"), [(45, (45, 60)), (90, (90, 120)), (180, (180, 240))])
def test_the_shorter_side_is_resized(size, shape):
    assert crops.shorter_side(IMAGE, size).shape[1:] == shape
    assert crops.shorter_side(IMAGE.transpose(1, 2), size).shape[1:] == shape[::-1]


@pytest.mark.parametrize("shape", [(3, 1, 1), (3, 1, 500), (3, 2, 3)])
def test_images_of_a_few_pixels_are_cropped_too(shape):
    image = torch.zeros(shape, dtype=torch.uint8)
    for index in range(20):
        assert crops.random_sized_crop(image, 24, 0.08, Draws(0, 0, index)).shape == (3, 24, 24)
