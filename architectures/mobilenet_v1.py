"""MobileNet: depthwise separable convolutions instead of full ones.

Andrew G. Howard, Menglong Zhu, Bo Chen, Dmitry Kalenichenko, Weijun Wang, Tobias Weyand, Marco Andreetto,
Hartwig Adam, "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
arXiv:1704.04861.

Paper → code:
    Figure 3, right: depthwise and pointwise, each with BN and ReLU   separable
    Table 1, the layers                                               TABLE_1, MobileNetV1
    Section 3.3, width multiplier α                                   knob width_mult
    Section 3.4, resolution multiplier ρ                              none: it is the input's resolution
    Table 4, full convolutions                                        knob convolution
    Table 5, without the five 14×14×512 layers                        knob shallow
    EfficientNet (arXiv:1905.11946), Table 3, d                       knob depth_mult

The paper has no CIFAR form. Here the first convolution and the first depthwise layer of stride 2 keep the
resolution, so that 32×32 images reach the last layers at 4×4, as 224×224 ones do at 7×7.
EfficientNet repeats the layers of a stage d times more often, "the first layer performs down-sampling", and doesn't say
what of MobileNet's Table 1 is a stage. Here the layers of stride 1 are repeated, rounded up, those that halve the
resolution are not: at d = 1.4, w = 1.2 and 291 pixels that takes the printed 2.3 billion multiply-adds, where all layers
of a width as one stage would take 2.5.
Departures from the paper: Table 1 gives the last depthwise layer stride 2 at 7×7 and keeps 7×7: it has 1.
Departures from the released code (TF-slim): it uses ReLU6, a knob here, and dropout of 0.001.
"""

from typing import Literal

from torch import nn

from architectures.layers.conv_bn import conv_bn
from architectures.ranges import positive, repeats
from architectures.registry import Stem, register

FIRST_CHANNELS = 32
# Channels and stride of each separable layer after the first convolution, and how often it is repeated.
TABLE_1 = (
    (64, 1, 1),
    (128, 2, 1),
    (128, 1, 1),
    (256, 2, 1),
    (256, 1, 1),
    (512, 2, 1),
    (512, 1, 5),
    (1024, 2, 1),
    (1024, 1, 1),
)
FIRST_STRIDED = 1
SHALLOW = tuple(row for row in TABLE_1 if row[2] == 1)
ACTIVATIONS = {"relu": nn.ReLU, "relu6": nn.ReLU6}


@register(cifar={}, imagenet={}, later=("depth_mult",))
def mobilenet_v1(
    *,
    stem: Stem,
    num_classes: int,
    width_mult: float = 1.0,
    convolution: Literal["separable", "full"] = "separable",
    shallow: bool = False,
    activation: Literal["relu", "relu6"] = "relu",
    depth_mult: float = 1.0,
) -> "MobileNetV1":
    """MobileNet v1: thirteen depthwise separable layers (MobileNets, Section 3; Tables 1, 4 to 7).

    Knobs:
        width_mult (α): share of every layer's channels; the paper's are 1, 0.75, 0.5 and 0.25.
        convolution: separable, depthwise and pointwise; full, one 3×3 convolution (Table 4).
        shallow: leaves out the five layers of 512 channels at 14×14 (Table 5).
        activation: relu, the paper; relu6, the released code.
        depth_mult (d): how many times more often layers of stride 1 are repeated, rounded up (EfficientNet, Table 3).
    """
    positive("width_mult", width_mult)
    rows = tuple(
        (width, stride, times if stride == 2 else repeats(times, depth_mult))
        for width, stride, times in (SHALLOW if shallow else TABLE_1)
    )
    return MobileNetV1(stem, num_classes, rows, width_mult, convolution, ACTIVATIONS[activation])


class MobileNetV1(nn.Sequential):
    """First convolution, separable layers, global pooling and the classifier (Table 1).

    Maps images (N, 3, H, W) to logits (N, num_classes). Its children are the rows of Table 1, which has the
    depthwise and the pointwise half of a layer in rows of their own, but for the five that it braces.
    """

    def __init__(
        self,
        stem: Stem,
        num_classes: int,
        rows: tuple[tuple[int, int, int], ...],
        width_mult: float,
        convolution: str,
        activation: type[nn.Module],
    ) -> None:
        super().__init__()
        make_layer = full if convolution == "full" else separable
        first_strides = 2 if stem == "imagenet" else 1
        channels = thinned(FIRST_CHANNELS, width_mult)
        self.conv_1 = nn.Sequential(*conv_bn(3, channels, 3, first_strides), activation(inplace=True))
        number = 2
        for index, (width, stride, times) in enumerate(rows):
            inputs, channels = channels, thinned(width, width_mult)
            layer = make_layer(
                inputs, channels, first_strides if index == FIRST_STRIDED else stride, activation
            )
            if times > 1:
                others = [make_layer(channels, channels, 1, activation) for _ in range(times - 1)]
                self.add_module(f"conv_{number}_to_{number + times - 1}", nn.Sequential(layer, *others))
            elif convolution == "full":
                self.add_module(f"conv_{number}", layer)
            else:
                self.add_module(f"conv_dw_{number}", layer[0])
                self.add_module(f"conv_{number}", layer[1])
            number += times
        self.average_pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(nn.Flatten(), nn.Linear(channels, num_classes))


def separable(inputs: int, outputs: int, stride: int, activation: type[nn.Module]) -> nn.Sequential:
    """Build Figure 3, right, depthwise and pointwise: (N, inputs, H, W) to (N, outputs, H/stride, …)."""
    return nn.Sequential(
        nn.Sequential(*conv_bn(inputs, inputs, 3, stride, groups=inputs), activation(inplace=True)),
        nn.Sequential(*conv_bn(inputs, outputs, 1), activation(inplace=True)),
    )


def full(inputs: int, outputs: int, stride: int, activation: type[nn.Module]) -> nn.Sequential:
    """Build Figure 3, left: a standard convolution of the same shapes."""
    return nn.Sequential(*conv_bn(inputs, outputs, 3, stride), activation(inplace=True))


def thinned(channels: int, width_mult: float) -> int:
    """Return α · channels of Section 3.3, to the nearest whole number."""
    thinned_channels = round(width_mult * channels)
    if thinned_channels < 1:
        raise ValueError(f"width_mult {width_mult} leaves none of {channels} channels; choose a larger")
    return thinned_channels
