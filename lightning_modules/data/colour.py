"""Colour changes and normalisation of whole batches, on the device that trains."""

import functools
import itertools

import torch
from torch import Tensor

from lightning_modules.data.crops import Draws

# Principal components of the colours of ImageNet's training images, of 0–1: fb.resnet.torch, datasets/imagenet.lua.
EIGENVALUES = (0.2175, 0.0188, 0.0045)
EIGENVECTORS = (  # a column each; the rows are R, G, B
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)
PCA_SIGMA = 0.1
JITTER = 0.4
GREY = (0.299, 0.587, 0.114)
ORDERS = tuple(itertools.permutations(range(3)))  # of brightness, contrast, saturation


def draw(colour: str, draws: Draws) -> list[float]:
    """Draw the colour changes of one image: order of the jitter, its three factors, shift of R, G, B."""
    order, factors, alphas = 0, [1.0] * 3, [0.0] * 3
    if colour == "jitter_pca":
        order = draws.integer(0, len(ORDERS) - 1)
        factors = [draws.uniform(1 - JITTER, 1 + JITTER) for _ in range(3)]
    if colour != "none":
        alphas = [draws.normal(PCA_SIGMA) for _ in range(3)]
    # AlexNet, Section 4.1: [p1, p2, p3] [α1 λ1, α2 λ2, α3 λ3]ᵀ
    shift = [sum(p * a * v for p, a, v in zip(row, alphas, EIGENVALUES, strict=True)) for row in EIGENVECTORS]
    return [order, *factors, *shift]


def finish(
    images: Tensor,
    drawn: Tensor,
    colour: str,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    memory_format: torch.memory_format = torch.contiguous_format,
) -> Tensor:
    """Turn images (B, 3, H, W) uint8 into normalised float32: jitter, shift, then (x - mean) / std.

    drawn: (B, 7), a row of `draw(colour, …)` for each image. mean, std: of 0–255. Nothing is clipped in between,
    as in fb.resnet.torch.
    """
    x = images.to(torch.float32, memory_format=memory_format)
    order, factors, shift = drawn[:, 0].long(), drawn[:, 1:4], drawn[:, 4:]
    if colour == "jitter_pca":
        x = _jitter(x, constant(ORDERS, x.device)[order], factors)
    if colour != "none":
        x = x + 255 * shift[:, :, None, None]
    centre, scale = (constant(tuple(values), x.device).view(3, 1, 1) for values in (mean, std))
    return (x - centre) / scale


def _jitter(x: Tensor, order: Tensor, factors: Tensor) -> Tensor:
    """Blend each image with black, its mean grey and its grey version, in its own order (B, 3)."""
    weights = constant(GREY, x.device).view(3, 1, 1)
    for kind in order.T:
        factor = factors.gather(1, kind[:, None])[:, :, None, None]
        grey = (x * weights).sum(1, keepdim=True)
        kind = kind[:, None, None, None]
        target = torch.where(kind == 2, grey, grey.mean((2, 3), keepdim=True) * (kind == 1))
        x = x * factor + target * (1 - factor)
    return x


@functools.cache
def constant(values: tuple, device: torch.device) -> Tensor:
    """Make a constant once for each device: the host would wait for a copy to a GPU in every batch."""
    return torch.tensor(values, device=device)
