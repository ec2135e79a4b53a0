"""ShuffleNet v2: half of the channels go through a unit untouched, and nothing but the 3×3 is grouped.

Ningning Ma, Xiangyu Zhang, Hai-Tao Zheng, Jian Sun, "ShuffleNet V2: Practical Guidelines for Efficient CNN
Architecture Design", arXiv:1807.11164.

Paper → code:
    Section 3, Figure 3 (c), channel split                 ShuffleUnit
    Section 3, Figure 3 (d), spatial down-sampling         DownsamplingUnit
    Table 5, channels of every stage and of conv5          WIDTHS
    Table 5, units of each stage                           UNITS
    Section 3, share of c' of the c channels               knob split
    Section 4, large models, residual and SE               knobs residual, se

The paper shuffles at the end of a unit, the released code (github.com/megvii-model/ShuffleNet-Series) at the
beginning of the next: the same but for the order of channels.
Choices where the paper is silent: the left branch of a down-sampling unit keeps the number of its inputs, as in
the released code; only this gives Table 5's 146, 299 and 591 million. torchvision's puts out half of the
unit's channels, which differs in stage 2: knob `downsampling`. SE stands before the last ReLU of the right
branch, r = 16, and the shortcut is added between the two, as in the authors' large networks.
The CIFAR form isn't the paper's: its first convolution has stride 1 and no pooling follows, so that 32×32
images reach stage 4 at 4×4.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from architectures.layers.channel_shuffle import ChannelShuffle
from architectures.layers.conv_bn import conv_bn
from architectures.layers.squeeze_excitation import SqueezeExcitation, reduced_channels
from architectures.registry import Stem, register

FIRST_CHANNELS = 24
WIDTHS = {
    0.5: (48, 96, 192, 1024),
    1.0: (116, 232, 464, 1024),
    1.5: (176, 352, 704, 1024),
    2.0: (244, 488, 976, 2048),
}
UNITS = (4, 8, 4)
SE_REDUCTION = 16


@register(cifar={}, imagenet={})
def shufflenet_v2(
    *,
    stem: Stem,
    num_classes: int,
    scale: float = 1.0,
    split: float = 0.5,
    residual: bool = False,
    se: bool = False,
    downsampling: Literal["inputs", "half"] = "inputs",
) -> "ShuffleNetV2":
    """ShuffleNet v2: channel split, concatenation, channel shuffle (ShuffleNet v2, Section 3; Table 5).

    Knobs:
        scale: width of the network: 0.5, 1, 1.5 or 2.
        split (c'/c): share of the channels that a unit leaves untouched, in (0, 1).
        residual: a unit adds the input of its right branch to what that branch makes of it.
        se: squeeze-and-excitation at the end of every right branch.
        downsampling: channels of a down-sampling unit's left branch: as many as its inputs, or half of its
            outputs.
    """
    if scale not in WIDTHS:
        raise ValueError(f"scale {scale:g} is not one of 0.5, 1, 1.5, 2")
    if not 0 < split < 1:
        raise ValueError(f"split {split} is not in (0, 1); the paper's is 0.5")
    return ShuffleNetV2(
        stem, num_classes, WIDTHS[scale], split, residual=residual, se=se, halves=downsampling == "half"
    )


class ShuffleNetV2(nn.Sequential):
    """Maps images (N, 3, H, W) to logits (N, num_classes). Its children are the rows of Table 5."""

    def __init__(
        self,
        stem: Stem,
        num_classes: int,
        widths: tuple[int, ...],
        split: float,
        *,
        residual: bool,
        se: bool,
        halves: bool,
    ) -> None:
        super().__init__()
        stride = 1 if stem == "cifar" else 2
        self.conv1 = nn.Sequential(*conv_bn(3, FIRST_CHANNELS, 3, stride), nn.ReLU(inplace=True))
        if stem == "imagenet":
            self.max_pool = nn.MaxPool2d(3, stride=2, padding=1)
        *stage_widths, last = widths
        channels = FIRST_CHANNELS
        for stage, (width, length) in enumerate(zip(stage_widths, UNITS, strict=True), start=2):
            left = width // 2 if halves else channels
            units: list[nn.Module] = [DownsamplingUnit(channels, left, width, se=se)]
            units += [ShuffleUnit(width, split, residual=residual, se=se) for _ in range(length - 1)]
            self.add_module(f"stage{stage}", nn.Sequential(*units))
            channels = width
        self.conv5 = nn.Sequential(*conv_bn(channels, last, 1), nn.ReLU(inplace=True))
        self.global_pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(last, num_classes)


class ShuffleUnit(nn.Module):
    """Figure 3 (c): (N, channels, H, W) to the same shape; the branch sees the last (1 - split) · channels."""

    def __init__(self, channels: int, split: float, *, residual: bool, se: bool) -> None:
        super().__init__()
        untouched = round(split * channels)
        width = channels - untouched
        if min(untouched, width) < 1:
            raise ValueError(
                f"split {split} leaves one side of a unit without channels; choose nearer to 0.5"
            )
        self.sizes = (untouched, width)
        self.branch = _right_branch(width, width, width, stride=1, se=se)
        self.residual = residual
        self.relu = nn.ReLU(inplace=True)
        self.shuffle = ChannelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        untouched, x = x.split(self.sizes, dim=1)
        y = self.branch(x)
        if self.residual:
            y = x + y
        return self.shuffle(torch.cat([untouched, self.relu(y)], dim=1))


class DownsamplingUnit(nn.Module):
    """Figure 3 (d): (N, inputs, H, W) to (N, outputs, H/2, W/2), the first `left` by the left branch."""

    def __init__(self, inputs: int, left: int, outputs: int, *, se: bool) -> None:
        super().__init__()
        self.shortcut = nn.Sequential(
            *conv_bn(inputs, inputs, 3, 2, groups=inputs), *conv_bn(inputs, left, 1)
        )
        self.branch = _right_branch(inputs, outputs // 2, outputs - left, stride=2, se=se)
        self.relu = nn.ReLU(inplace=True)
        self.shuffle = ChannelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        return self.shuffle(self.relu(torch.cat([self.shortcut(x), self.branch(x)], dim=1)))


def _right_branch(inputs: int, width: int, outputs: int, *, stride: int, se: bool) -> nn.Sequential:
    """Build 1×1, depthwise 3×3 and 1×1, without the last ReLU."""
    branch = nn.Sequential(
        *conv_bn(inputs, width, 1),
        nn.ReLU(inplace=True),
        *conv_bn(width, width, 3, stride, groups=width),
        *conv_bn(width, outputs, 1),
    )
    if se:
        branch.append(SqueezeExcitation(outputs, reduced_channels(outputs, SE_REDUCTION)))
    return branch
