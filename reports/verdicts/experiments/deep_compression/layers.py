"""The layers of a network that can be compressed: its convolutions and its fully connected layers."""

from torch import nn

Layer = nn.Conv2d | nn.Linear


def compressible(network: nn.Module) -> dict[str, Layer]:
    """Return the layers by name, in the order of the network."""
    return {
        name: module for name, module in network.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)
    }
