"""Compression of a trained network after its training: what SqueezeNet's Table 2 (arXiv:1602.07360) compares.

    svd               Denton et al., arXiv:1404.0736: every layer as a product of two smaller ones
    pruning           Han et al., arXiv:1506.02626: the smallest weights of every layer become zero
    deep_compression  Han et al., arXiv:1510.00149: pruned, those that are left take few values; Huffman-coded

All of a network's convolutions and fully connected layers are compressed; biases and batch normalisation stay as
they are.

Departure: nothing is trained afterwards. Both papers by Han et al. train on after every step, and keep the
accuracy at densities that cost much of it here.
"""

import copy
from dataclasses import dataclass

from torch import nn

from reports.verdicts.experiments.deep_compression import pruning, size, svd, weight_sharing
from reports.verdicts.experiments.deep_compression.layers import compressible

METHODS = ("svd", "pruning", "deep_compression")
# Deep Compression, Section 2 for positions and Table 4 for AlexNet's shared weights: bits in convolutions, and in fully
# connected layers. Of a shared weight, one of whose values is zero; of the distance between two weights that are left.
BITS = INDEX_BITS = (8, 5)


@dataclass(frozen=True)
class Compressed:
    """A compressed copy of a network, and the bytes of files that give either back, four a number of the original."""

    network: nn.Module
    bytes_before: int
    bytes_after: int


def compress(network: nn.Module, method: str, *, density: float) -> Compressed:
    """Compress a copy of `network` by one of METHODS; the network stays as it was.

    density: above 0 and at most 1, the share of every layer's weights that is kept; with "svd", the share of the
        numbers that the two smaller layers may have.
    """
    smaller = copy.deepcopy(network)
    layers = compressible(network)
    densities = dict.fromkeys(layers, density)
    if method == "svd":
        svd.decompose(smaller, densities)
        parts = size.whole(smaller)
    else:
        pruning.prune(smaller, densities)
        index = {name: _of_kind(INDEX_BITS, layer) for name, layer in layers.items()}
        if method == "pruning":
            parts = size.pruned(smaller, index)
        else:
            weight_sharing.share(smaller, {name: _of_kind(BITS, layer) for name, layer in layers.items()})
            parts = size.coded(smaller, index)
    return Compressed(smaller, sum(size.whole(network).values()), sum(parts.values()))


def _of_kind(values: tuple[int, int], layer: nn.Module) -> int:
    return values[isinstance(layer, nn.Linear)]
