"""MobileNet v3: the inverted residuals of v2 with squeeze-and-excitation and h-swish, found by search.

Andrew Howard, Mark Sandler, Grace Chu, Liang-Chieh Chen, Bo Chen, Mingxing Tan, Weijun Wang, Yukun Zhu,
Ruoming Pang, Vijay Vasudevan, Quoc V. Le, Hartwig Adam, "Searching for MobileNetV3", arXiv:1905.02244.

Paper → code:
    Tables 1, 2, rows of bneck                          LARGE, SMALL
    Figure 4, the block with squeeze-and-excite         bneck
    Section 5.1, Figure 5, last stage old and new       knob last_stage
    Section 5.2, h-swish; Table 5, from which layer on  knob hswish_from; h-swish is torch's Hardswish
    Section 5.3, squeeze to a quarter of the expansion  SQUEEZE, knob se

The paper says little of α. As in the released code (TF-slim) an expansion is scaled with the input of its
block, widths go to multiples of 8, and the last hidden layer keeps its width; this gives Table 3's figures.
Table 5 names the first width with h-swish: here it is that of the blocks, and the first convolution and the
last stage keep Table 1's h-swish unless it is "never", where all are ReLU.
The paper has no CIFAR form. Here the first convolution and the first block of stride 2 keep the resolution,
so that 32×32 images reach the last layers at 4×4, as 224×224 ones do at 7×7.
Departures: batch normalisation has torch's decay and ε, for which a recipe may put the paper's. arXiv version 1
gave the small network 1280 hidden channels, the later ones 1024: knob last_channels. The released
"minimalistic" networks, which the paper doesn't have, are se=False, hswish_from="never", kernels="3x3".
"""

from typing import Literal, NamedTuple

from torch import nn

from architectures.layers.conv_bn import conv_bn
from architectures.layers.squeeze_excitation import SqueezeExcitation
from architectures.mobilenet_v2 import Residual, divisible_by_8
from architectures.ranges import at_least, positive
from architectures.registry import Stem, register

SQUEEZE = 4
# Width of the last convolution before the pooling: six times that of the last bneck.
LAST_EXPANSION = 6
# Figure 5: what the original last stage projects to before its last convolution.
ORIGINAL_PROJECTION = 320


class Row(NamedTuple):
    """A bneck row of Tables 1 and 2: kernel size, exp size, #out, SE, s."""

    kernel: int
    expanded: int
    outputs: int
    se: bool
    stride: int


# fmt: off
LARGE = (
    Row(3, 16, 16, False, 1), Row(3, 64, 24, False, 2), Row(3, 72, 24, False, 1),
    Row(5, 72, 40, True, 2), Row(5, 120, 40, True, 1), Row(5, 120, 40, True, 1),
    Row(3, 240, 80, False, 2), Row(3, 200, 80, False, 1),
    Row(3, 184, 80, False, 1), Row(3, 184, 80, False, 1),
    Row(3, 480, 112, True, 1), Row(3, 672, 112, True, 1),
    Row(5, 672, 160, True, 2), Row(5, 960, 160, True, 1), Row(5, 960, 160, True, 1),
)
SMALL = (
    Row(3, 16, 16, True, 2), Row(3, 72, 24, False, 2), Row(3, 88, 24, False, 1),
    Row(5, 96, 40, True, 2), Row(5, 240, 40, True, 1), Row(5, 240, 40, True, 1),
    Row(5, 120, 48, True, 1), Row(5, 144, 48, True, 1),
    Row(5, 288, 96, True, 2), Row(5, 576, 96, True, 1), Row(5, 576, 96, True, 1),
)
# fmt: on


@register(cifar={}, imagenet={})
def mobilenet_v3_large(
    *,
    stem: Stem,
    num_classes: int,
    width_mult: float = 1.0,
    hswish_from: Literal["16", "24", "40", "80", "112", "160", "never"] = "80",
    se: bool = True,
    last_stage: Literal["efficient", "original"] = "efficient",
    stem_channels: int = 16,
    kernels: Literal["paper", "3x3"] = "paper",
    dropout: float = 0.2,
) -> "MobileNetV3":
    """MobileNet v3 large: fifteen searched blocks and a last stage after the pooling (MobileNetV3, Table 1).

    Knobs:
        width_mult (α): share of every layer's channels; the paper's are 1 and 0.75.
        hswish_from (N): channels of the first block with h-swish (Table 5); never, ReLU everywhere.
        se: squeeze-and-excite where Table 1 has it, or nowhere.
        last_stage: efficient, the pooling before the last hidden layer; original, after it (Figure 5).
        stem_channels: channels of the first convolution; 32 before the paper's Section 5.1, 16 after.
        kernels: of the depthwise layers; 3x3 has no 5×5, as in the released minimalistic network.
        dropout: rate before the classifier, in [0, 1); the paper's 0.8 is read as the share that is kept.
    """
    at_least("stem_channels", stem_channels, 1)
    knobs = (width_mult, hswish_from, se, kernels, dropout)
    return MobileNetV3(stem, num_classes, LARGE, stem_channels, 1280, *knobs, last_stage)


@register(cifar={}, imagenet={})
def mobilenet_v3_small(
    *,
    stem: Stem,
    num_classes: int,
    width_mult: float = 1.0,
    hswish_from: Literal["16", "24", "40", "48", "96", "never"] = "40",
    se: bool = True,
    last_channels: int = 1024,
    kernels: Literal["paper", "3x3"] = "paper",
    dropout: float = 0.2,
) -> "MobileNetV3":
    """MobileNet v3 small: eleven searched blocks and a last stage after the pooling (MobileNetV3, Table 2).

    Knobs:
        width_mult (α): share of every layer's channels; the paper's are 1 and 0.75.
        hswish_from (N): channels of the first block with h-swish; never, ReLU everywhere.
        se: squeeze-and-excite where Table 2 has it, or nowhere.
        last_channels: channels of the last hidden layer; 1280 in arXiv version 1.
        kernels: of the depthwise layers; 3x3 has no 5×5, as in the released minimalistic network.
        dropout: rate before the classifier, in [0, 1); the paper's 0.8 is read as the share that is kept.
    """
    at_least("last_channels", last_channels, 1)
    return MobileNetV3(
        stem, num_classes, SMALL, 16, last_channels, width_mult, hswish_from, se, kernels, dropout
    )


class MobileNetV3(nn.Sequential):
    """First convolution, bnecks, last stage and classifier (Tables 1, 2).

    Maps images (N, 3, H, W) to logits (N, num_classes). Its children are the rows of Tables 1 and 2.
    """

    def __init__(
        self,
        stem: Stem,
        num_classes: int,
        rows: tuple[Row, ...],
        stem_channels: int,
        last_channels: int,
        width_mult: float,
        hswish_from: str,
        se: bool,
        kernels: str,
        dropout: float,
        last_stage: str = "efficient",
    ) -> None:
        positive("width_mult", width_mult)
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout {dropout} is not in [0, 1); 0 is none")
        super().__init__()
        never = hswish_from == "never"
        outer = nn.ReLU if never else nn.Hardswish
        first_strides = 2 if stem == "imagenet" else 1
        channels = divisible_by_8(width_mult * stem_channels)
        self.conv2d = nn.Sequential(*conv_bn(3, channels, 3, first_strides), outer(inplace=True))
        unscaled = rows[0].expanded
        first_strided = next(index for index, row in enumerate(rows) if row.stride == 2)
        for index, row in enumerate(rows):
            outputs = divisible_by_8(width_mult * row.outputs)
            block = bneck(
                channels,
                divisible_by_8(channels * row.expanded / unscaled),
                outputs,
                first_strides if index == first_strided else row.stride,
                kernel=3 if kernels == "3x3" else row.kernel,
                se=se and row.se,
                activation=nn.ReLU if never or row.outputs < int(hswish_from) else nn.Hardswish,
            )
            self.add_module(f"bneck_{index + 1}", block)
            channels, unscaled = outputs, row.outputs
        expanded = divisible_by_8(width_mult * LAST_EXPANSION * unscaled)
        if last_stage == "original":
            projected = divisible_by_8(width_mult * ORIGINAL_PROJECTION)
            self.bneck_last = bneck(channels, expanded, projected, 1, kernel=3, se=False, activation=outer)
            self.conv2d_1x1 = nn.Sequential(*conv_bn(projected, last_channels, 1), outer(inplace=True))
            self.pool = nn.AdaptiveAvgPool2d(1)
        else:
            self.conv2d_1x1 = nn.Sequential(*conv_bn(channels, expanded, 1), outer(inplace=True))
            self.pool = nn.AdaptiveAvgPool2d(1)
            self.conv2d_1x1_nbn = nn.Sequential(nn.Conv2d(expanded, last_channels, 1), outer(inplace=True))
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Conv2d(last_channels, num_classes, 1), nn.Flatten()
        )


def bneck(
    inputs: int,
    expanded: int,
    outputs: int,
    stride: int,
    *,
    kernel: int,
    se: bool,
    activation: type[nn.Module],
) -> nn.Sequential:
    """Build Figure 4: (N, inputs, H, W) to (N, outputs, H/stride, W/stride), linear at its end."""
    layers: list[nn.Module] = []
    if expanded != inputs:
        layers += [*conv_bn(inputs, expanded, 1), activation(inplace=True)]
    layers += [*conv_bn(expanded, expanded, kernel, stride, groups=expanded), activation(inplace=True)]
    if se:
        layers.append(SqueezeExcitation(expanded, divisible_by_8(expanded / SQUEEZE), gate="hard_sigmoid"))
    layers += conv_bn(expanded, outputs, 1)
    return (Residual if stride == 1 and inputs == outputs else nn.Sequential)(*layers)
