"""Bytes of a network as a file would hold it, exactly: every stream of a layer ends with a whole byte.

What stays as it was takes four bytes a number: biases, scales and shifts, and running statistics, without which
the network can't be evaluated.
"""

from collections import Counter
from collections.abc import Mapping
from math import ceil

import torch
from torch import Tensor, nn

from reports.verdicts.experiments.deep_compression.huffman import coded_bits
from reports.verdicts.experiments.deep_compression.layers import Layer, compressible

NUMBER = 4  # bytes of a number in single precision, and of a layer's count of stored weights


def whole(network: nn.Module) -> dict[str, int]:
    """Return the bytes of the network when every number is stored, by part."""
    weights = sum(layer.weight.numel() for layer in compressible(network).values())
    return {"weights": NUMBER * weights, "others": NUMBER * _others(network)}


def pruned(network: nn.Module, index_bits: Mapping[str, int]) -> dict[str, int]:
    """Return the bytes when the weights that aren't zero are stored with their positions, in single precision.

    A layer is stored whole where that takes less, as if nothing of it were pruned.
    """
    parts = Counter(weights=0, positions=0, others=NUMBER * _others(network))
    for name, layer in compressible(network).items():
        _, stored = relative_index(*_left(layer), index_bits[name])
        sparse = {
            "weights": NUMBER * len(stored),
            "positions": NUMBER + _bytes(index_bits[name] * len(stored)),
        }
        plain = {"weights": NUMBER * layer.weight.numel()}
        parts.update(min(plain, sparse, key=lambda form: sum(form.values())))
    return dict(parts)


def coded(network: nn.Module, index_bits: Mapping[str, int]) -> dict[str, int]:
    """Return the bytes when numbers of shared weights and distances are Huffman-coded, as in Deep Compression (Section 4).

    codebooks: the shared weights of every layer. code tables: a byte for the length of every word, from which both
    codes can be made again; the paper doesn't say what it takes for them.
    """
    parts = Counter(others=NUMBER * _others(network))
    for name, layer in compressible(network).items():
        positions, values = _left(layer)
        shared, codes = values.unique(return_inverse=True)
        gaps, stored = relative_index(positions, codes + 1, index_bits[name])
        furthest = 2 ** index_bits[name]
        parts.update(
            {
                "weights": _bytes(coded_bits(stored.bincount(minlength=len(shared) + 1).tolist())),
                "positions": NUMBER + _bytes(coded_bits((gaps - 1).bincount(minlength=furthest).tolist())),
                "codebooks": NUMBER * len(shared),
                "code tables": len(shared) + 1 + furthest,
            }
        )
    return dict(parts)


def relative_index(positions: Tensor, values: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """Return ascending positions (n,) from 0 on as distances (m,), 1 to 2^bits, each from the one before or the beginning.

    Where the next position is further away, zeros are put between (Figure 2): so the values (m,) that go with the
    distances are the given ones (n,) and these zeros.
    """
    furthest = 2**bits
    steps = positions.diff(prepend=positions.new_full((1,), -1))
    fillers = (steps - 1) // furthest
    of_values = (fillers + 1).cumsum(0) - 1
    total = len(positions) + int(fillers.sum())
    gaps, filled = steps.new_full((total,), furthest), values.new_zeros(total)
    gaps[of_values], filled[of_values] = steps - furthest * fillers, values
    return gaps, filled


def _left(layer: Layer) -> tuple[Tensor, Tensor]:
    """Positions and values of the weights that aren't zero, row by row."""
    flat = layer.weight.detach().flatten()
    positions = flat.nonzero().flatten()
    return positions, flat[positions]


def _others(network: nn.Module) -> int:
    """Numbers that no method touches; counters of batches are no part of a network."""
    tensors = [*network.parameters(), *network.buffers()]
    floating = sum(tensor.numel() for tensor in tensors if torch.is_floating_point(tensor))
    return floating - sum(layer.weight.numel() for layer in compressible(network).values())


def _bytes(bits: int) -> int:
    return ceil(bits / 8)
