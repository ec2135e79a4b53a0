"""What a part of a network gives that a training step leaves out: nothing, and a gradient of zero.

Stochastic depth and FractalNet drop parts at random, and a dropped part isn't computed: that is the time they
save. But a parameter that took no part has the gradient None, and that isn't harmless:
    DistributedDataParallel waits for a gradient of every parameter from every process, so it hangs or fails;
    an optimiser passes None over, while the authors' Torch and Caffe code hands it a gradient of zero, with
    which momentum and weight decay still act.
"""

import torch
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction, FunctionCtx, once_differentiable


def zero_of(module: nn.Module) -> Tensor:
    """Return 0 · module(x) without running the module: a zero (), to be added to tensors of any shape.

    Going backward through the sum gives every parameter of the module a gradient of zero.
    """
    return _Zero.apply(*module.parameters())


class _Zero(torch.autograd.Function):
    """Zero, as a function of the parameters: autograd believes that it depends on them, at a slope of zero."""

    @staticmethod
    def forward(ctx: FunctionCtx, *parameters: Tensor) -> Tensor:
        ctx.save_for_backward(*parameters)
        return parameters[0].new_zeros(())

    @staticmethod
    @once_differentiable
    def backward(ctx: BackwardCFunction, gradient: Tensor) -> tuple[Tensor, ...]:
        return tuple(torch.zeros_like(parameter) for parameter in ctx.saved_tensors)
