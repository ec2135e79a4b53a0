"""Inception v4: the same module throughout each grid, and a stem of parallel paths.

Christian Szegedy, Sergey Ioffe, Vincent Vanhoucke, Alex Alemi,
"Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning", arXiv:1602.07261.

Paper → code:
    Figure 3, stem                                         parallel_stem
    Figures 4, 5, 6, Inception-A, -B, -C                   INCEPTION_A, INCEPTION_B, INCEPTION_C
    Figure 7, Table 1, Reduction-A with k, l, m, n         reduction_a, knob reduction_a_channels
    Figure 8, Reduction-B                                  REDUCTION_B
    Figure 9, the whole network                            inception_v4

The order of 1×7 and 7×1 (1×3 and 3×1) in a path is the released code's (TF-slim). Departures: its auxiliary
classifier isn't in the paper's figures, and left out; batch normalisation has torch's ε, TF-slim 0.001.
The CIFAR form isn't the paper's: the first and the last stride of the stem are 1 and everything is padded, so
that 32×32 images make grids of 16, 8 and 4, as 299×299 ones make 35, 17 and 8.
"""

from functools import partial

from torch import nn

from architectures.layers.conv_bn import conv_bn_relu
from architectures.layers.inception_module import (
    Conv,
    Fork,
    InceptionModule,
    Paths,
    average_pool,
    max_pool,
    reduced,
)
from architectures.ranges import dropout_rate
from architectures.registry import Stem, register

STEM_CHANNELS = 384
INCEPTION_A: Paths = (
    [Conv(96, 1)],
    [Conv(64, 1), Conv(96, 3)],
    [Conv(64, 1), Conv(96, 3), Conv(96, 3)],
    [average_pool, Conv(96, 1)],
)
INCEPTION_B: Paths = (
    [Conv(384, 1)],
    [Conv(192, 1), Conv(224, (1, 7)), Conv(256, (7, 1))],
    [Conv(192, 1), Conv(192, (7, 1)), Conv(224, (1, 7)), Conv(224, (7, 1)), Conv(256, (1, 7))],
    [average_pool, Conv(128, 1)],
)
REDUCTION_B = (
    [Conv(192, 1), Conv(192, 3)],
    [Conv(256, 1), Conv(256, (1, 7)), Conv(320, (7, 1)), Conv(320, 3)],
)
INCEPTION_C: Paths = (
    [Conv(256, 1)],
    [Conv(384, 1), Fork(Conv(256, (1, 3)), Conv(256, (3, 1)))],
    [Conv(384, 1), Conv(448, (3, 1)), Conv(512, (1, 3)), Fork(Conv(256, (1, 3)), Conv(256, (3, 1)))],
    [average_pool, Conv(256, 1)],
)


@register(cifar={}, imagenet={})
def inception_v4(
    *,
    stem: Stem,
    num_classes: int,
    blocks: tuple[int, ...] = (4, 7, 3),
    reduction_a_channels: tuple[int, ...] = (192, 224, 256, 384),
    dropout: float = 0.2,
) -> "InceptionV4":
    """Inception v4: modules A, B and C with reductions between them (Inception-v4, Figures 3 to 9; Table 1).

    Knobs:
        blocks: modules A, B and C; the paper's are 4, 7 and 3.
        reduction_a_channels (k, l, m, n): channels of the four convolutions of Reduction-A.
        dropout: rate before the last layer, in [0, 1); the paper's is 0.2.
    """
    several("blocks", blocks, 3)
    several("reduction_a_channels", reduction_a_channels, 4)
    dropout_rate("dropout", dropout)
    return InceptionV4(stem, num_classes, blocks, reduction_a_channels, dropout)


class InceptionV4(nn.Sequential):
    """Maps images (N, 3, H, W) to logits (N, num_classes). Its children are the boxes of Figure 9."""

    def __init__(
        self,
        stem: Stem,
        num_classes: int,
        blocks: tuple[int, ...],
        reduction_a_channels: tuple[int, ...],
        dropout: float,
    ) -> None:
        super().__init__()
        padded = stem == "cifar"
        a, b, c = blocks
        self.stem = parallel_stem(padded)
        self.inception_a, channels = _repeated(a, STEM_CHANNELS, INCEPTION_A)
        self.reduction_a = reduction_a(channels, reduction_a_channels, padded=padded)
        self.inception_b, channels = _repeated(b, self.reduction_a.outputs, INCEPTION_B)
        self.reduction_b = reduced(channels, *REDUCTION_B, padded=padded)
        self.inception_c, channels = _repeated(c, self.reduction_b.outputs, INCEPTION_C)
        self.average_pooling = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.softmax = nn.Sequential(nn.Dropout(dropout), nn.Linear(channels, num_classes))


def parallel_stem(padded: bool) -> nn.Sequential:
    """Build Figure 3: (N, 3, H, W) to (N, 384, H', W'); 299 pixels become 35, and if padded 32 become 16."""
    padding = None if padded else 0
    first_stride = last_stride = 1 if padded else 2
    pool_or_conv = InceptionModule(64, [partial(max_pool, padded)], [Conv(96, 3, 2, padding)])
    conv_or_conv = InceptionModule(
        pool_or_conv.outputs,
        [Conv(64, 1), Conv(96, 3, padding=padding)],
        [Conv(64, 1), Conv(64, (1, 7)), Conv(64, (7, 1)), Conv(96, 3, padding=padding)],
    )
    conv_or_pool = InceptionModule(
        conv_or_conv.outputs, [Conv(192, 3, last_stride, padding)], [partial(max_pool, padded, last_stride)]
    )
    return nn.Sequential(
        *conv_bn_relu(3, 32, 3, first_stride, padding=padding),
        *conv_bn_relu(32, 32, 3, padding=padding),
        *conv_bn_relu(32, 64, 3),
        pool_or_conv,
        conv_or_conv,
        conv_or_pool,
    )


def reduction_a(inputs: int, channels: tuple[int, ...], *, padded: bool) -> InceptionModule:
    """Build Figure 7 with Table 1's k, l, m, n: (N, inputs, H, W) to (N, inputs + m + n, ~H/2, ~W/2)."""
    k, l, m, n = channels
    return reduced(inputs, [Conv(n, 3)], [Conv(k, 1), Conv(l, 3), Conv(m, 3)], padded=padded)


def several(knob: str, values: tuple[int, ...], count: int) -> None:
    if len(values) != count or min(values) < 1:
        raise ValueError(f"{knob} {values} is wrong; give {count} numbers of at least 1")


def _repeated(times: int, inputs: int, paths: Paths) -> tuple[nn.Sequential, int]:
    """Build the same module several times over; return it and its number of output channels."""
    modules = []
    for _ in range(times):
        modules.append(InceptionModule(inputs, *paths))
        inputs = modules[-1].outputs
    return nn.Sequential(*modules), inputs
