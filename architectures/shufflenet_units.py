"""Other units in ShuffleNet's place: VGG's, ResNet's and ResNeXt's, each as wide as the same cost allows.

Xiangyu Zhang, Xinyu Zhou, Mengxiao Lin, Jian Sun, "ShuffleNet: An Extremely Efficient Convolutional Neural
Network for Mobile Devices", arXiv:1707.01083, Section 4.2, Table 4.

Paper → code (all of Section 4.2):
    "the overall network architecture as shown in Table 1"    shufflenet_v1.ShuffleNetV1
    VGG-like, two 3×3 convolutions with normalisation         two_convolutions
    ResNet, bottleneck ratio 1:4                              bottleneck, cardinality 1
    ResNeXt, cardinality 16, bottleneck ratio 1:2             bottleneck, cardinality 16
    Xception-like, ShuffleNet with g = 1                      not here: shufflenet_v1, groups=1
    as many channels as keep the complexity                   STAGE_4_CHANNELS, knob complexity

The paper prints widths for 38 million multiply-adds alone, those of stage 4: 50, 192 and 192. All three
come to 38 million with what is assumed here: stages 2 and 3 have a quarter and a half of them, as in Table 1;
the first convolution has the channels of the Xception-like network; a bottleneck has its stride in the 3×3,
and its shortcut projects where the shape changes; channels go to the nearest whole number, ResNeXt's inside a
bottleneck to the nearest of whole groups, ties to the lower (24 to 16 in stage 2 at 38 million). With average
pooling and concatenation instead of a projection, with the stride in the first 1×1, or with both, ResNet
and ResNeXt take 32 to 36 million. At 140 and 13 million, stage 4 has the channels that come nearest to the
level, in steps of four, VGG-like in steps of one; at 38 million this rule gives the printed ones. ResNeXt's
16 groups leave nothing nearer to 140 million than 143.6; the Xception-like network has 143.1. The paper
doesn't train VGG-like networks below 140 million.

The CIFAR form is ShuffleNet's; the complexity is that of the ImageNet form.
"""

from collections.abc import Callable
from functools import partial
from math import ceil
from typing import Literal

from torch import nn

from architectures.layers.conv_bn import conv_bn_relu
from architectures.ranges import one_of
from architectures.registry import Stem, register
from architectures.resnet import ResidualBlock
from architectures.resnext import grouped
from architectures.shufflenet_v1 import UNITS, ShuffleNetV1, first_channels

# Scale s of the ShuffleNet of a complexity (Table 2).
SCALES = {140: 1.0, 38: 0.5, 13: 0.25}
# By complexity, in millions of multiply-adds.
STAGE_4_CHANNELS = {
    "vgg": {140: 99, 38: 50, 13: 26},
    "resnet": {140: 380, 38: 192, 13: 96},
    "resnext": {140: 356, 38: 192, 13: 96},
}


@register(cifar={}, imagenet={})
def shufflenet_units(
    *,
    stem: Stem,
    num_classes: int,
    unit: Literal["vgg", "resnet", "resnext"] = "resnext",
    complexity: int = 140,
) -> ShuffleNetV1:
    """VGG's, ResNet's or ResNeXt's unit in a ShuffleNet (ShuffleNet, Section 4.2; Table 4).

    Knobs:
        unit: vgg, two 3×3 convolutions without a shortcut; resnet, bottleneck of a quarter of the channels;
            resnext, bottleneck of half the channels in 16 groups.
        complexity: millions of multiply-adds of the ImageNet form: 140, 38 or 13.
    """
    one_of("complexity", complexity, SCALES)
    make_units: dict[str, Callable[[int, int, int, bool], nn.Module]] = {
        "vgg": two_convolutions,
        "resnet": partial(bottleneck, ratio=4, cardinality=1),
        "resnext": partial(bottleneck, ratio=2, cardinality=16),
    }
    return ShuffleNetV1(
        stem,
        num_classes,
        first_channels(1, SCALES[complexity]),
        stage_widths(STAGE_4_CHANNELS[unit][complexity]),
        UNITS,
        make_units[unit],
    )


def stage_widths(stage_4_channels: int) -> tuple[int, ...]:
    """Return the channels of stages 2, 3 and 4: every stage has twice as many as the one before."""
    return tuple(nearest_multiple(stage_4_channels / share) for share in (4, 2, 1))


def nearest_multiple(channels: float, groups: int = 1) -> int:
    """Round to the nearest whole number of groups, at least one; of two equally near the lower."""
    return groups * max(1, ceil(channels / groups - 0.5))


def two_convolutions(inputs: int, outputs: int, stride: int, first: bool) -> nn.Sequential:
    """Build VGG's unit: (N, inputs, H, W) to (N, outputs, H/stride, W/stride)."""
    return nn.Sequential(*conv_bn_relu(inputs, outputs, 3, stride), *conv_bn_relu(outputs, outputs, 3))


def bottleneck(
    inputs: int, outputs: int, stride: int, first: bool, *, ratio: int, cardinality: int
) -> ResidualBlock:
    """Build ResNet's or ResNeXt's unit: (N, inputs, H, W) to (N, outputs, H/stride, W/stride).

    It has outputs / ratio channels inside.
    """
    inside = nearest_multiple(outputs / ratio, cardinality)
    branch = grouped(inputs, inside // cardinality, outputs, stride, cardinality)
    return ResidualBlock(branch, inputs, outputs, stride, "B")
