"""The blocks of CIFAR's residual and plain networks, and the layers of DenseNets: what they put out."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from architectures.densenet import DenseLayer
from architectures.resnet import ResidualBlock


def residual_blocks(network: nn.Module) -> list[ResidualBlock]:
    """Return the blocks of a network, in their order."""
    return [module for module in network.modules() if isinstance(module, ResidualBlock)]


@contextmanager
def block_outputs(network: nn.Module) -> Iterator[list[Tensor]]:
    """Collect the output of each block or dense layer, in their order, of the forward passes within."""
    outputs: list[Tensor] = []
    hooks = [
        block.register_forward_hook(lambda module, inputs, output: outputs.append(output))
        for block in network.modules()
        if isinstance(block, ResidualBlock | DenseLayer)
    ]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()
