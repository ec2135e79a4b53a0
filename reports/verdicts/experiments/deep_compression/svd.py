"""Singular value decomposition: a layer as a product of two smaller ones (Denton et al., arXiv:1404.0736, Section 3).

A fully connected layer is a matrix of its outputs by its inputs; a convolution is one of its channels by the pixels of
its kernel in all channels that come in, so that the first of the two layers has the kernel and the second one is 1×1.
Each group of a grouped convolution is a matrix of its own.

Departure: the paper decomposes a first convolution by colours and others by clusters of channels; here all layers are
decomposed alike, as its fully connected ones are.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from reports.verdicts.experiments.deep_compression.layers import Layer, compressible


def decompose(network: nn.Module, densities: Mapping[str, float]) -> None:
    """Replace every layer, in place, by two that have at most this share of its weights.

    One that a rank of 1 doesn't make smaller, such as a depthwise convolution, stays.
    """
    for name, layer in compressible(network).items():
        rank = rank_within(layer, densities[name])
        if rank * _numbers_a_rank(layer) < layer.weight.numel():
            parent, _, child = name.rpartition(".")
            setattr(network.get_submodule(parent), child, product(layer, rank))


def rank_within(layer: Layer, density: float) -> int:
    """Return the highest rank at which the two layers have no more than this share of the weights; 1 at least."""
    affordable = int(density * layer.weight.numel() / _numbers_a_rank(layer))
    return max(1, min(affordable, full_rank(layer)))


def full_rank(layer: Layer) -> int:
    """Return the rank at which nothing is lost."""
    return min(_matrices(layer).shape[1:])


def product(layer: Layer, rank: int) -> nn.Sequential:
    """Return two layers that compute the best approximation of `layer` of that rank, and the layer itself at full rank."""
    left, values, right = torch.linalg.svd(_matrices(layer).double(), full_matrices=False)
    share = values[:, :rank].sqrt()  # of both alike, so that neither has the large numbers
    left, right = left[:, :, :rank] * share[:, None], right[:, :rank] * share[:, :, None]
    first: Layer
    second: Layer
    has_bias = layer.bias is not None
    if isinstance(layer, nn.Linear):
        first = nn.Linear(layer.in_features, rank, bias=False)
        second = nn.Linear(rank, layer.out_features, bias=has_bias)
    else:
        between = rank * layer.groups
        # torch keeps the sizes of a convolution as tuples of any length, and takes those of two
        sizes: dict[str, Any] = {
            name: getattr(layer, name)
            for name in ("kernel_size", "stride", "padding", "dilation", "groups", "padding_mode")
        }
        first = nn.Conv2d(layer.in_channels, between, **sizes, bias=False)
        second = nn.Conv2d(between, layer.out_channels, 1, groups=layer.groups, bias=has_bias)
    pair = nn.Sequential(first, second).to(layer.weight).train(layer.training)
    with torch.no_grad():
        first.weight.copy_(right.reshape(first.weight.shape))
        second.weight.copy_(left.reshape(second.weight.shape))
        if layer.bias is not None and second.bias is not None:
            second.bias.copy_(layer.bias)
    return pair


def _matrices(layer: Layer) -> Tensor:
    """The weights as (groups, outputs of a group, numbers that an output takes in)."""
    groups = 1 if isinstance(layer, nn.Linear) else layer.groups
    return layer.weight.detach().flatten(1).unflatten(0, (groups, -1))


def _numbers_a_rank(layer: Layer) -> int:
    groups, outputs, inputs = _matrices(layer).shape
    return groups * (outputs + inputs)
