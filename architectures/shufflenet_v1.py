"""ShuffleNet: bottlenecks of grouped 1×1 convolutions, between which the channels are shuffled.

Xiangyu Zhang, Xinyu Zhou, Mengxiao Lin, Jian Sun, "ShuffleNet: An Extremely Efficient Convolutional Neural
Network for Mobile Devices", arXiv:1707.01083.

Paper → code:
    Section 3.1, Figure 1 (c), channel shuffle             layers.channel_shuffle.ChannelShuffle
    Section 3.2, Figure 2 (b), (c), ShuffleNet unit        ShuffleUnit
    Section 3.2, no ReLU after the depthwise convolution   knob depthwise_relu; Figure 2 (a) has it, with g = 1
    Table 1, channels of stage 2 by number of groups       STAGE_2_CHANNELS
    Table 1, units of each stage                           UNITS
    Section 3.3, scale factor s                            knob scale
    Section 4.1.2, Table 3, without shuffle                knob shuffle
    Section 4.2, Table 4, Xception-like unit               `groups=1`; the other units: shufflenet_units.py
    Section 4.3, Table 5, with SE; with half the units     knobs se, se_units, shallow

The unit joins four parts: bottleneck, grouped 1×1, shuffle, depthwise 3×3. Without shuffle its groups never
meet within a stage; they do where a stage begins, because concatenation moves their borders.
Choices where the paper is silent: the channels of the first convolution, `first_channels`; numbers of
channels that g doesn't divide are rounded to the nearest multiple (at 0.5x and g = 4 the bottlenecks of stage
2 from 34 to 32); SE (r = 16) weighs all channels of a unit, before the addition or after the concatenation:
this gives Table 5's 527 million. SENet (arXiv:1709.01507) prints 2.4 million parameters for its
SE-ShuffleNet: 2.41 are those with SE in the units that have an identity alone, 2.56 with SE in all.
Departure from the released code (github.com/megvii-model/ShuffleNet-Series): it shuffles after the depthwise
convolution, the other way round, and its classifier has no bias; here it is as in Figures 1 and 2.
The CIFAR form isn't the paper's: its first convolution has stride 1 and no pooling follows, so that 32×32
images reach stage 4 at 4×4.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from architectures.layers.channel_shuffle import ChannelShuffle
from architectures.layers.conv_bn import conv_bn
from architectures.layers.squeeze_excitation import SqueezeExcitation, reduced_channels
from architectures.ranges import one_of
from architectures.registry import Stem, register

STAGE_2_CHANNELS = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}
UNITS = (4, 8, 4)
BOTTLENECK = 4
SE_REDUCTION = 16


@register(cifar={}, imagenet={})
def shufflenet_v1(
    *,
    stem: Stem,
    num_classes: int,
    groups: int = 3,
    scale: float = 1.0,
    shuffle: bool = True,
    depthwise_relu: bool = False,
    se: bool = False,
    se_units: Literal["all", "identity"] = "all",
    shallow: bool = False,
) -> "ShuffleNetV1":
    """ShuffleNet: grouped 1×1 convolutions and channel shuffle (ShuffleNet, Section 3; Tables 1, 2, 3, 5).

    Knobs:
        groups (g): groups of the 1×1 convolutions: 1, 2, 3, 4 or 8.
        scale (s): factor on the number of channels; the paper's are 0.25, 0.5, 1, 1.5 and 2.
        shuffle: false leaves the channel shuffle out.
        depthwise_relu: a ReLU behind the depthwise convolution, which the paper leaves out.
        se: squeeze-and-excitation in the units that `se_units` says.
        se_units: all, as this paper's Table 5 counts; identity, those of stride 1, as SENet's Table 3 does.
        shallow: half of the units of every stage, 26 layers instead of 50.
    """
    one_of("groups", groups, STAGE_2_CHANNELS)
    widths = stage_widths(groups, scale)
    units = tuple(length // 2 for length in UNITS) if shallow else UNITS

    def make_unit(inputs: int, outputs: int, stride: int, first: bool) -> ShuffleUnit:
        return ShuffleUnit(
            inputs,
            outputs,
            stride,
            # Section 3.2: the few channels that enter stage 2 aren't grouped.
            1 if first else groups,
            groups,
            shuffle=shuffle,
            depthwise_relu=depthwise_relu,
            se=se and (stride == 1 or se_units == "all"),
        )

    return ShuffleNetV1(stem, num_classes, first_channels(groups, scale), widths, units, make_unit)


def stage_widths(groups: int, scale: float) -> tuple[int, ...]:
    """Return the channels of stages 2, 3 and 4: Table 1's, times the scale."""
    channels = nearest_multiple(STAGE_2_CHANNELS[groups] * scale, groups)
    if channels - first_channels(groups, scale) < groups:
        raise ValueError(f"scale {scale} is too small; the paper's smallest is 0.25")
    return tuple(channels * 2**stage for stage in range(len(UNITS)))


def first_channels(groups: int, scale: float) -> int:
    """Return the channels of the first convolution: the released code's for g = 3 and 8 from 0.5x to 2x.

    24 times the scale would give neither Table 5's 292 million at 1.5x nor Table 2's 13 at 0.25x. Table 5's 38
    at 0.5x and g = 4 needs the 16 that the released code has with g = 8.
    """
    if scale >= 1:
        return 24 if scale < 2 else 48
    if scale >= 0.5:
        return 16 if groups in (4, 8) else 12
    return 8 if groups == 8 else 12


def nearest_multiple(channels: float, groups: int) -> int:
    return groups * max(1, round(channels / groups))


class ShuffleNetV1(nn.Sequential):
    """Maps images (N, 3, H, W) to logits (N, num_classes). Its children are the rows of Table 1.

    `make_unit(inputs, outputs, stride, first)` makes a unit; `first` is the very first, at the head of stage 2.
    """

    def __init__(
        self,
        stem: Stem,
        num_classes: int,
        first: int,
        widths: tuple[int, ...],
        units: tuple[int, ...],
        make_unit: Callable[[int, int, int, bool], nn.Module],
    ) -> None:
        super().__init__()
        stride = 1 if stem == "cifar" else 2
        self.conv1 = nn.Sequential(*conv_bn(3, first, 3, stride), nn.ReLU(inplace=True))
        if stem == "imagenet":
            self.max_pool = nn.MaxPool2d(3, stride=2, padding=1)
        channels = first
        for stage, (width, length) in enumerate(zip(widths, units, strict=True), start=2):
            layers = []
            for index in range(length):
                layers.append(make_unit(channels, width, 2 if index == 0 else 1, stage == 2 and index == 0))
                channels = width
            self.add_module(f"stage{stage}", nn.Sequential(*layers))
        self.global_pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(channels, num_classes)


class ShuffleUnit(nn.Module):
    """Figure 2 (b), or with stride 2 Figure 2 (c): (N, inputs, H, W) to (N, outputs, H/stride, W/stride).

    With stride 2 the pooled input is concatenated in front of the branch instead of being added to it.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int,
        first_groups: int,
        groups: int,
        *,
        shuffle: bool,
        depthwise_relu: bool,
        se: bool,
    ) -> None:
        super().__init__()
        width = nearest_multiple(outputs / BOTTLENECK, groups)
        self.concatenates = stride == 2
        branch_outputs = outputs - inputs if self.concatenates else outputs
        self.branch = nn.Sequential(
            *conv_bn(inputs, width, 1, groups=first_groups),
            nn.ReLU(inplace=True),
            ChannelShuffle(groups if shuffle else 1),
            *conv_bn(width, width, 3, stride, groups=width),
            *([nn.ReLU(inplace=True)] if depthwise_relu else []),
            *conv_bn(width, branch_outputs, 1, groups=groups),
        )
        self.excitation = (
            SqueezeExcitation(outputs, reduced_channels(outputs, SE_REDUCTION)) if se else nn.Identity()
        )
        self.shortcut = nn.AvgPool2d(3, stride=2, padding=1) if self.concatenates else nn.Identity()
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y, shortcut = self.branch(x), self.shortcut(x)
        if self.concatenates:
            return self.relu(self.excitation(torch.cat([shortcut, y], dim=1)))
        return self.relu(shortcut + self.excitation(y))
