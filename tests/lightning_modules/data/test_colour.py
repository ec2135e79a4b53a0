"""Colour changes of whole batches against one image at a time, as fb.resnet.torch does it."""

import numpy as np
import pytest
import torch

from lightning_modules.data import colour
from lightning_modules.data.crops import Draws

MEAN, STD = (123.7, 116.3, 103.5), (58.4, 57.1, 57.4)
IMAGES = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (12, 3, 6, 5), dtype=np.uint8))


def reference(image: torch.Tensor, row: list[float], jitter: bool) -> torch.Tensor:
    """Brightness, contrast and saturation in the drawn order, lighting, normalisation, on 0–1 in double precision."""
    x = image.double() / 255
    for kind in colour.ORDERS[int(row[0])] if jitter else ():
        grey = (0.299 * x[0] + 0.587 * x[1] + 0.114 * x[2]).expand(3, -1, -1)
        other = (torch.zeros_like(x), torch.full_like(x, grey.mean().item()), grey)[kind]
        x = row[1 + kind] * x + (1 - row[1 + kind]) * other
    x = x + torch.tensor(row[4:], dtype=torch.float64).view(3, 1, 1)
    mean, std = (torch.tensor(v, dtype=torch.float64).view(3, 1, 1) / 255 for v in (MEAN, STD))
    return (x - mean) / std


@pytest.mark.parametrize("kind", ["none", "pca", "jitter_pca"])
def test_a_batch_equals_its_images_one_by_one(kind):
    rows = [colour.draw(kind, Draws(0, 1, i)) for i in range(len(IMAGES))]
    made = colour.finish(IMAGES, torch.tensor(rows), kind, MEAN, STD)
    assert made.dtype == torch.float32
    for image, row, finished in zip(IMAGES, rows, made, strict=True):
        expected = reference(image, row, kind == "jitter_pca")
        torch.testing.assert_close(finished.double(), expected, atol=1e-4, rtol=1e-4)
    plain = colour.finish(IMAGES, torch.tensor(rows), "none", MEAN, STD)
    assert ((made - plain).abs().amax((1, 2, 3)) > 0.001).all() == (kind != "none")


def test_all_six_orders_and_the_factors_range():
    rows = np.array([colour.draw("jitter_pca", Draws(0, 0, i)) for i in range(3000)])
    assert np.bincount(rows[:, 0].astype(int)).min() > 400
    assert 0.6 <= rows[:, 1:4].min() < 0.61 and 1.39 < rows[:, 1:4].max() <= 1.4


def test_the_shift_has_the_spread_of_the_principal_components():
    shift = np.array([colour.draw("pca", Draws(0, 0, i))[4:] for i in range(4000)])
    vectors, values = np.array(colour.EIGENVECTORS), np.array(colour.EIGENVALUES)
    expected = vectors @ np.diag((0.1 * values) ** 2) @ vectors.T
    assert np.allclose(np.cov(shift.T), expected, atol=2e-5)
    assert np.allclose(vectors.T @ vectors, np.eye(3), atol=1e-3)  # as printed, to four digits


def test_memory_format():
    drawn = torch.zeros(len(IMAGES), 7)
    made = colour.finish(IMAGES, drawn, "none", MEAN, STD, torch.channels_last)
    assert made.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(made, colour.finish(IMAGES, drawn, "none", MEAN, STD))
