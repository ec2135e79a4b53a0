"""The layers of a network that can be compressed: its convolutions and its fully connected layers."""

from collections.abc import Mapping

from torch import nn

Layer = nn.Conv2d | nn.Linear


def compressible(network: nn.Module) -> dict[str, Layer]:
    """Return the layers by name, in the order of the network."""
    return {
        name: module for name, module in network.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)
    }


def by_layer(value: float | Mapping[str, float], layers: Mapping[str, Layer]) -> dict[str, float]:
    """Return the value of each layer, from one for all or one for each. Raises ValueError if names don't agree."""
    if not isinstance(value, Mapping):
        return dict.fromkeys(layers, value)
    if strange := sorted(set(value) ^ set(layers)):
        raise ValueError(f"a density for each layer of the network is needed; see {strange[0]!r}")
    return {name: value[name] for name in layers}
