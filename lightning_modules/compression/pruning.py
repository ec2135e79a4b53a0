"""Magnitude pruning: the smallest weights become zero (Han et al., arXiv:1506.02626, Section 3).

Departure: the paper's threshold is a multiple of a layer's deviation, chosen for each layer; here the share of the
weights that is left is chosen, which is what its Table 4 and SqueezeNet's Table 1 print.
"""

from collections.abc import Mapping
from fractions import Fraction
from math import ceil

import torch
from torch import nn

from lightning_modules.compression.layers import compressible


def prune(network: nn.Module, densities: Mapping[str, float]) -> None:
    """Set all weights of every layer to zero, in place, but the `kept` largest ones."""
    for name, layer in compressible(network).items():
        weights = layer.weight.detach()
        largest = weights.abs().flatten().topk(kept(weights.numel(), densities[name]), sorted=False).indices
        mask = torch.zeros(weights.numel(), dtype=torch.bool, device=weights.device)
        mask[largest] = True
        weights.mul_(mask.view_as(weights))


def kept(weights: int, density: float) -> int:
    """How many weights of a layer are left: ⌈density × weights⌉, as SqueezeNet's Table 1 counts."""
    return ceil(Fraction(str(density)) * weights)  # 0.07 × 100 is a little more than 7 in floating point
