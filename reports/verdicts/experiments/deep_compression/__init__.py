"""Compression of a trained network after its training: what SqueezeNet's Table 2 (arXiv:1602.07360) compares.

    svd               Denton et al., arXiv:1404.0736: every layer as a product of two smaller ones
    pruning           Han et al., arXiv:1506.02626: the smallest weights of every layer become zero
    weight_sharing    Han et al., arXiv:1510.00149: pruned, and those that are left take few values
    deep_compression  the same, Huffman-coded

All of a network's convolutions and fully connected layers are compressed; biases and batch normalisation stay as
they are.

Departure: nothing is trained afterwards. Both papers by Han et al. train on after every step, and keep the
accuracy at densities that cost much of it here.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from reports.verdicts.experiments.deep_compression import pruning, size, svd, weight_sharing
from reports.verdicts.experiments.deep_compression.layers import by_layer, compressible

METHODS = ("svd", "pruning", "weight_sharing", "deep_compression")
SHARING = METHODS[2:]
# Deep Compression, Section 2 for positions and Table 4 for AlexNet's shared weights: convolutions, fully connected.
BITS = INDEX_BITS = (8, 5)


@dataclass(frozen=True)
class Compressed:
    """A compressed copy of a network, and what both take.

    numbers: weights that aren't zero, biases, scales, shifts and running statistics. bytes: of a file that gives
    the network back, four for each number of the original. parts: what the bytes of the copy are made of.
    """

    network: nn.Module
    numbers_before: int
    numbers_after: int
    bytes_before: int
    bytes_after: int
    parts: dict[str, int]


def compress(
    network: nn.Module,
    method: str,
    *,
    density: float | Mapping[str, float],
    bits: int | None = None,
    index_bits: int | None = None,
) -> Compressed:
    """Compress a copy of `network`, which stays as it was.

    density: the share of every layer's weights that is kept, or one for each layer by its name; with "svd", the
        share of the numbers that the two smaller layers may have.
    bits: of a shared weight, one of whose values is zero; index_bits: of the distance between two weights that are
        left. None: 8 in convolutions, 5 in fully connected layers, as in Deep Compression.

    Raises:
        ValueError: there is no such method, or a value that it can't work with; in one line.
    """
    layers = compressible(network)
    densities = by_layer(density, layers)
    _check(method, densities, bits=bits, index_bits=index_bits)
    smaller = copy.deepcopy(network)
    if method == "svd":
        svd.decompose(smaller, densities)
        parts = size.whole(smaller)
    else:
        pruning.prune(smaller, densities)
        index = {name: index_bits or _of_kind(INDEX_BITS, layer) for name, layer in layers.items()}
        values = {name: bits or _of_kind(BITS, layer) for name, layer in layers.items()}
        if method in SHARING:
            weight_sharing.share(smaller, values)
        parts = {
            "pruning": lambda: size.pruned(smaller, index),
            "weight_sharing": lambda: size.shared(smaller, values, index),
            "deep_compression": lambda: size.coded(smaller, index),
        }[method]()
    return Compressed(
        network=smaller,
        numbers_before=size.numbers(network),
        numbers_after=size.numbers(smaller),
        bytes_before=sum(size.whole(network).values()),
        bytes_after=sum(parts.values()),
        parts=parts,
    )


def _of_kind(values: tuple[int, int], layer: nn.Module) -> int:
    return values[isinstance(layer, nn.Linear)]


def _check(method: str, densities: Mapping[str, float], **widths: int | None) -> None:
    if method not in METHODS:
        raise ValueError(f"unknown compression {method!r}; choose from {', '.join(METHODS)}")
    for density in densities.values():
        if not 0 < density <= 1:
            raise ValueError(f"density must be above 0 and at most 1, not {density}")
    for name, value in widths.items():
        if value is not None and not 1 <= value <= 16:
            raise ValueError(f"{name.replace('_', ' ')} must be from 1 to 16, not {value}")
    if widths["bits"] and method not in SHARING:
        raise ValueError(f"{method} shares no weights: leave out bits, or take {' or '.join(SHARING)}")
    if widths["index_bits"] and method == "svd":
        raise ValueError("svd stores no positions: leave out index bits")
