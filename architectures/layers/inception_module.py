"""The Inception module, written as the papers' figures draw it: one row of boxes a path.

    InceptionModule(384, [Conv(96, 1)], [Conv(64, 1), Conv(96, 3)], [average_pool, Conv(96, 1)])

Christian Szegedy et al., arXiv:1512.00567 (Inception v2, v3) and arXiv:1602.07261 (v4, Inception-ResNet), where
every convolution but the last ones of residual branches is batch-normalised.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from torch import nn

from architectures.layers.concatenation import Concatenation
from architectures.layers.conv_bn import Size, conv_bn, conv_bn_relu


class Conv(NamedTuple):
    """A box of a figure: `channels` filters of `kernel`, normalised and rectified.

    padding: None keeps the resolution but for the stride; 0 is the figures' "V". linear: without ReLU.
    """

    channels: int
    kernel: Size
    stride: int = 1
    padding: Size | None = None
    linear: bool = False


class Fork(NamedTuple):
    """Two boxes side by side within a path, concatenated ("expanded filter bank outputs")."""

    left: Conv
    right: Conv


Step = Conv | Fork | Callable[[], nn.Module]
Paths = Sequence[Sequence[Step]]


class InceptionModule(Concatenation):
    """(N, inputs, H, W) to (N, outputs, H/stride, W/stride): what the paths make of it, concatenated.

    Any other step of a path makes a module that keeps the number of channels, such as a pooling layer.
    """

    def __init__(self, inputs: int, *paths: Sequence[Step]) -> None:
        super().__init__([nn.Sequential(*_layers(inputs, path)) for path in paths])
        self.outputs = sum(channels_after(inputs, path) for path in paths)


def reduced(inputs: int, *paths: Sequence[Conv], padded: bool) -> InceptionModule:
    """Build Figure 10 of arXiv:1512.00567: paths whose last convolution gets stride 2, beside max pooling.

    (N, inputs, H, W) to (N, outputs, (H - 1) // 2, (W - 1) // 2), or rounded up half of it if padded.
    """
    strided = [[*path[:-1], path[-1]._replace(stride=2, padding=None if padded else 0)] for path in paths]
    return InceptionModule(inputs, *strided, [partial(max_pool, padded)])


def max_pool(padded: bool, stride: int = 2) -> nn.MaxPool2d:
    return nn.MaxPool2d(3, stride, padding=1 if padded else 0)


def average_pool() -> nn.AvgPool2d:
    # TensorFlow, in which the networks were trained and released, doesn't count the padding.
    return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)


def channels_after(inputs: int, path: Sequence[Step]) -> int:
    """Return the number of channels behind a path that begins with `inputs`."""
    for step in reversed(path):
        if isinstance(step, Fork):
            return step.left.channels + step.right.channels
        if isinstance(step, Conv):
            return step.channels
    return inputs


def _layers(inputs: int, path: Sequence[Step]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for index, step in enumerate(path):
        channels = channels_after(inputs, path[:index])
        if isinstance(step, Fork):
            layers.append(Concatenation([nn.Sequential(*_convolution(channels, conv)) for conv in step]))
        elif isinstance(step, Conv):
            layers += _convolution(channels, step)
        else:
            layers.append(step())
    return layers


def _convolution(inputs: int, conv: Conv) -> list[nn.Module]:
    make = conv_bn if conv.linear else conv_bn_relu
    return make(inputs, conv.channels, conv.kernel, conv.stride, padding=conv.padding)
