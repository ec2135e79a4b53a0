"""The blocks of CIFAR's residual and plain networks, and what they put out."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from architectures.resnet import ResidualBlock


def residual_blocks(network: nn.Module) -> list[ResidualBlock]:
    """Return the blocks of a network, in their order."""
    return [module for module in network.modules() if isinstance(module, ResidualBlock)]


@contextmanager
def block_outputs(network: nn.Module) -> Iterator[list[Tensor]]:
    """Collect the output of each block, in their order, of the forward passes within."""
    outputs: list[Tensor] = []
    hooks = [
        block.register_forward_hook(lambda module, inputs, output: outputs.append(output))
        for block in residual_blocks(network)
    ]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()
