"""Inception-ResNet v1 and v2: Inception modules, made cheaper, as the residual branches of a ResNet.

Christian Szegedy, Sergey Ioffe, Vincent Vanhoucke, Alex Alemi,
"Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning", arXiv:1602.07261.

Paper → code:
    Section 3.2, filter expansion without activation       ResidualInception.branch
    Section 3.3, Figure 20, scaling of the residuals       ResidualInception, knob residual_scale
    Figure 14, stem of v1; Figure 3, that of v2            version_1_stem; inception_v4.parallel_stem
    Figures 10, 11, 12, 13, modules of v1                  VERSION_1
    Figures 16, 17, 18, 19, modules of v2                  VERSION_2
    Figure 7, Table 1, Reduction-A with k, l, m, n         inception_v4.reduction_a, knob reduction_a_channels
    Figure 15, both networks                               InceptionResNet

The scale is 0.1, which Figure 20 calls typical; Section 3.3 says 0.1 to 0.3. Figures 21 to 26 compare with
Inception v3 and v4; the form without shortcuts (knob residual), where nothing is scaled, is this project's.
Misprints: the expansions of Figures 17 and 19 have 1154 and 2048 channels, where 1152 and 2144 come in.
The released Inception-ResNet-v2 (TF-slim) is another network than the paper's, and a builder of its own: the
stem of Inception v3 and one of its modules, twice the blocks, a scale for each grid, a last block without
scale and ReLU, and a convolution before the pooling. At 299 pixels it takes 13.2 billion multiply-adds, which
is Inception v4's 12.3 as Section 3.2 wants it; the paper's Figures give 9.3. Its auxiliary classifier is left
out; so is the 0.001 of its batch normalisation's ε, here torch's.
v1 has 22.76 million parameters by Figures 10 to 14. The 24.00 million that others count are those of a port to
faces (timesler/facenet-pytorch): it adds a sixth module C, without ReLU, and 512 units before the last layer.
The CIFAR form isn't the paper's: strides of the stem are 1 but for one, and everything is padded, so that
32×32 images make grids of 16, 8 and 4, as 299×299 ones make 35, 17 and 8.
"""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from architectures.inception_v3 import STEM_CHANNELS, convolutional_stem
from architectures.inception_v4 import parallel_stem, reduction_a, several
from architectures.layers.conv_bn import conv_bn_relu
from architectures.layers.inception_module import (
    Conv,
    InceptionModule,
    Paths,
    average_pool,
    max_pool,
    reduced,
)
from architectures.ranges import dropout_rate
from architectures.registry import Stem, register


class Version(NamedTuple):
    """Channels behind the stem; paths of the residual branches before their expansion, and of Reduction-B.

    last_channels: of a convolution before the pooling, which the paper's networks haven't.
    """

    stem_channels: int
    inception_a: Paths
    inception_b: Paths
    reduction_b: Sequence[list[Conv]]
    inception_c: Paths
    last_channels: int | None = None


VERSION_1 = Version(
    256,
    ([Conv(32, 1)], [Conv(32, 1), Conv(32, 3)], [Conv(32, 1), Conv(32, 3), Conv(32, 3)]),
    ([Conv(128, 1)], [Conv(128, 1), Conv(128, (1, 7)), Conv(128, (7, 1))]),
    ([Conv(256, 1), Conv(384, 3)], [Conv(256, 1), Conv(256, 3)], [Conv(256, 1), Conv(256, 3), Conv(256, 3)]),
    ([Conv(192, 1)], [Conv(192, 1), Conv(192, (1, 3)), Conv(192, (3, 1))]),
)
VERSION_2 = Version(
    384,
    ([Conv(32, 1)], [Conv(32, 1), Conv(32, 3)], [Conv(32, 1), Conv(48, 3), Conv(64, 3)]),
    ([Conv(192, 1)], [Conv(128, 1), Conv(160, (1, 7)), Conv(192, (7, 1))]),
    ([Conv(256, 1), Conv(384, 3)], [Conv(256, 1), Conv(288, 3)], [Conv(256, 1), Conv(288, 3), Conv(320, 3)]),
    ([Conv(192, 1)], [Conv(192, 1), Conv(224, (1, 3)), Conv(256, (3, 1))]),
)
RELEASED = VERSION_2._replace(stem_channels=320, last_channels=1536)
RELEASED_MODULE: Paths = (
    [Conv(96, 1)],
    [Conv(48, 1), Conv(64, 5)],
    [Conv(64, 1), Conv(96, 3), Conv(96, 3)],
    [average_pool, Conv(64, 1)],
)
RELEASED_SCALES = (0.17, 0.1, 0.2)


@register(cifar={}, imagenet={})
def inception_resnet_v1(
    *,
    stem: Stem,
    num_classes: int,
    blocks: tuple[int, ...] = (5, 10, 5),
    reduction_a_channels: tuple[int, ...] = (192, 192, 256, 384),
    residual: bool = True,
    residual_scale: float = 0.1,
    dropout: float = 0.2,
) -> "InceptionResNet":
    """Inception-ResNet v1, of about Inception v3's cost (Inception-v4, Figures 10 to 15; Tables 1, 2).

    Knobs:
        blocks: residual modules A, B and C; the paper's are 5, 10 and 5.
        reduction_a_channels (k, l, m, n): channels of the four convolutions of Reduction-A.
        residual: false leaves the shortcuts, and so the scale, out.
        residual_scale: factor of a residual before the addition, in (0, 1]; 1 is none.
        dropout: rate before the last layer, in [0, 1); the paper's is 0.2.
    """
    small = stem == "cifar"
    scales = _scales(residual, residual_scale)
    return InceptionResNet(
        version_1_stem(small),
        VERSION_1,
        num_classes,
        blocks,
        reduction_a_channels,
        scales,
        dropout,
        padded=small,
    )


@register(cifar={}, imagenet={})
def inception_resnet_v2(
    *,
    stem: Stem,
    num_classes: int,
    blocks: tuple[int, ...] = (5, 10, 5),
    reduction_a_channels: tuple[int, ...] = (256, 256, 384, 384),
    residual: bool = True,
    residual_scale: float = 0.1,
    dropout: float = 0.2,
) -> "InceptionResNet":
    """Inception-ResNet v2, wider, with Inception v4's stem (Inception-v4, Figures 3, 15 to 19; Tables 1, 2).

    Knobs:
        blocks: residual modules A, B and C; the paper's are 5, 10 and 5.
        reduction_a_channels (k, l, m, n): channels of the four convolutions of Reduction-A.
        residual: false leaves the shortcuts, and so the scale, out.
        residual_scale: factor of a residual before the addition, in (0, 1]; 1 is none.
        dropout: rate before the last layer, in [0, 1); the paper's is 0.2.
    """
    small = stem == "cifar"
    scales = _scales(residual, residual_scale)
    return InceptionResNet(
        parallel_stem(small),
        VERSION_2,
        num_classes,
        blocks,
        reduction_a_channels,
        scales,
        dropout,
        padded=small,
    )


@register(cifar={}, imagenet={})
def inception_resnet_v2_tf(
    *,
    stem: Stem,
    num_classes: int,
    blocks: tuple[int, ...] = (10, 20, 10),
    reduction_a_channels: tuple[int, ...] = (256, 256, 384, 384),
    residual: bool = True,
    dropout: float = 0.2,
) -> "InceptionResNet":
    """Inception-ResNet v2 as its authors released it, not as the paper draws it (TF-slim, inception_resnet_v2).

    Knobs:
        blocks: residual modules A, B and C; the released are 10, 20 and 10.
        reduction_a_channels (k, l, m, n): channels of the four convolutions of Reduction-A.
        residual: false leaves the shortcuts out.
        dropout: rate before the last layer, in [0, 1); the released is 0.2.
    """
    small = stem == "cifar"
    scales = RELEASED_SCALES if residual else None
    return InceptionResNet(
        released_stem(small),
        RELEASED,
        num_classes,
        blocks,
        reduction_a_channels,
        scales,
        dropout,
        padded=small,
    )


def _scales(residual: bool, residual_scale: float) -> tuple[float, ...] | None:
    if not 0 < residual_scale <= 1:
        raise ValueError(
            f"residual_scale {residual_scale} is not in (0, 1]; the paper's are 0.1 to 0.3, and 1 is none"
        )
    return (residual_scale,) * 3 if residual else None


class InceptionResNet(nn.Sequential):
    """Maps images (N, 3, H, W) to logits (N, num_classes). Its children are the boxes of Figure 15.

    scales: of the residuals of blocks A, B and C; None: no shortcuts.
    """

    def __init__(
        self,
        stem: nn.Module,
        version: Version,
        num_classes: int,
        blocks: tuple[int, ...],
        reduction_a_channels: tuple[int, ...],
        scales: tuple[float, ...] | None,
        dropout: float,
        *,
        padded: bool,
    ) -> None:
        several("blocks", blocks, 3)
        several("reduction_a_channels", reduction_a_channels, 4)
        dropout_rate("dropout", dropout)
        super().__init__()
        scale_a, scale_b, scale_c = scales or (None,) * 3
        a, b, c = blocks

        self.stem = stem
        channels = version.stem_channels
        self.inception_a = _residuals(a, channels, version.inception_a, scale_a)
        self.reduction_a = reduction_a(channels, reduction_a_channels, padded=padded)
        channels = self.reduction_a.outputs
        self.inception_b = _residuals(b, channels, version.inception_b, scale_b)
        self.reduction_b = reduced(channels, *version.reduction_b, padded=padded)
        channels = self.reduction_b.outputs
        self.inception_c = _residuals(c, channels, version.inception_c, scale_c)
        if version.last_channels:
            last_scale = 1.0 if scales else None
            self.inception_c[-1] = ResidualInception(channels, version.inception_c, last_scale, linear=True)
            self.convolution = nn.Sequential(*conv_bn_relu(channels, version.last_channels, 1))
            channels = version.last_channels
        self.average_pooling = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.softmax = nn.Sequential(nn.Dropout(dropout), nn.Linear(channels, num_classes))


class ResidualInception(nn.Module):
    """ReLU(x + scale · branch(x)), (N, inputs, H, W) to the same shape; ReLU(branch(x)) if scale is None.

    The branch is an Inception module whose channels a 1×1 convolution, not normalised, expands to the inputs'.
    linear: without the ReLU.
    """

    def __init__(self, inputs: int, paths: Paths, scale: float | None, *, linear: bool = False) -> None:
        super().__init__()
        module = InceptionModule(inputs, *paths)
        self.branch = nn.Sequential(module, nn.Conv2d(module.outputs, inputs, 1))
        self.outputs = inputs
        self.scale = scale
        self.activation = nn.Identity() if linear else nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.branch(x)
        return self.activation(y if self.scale is None else x + self.scale * y)


def _residuals(times: int, channels: int, paths: Paths, scale: float | None) -> nn.Sequential:
    return nn.Sequential(*(ResidualInception(channels, paths, scale) for _ in range(times)))


def version_1_stem(small: bool) -> nn.Sequential:
    """Build Figure 14: (N, 3, H, W) to (N, 256, H', W'); 299 pixels become 35, and if small 32 become 16."""
    first_stride = last_stride = 1 if small else 2
    rows = convolutional_stem(small, first_stride)
    return nn.Sequential(
        *(layer for row in rows.values() for layer in row),
        *conv_bn_relu(STEM_CHANNELS, VERSION_1.stem_channels, 3, last_stride, padding=None if small else 0),
    )


def released_stem(small: bool) -> nn.Sequential:
    """Build Inception v3's stem and a module: (N, 3, H, W) to (N, 320, H', W'), H' as in `version_1_stem`."""
    rows = convolutional_stem(small, first_stride=1 if small else 2)
    if not small:
        rows["pool_2"] = nn.Sequential(max_pool(small))
    return nn.Sequential(
        *(layer for row in rows.values() for layer in row), InceptionModule(STEM_CHANNELS, *RELEASED_MODULE)
    )
