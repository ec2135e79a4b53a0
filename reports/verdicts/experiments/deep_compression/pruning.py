"""Magnitude pruning: the smallest weights become zero (Han et al., arXiv:1506.02626, Section 3).

Departure: the paper's threshold is a multiple of a layer's deviation, chosen for each layer; here the share of the
weights that is left is chosen, which is what its Table 4 and SqueezeNet's Table 1 print.
"""

from collections.abc import Mapping
from fractions import Fraction
from math import ceil

from torch import nn
from torch.nn.utils import prune as torch_prune

from reports.verdicts.experiments.deep_compression.layers import compressible


def prune(network: nn.Module, densities: Mapping[str, float]) -> None:
    """Set all weights of every layer to zero, in place, but the `number_kept` largest ones."""
    for name, layer in compressible(network).items():
        weights = layer.weight.numel()
        torch_prune.l1_unstructured(layer, "weight", weights - number_kept(weights, densities[name]))
        torch_prune.remove(layer, "weight")


def number_kept(weights: int, density: float) -> int:
    """Return how many weights of a layer are left: ⌈density × weights⌉, as SqueezeNet's Table 1 counts."""
    return ceil(Fraction(str(density)) * weights)  # 0.07 × 100 is a little more than 7 in floating point
