"""Weight sharing: the weights of a layer take few values (Han et al., arXiv:1510.00149, Section 3)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from reports.verdicts.experiments.deep_compression.layers import compressible

ITERATIONS = 1000  # far more than it takes; rounding could make it swing for ever


def share(network: nn.Module, bits: Mapping[str, int]) -> None:
    """Give all weights of a layer that aren't zero one of 2^bits − 1 values, in place.

    The last value of 2^bits is zero, which fills large gaps between the positions; so it is in the released
    SqueezeNet, whose layers have 255 others.
    """
    for name, layer in compressible(network).items():
        weights = layer.weight.detach()
        left = weights != 0
        weights[left] = clustered(weights[left], 2 ** bits[name] - 1)


def clustered(values: Tensor, count: int) -> Tensor:
    """Return values (n,), each replaced by the mean of its cluster, of which there are `count` at most.

    k-means from centroids that lie evenly from the lowest value to the highest (Section 3.2): so the few large
    weights, which matter most, have centroids of their own.
    """
    if len(values.unique()) <= count:
        return values
    ordered, order = values.double().sort()
    sums = torch.cat([ordered.new_zeros(1), ordered.cumsum(0)])
    centroids = torch.linspace(ordered[0], ordered[-1], count, dtype=ordered.dtype, device=ordered.device)
    edges = None
    for _ in range(ITERATIONS):
        # In one dimension a cluster is what lies between two neighbouring middles.
        middles = torch.searchsorted(ordered, (centroids[1:] + centroids[:-1]) / 2)
        before, edges = (
            edges,
            torch.cat([middles.new_zeros(1), middles, middles.new_full((1,), len(ordered))]),
        )
        if before is not None and torch.equal(before, edges):
            break
        sizes = edges.diff()
        centroids = torch.where(sizes > 0, sums[edges].diff() / sizes.clamp(min=1), centroids)
    shared = torch.empty_like(values)
    shared[order] = centroids.repeat_interleave(sizes).to(values.dtype)
    return shared
