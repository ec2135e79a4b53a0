"""EfficientNet: inverted residuals found by search, scaled in depth, width and resolution together.

Mingxing Tan, Quoc V. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", arXiv:1905.11946.

Paper → code:
    Table 1, the stages of B0                                        TABLE_1, EfficientNet
    Section 4, MBConv with squeeze-and-excitation                    mbconv
    Equations 2 and 3, w and d                                       knobs width_mult, depth_mult
    Equations 2 and 3, r                                             none: it is the input's resolution
    Section 5.2, SiLU, dropout, stochastic depth of survival 0.8     nn.SiLU, knobs dropout, last_survival

The paper prints α = 1.2, β = 1.1 and γ = 1.15 of d = α^φ, w = β^φ, r = γ^φ, and no φ. B0 to B7 are, in the released code
(github.com/tensorflow/tpu, models/official/efficientnet):

         width_mult  depth_mult  resolution  dropout
    B0      1.0         1.0         224        0.2
    B1      1.0         1.1         240        0.2
    B2      1.1         1.2         260        0.3
    B3      1.2         1.4         300        0.3
    B4      1.4         1.8         380        0.4
    B5      1.6         2.2         456        0.4
    B6      1.8         2.6         528        0.5
    B7      2.0         3.1         600        0.5

What else the paper leaves open is as in that code: channels go to the nearest multiple of 8, repetitions to the next
whole number; squeeze-and-excitation is as wide between as a quarter of the block's input; the branches of single images
are dropped, the later ones more often, and those that are left are divided by their survival, so that a test takes them
whole. Stochastic depth itself (`stochastic_depth`) drops a block for a whole batch, and multiplies in the test.
The paper has no CIFAR form, and fine-tunes on enlarged images instead. Here the first convolution and the first stage of
stride 2 keep the resolution, so that 32×32 images reach the last layers at 4×4, as 224×224 ones do at 7×7.
Departures from the released code: it pads as TensorFlow does, one pixel to the right and below more where the stride is 2.
"""

from typing import NamedTuple

from torch import Tensor, nn

from architectures.layers.conv_bn import conv_bn
from architectures.layers.squeeze_excitation import SqueezeExcitation
from architectures.mobilenet_v2 import divisible_by_8
from architectures.ranges import dropout_rate, positive, repeats
from architectures.registry import Stem, register
from architectures.stochastic_depth import survival_probabilities

FIRST_CHANNELS = 32
LAST_CHANNELS = 1280
SQUEEZE = 4


class Row(NamedTuple):
    """A row of Table 1: kernel size, expansion of MBConv, #channels, #layers; and the stride of the first layer."""

    kernel: int
    expansion: int
    channels: int
    layers: int
    stride: int


TABLE_1 = (
    Row(3, 1, 16, 1, 1),
    Row(3, 6, 24, 2, 2),
    Row(5, 6, 40, 2, 2),
    Row(3, 6, 80, 3, 2),
    Row(5, 6, 112, 3, 1),
    Row(5, 6, 192, 4, 2),
    Row(3, 6, 320, 1, 1),
)
FIRST_STRIDED = 1


@register(cifar={}, imagenet={})
def efficientnet(
    *,
    stem: Stem,
    num_classes: int,
    width_mult: float = 1.0,
    depth_mult: float = 1.0,
    dropout: float = 0.2,
    last_survival: float = 0.8,
) -> "EfficientNet":
    """EfficientNet: B0 and what compound scaling makes of it (EfficientNet, Sections 3, 4; Tables 1, 2).

    Knobs:
        width_mult (w): how many times more channels every layer has; 1 in B0 and B1, 2 in B7.
        depth_mult (d): how many times more layers a stage has, rounded up; 1 in B0, 3.1 in B7.
        dropout: rate before the classifier, in [0, 1); 0.2 for B0, 0.5 for B7.
        last_survival (p_L): probability that the branch of the last block survives, in (0, 1]; 1 drops none.
    """
    positive("width_mult", width_mult)
    dropout_rate("dropout", dropout)
    if not 0 < last_survival <= 1:
        raise ValueError(
            f"last_survival {last_survival} is not in (0, 1]; the paper's is 0.8, and 1 drops none"
        )
    rows = [
        row._replace(
            channels=divisible_by_8(width_mult * row.channels), layers=repeats(row.layers, depth_mult)
        )
        for row in TABLE_1
    ]
    first, last = (divisible_by_8(width_mult * channels) for channels in (FIRST_CHANNELS, LAST_CHANNELS))
    return EfficientNet(stem, num_classes, first, rows, last, dropout, last_survival)


class EfficientNet(nn.Sequential):
    """First convolution, stages of MBConv, last convolution, global pooling and the classifier (Table 1).

    Maps images (N, 3, H, W) to logits (N, num_classes). Its children are the rows of Table 1, but for the last, which
    are three.
    """

    def __init__(
        self,
        stem: Stem,
        num_classes: int,
        first_channels: int,
        rows: list[Row],
        last_channels: int,
        dropout: float,
        last_survival: float,
    ) -> None:
        super().__init__()
        first_strides = 2 if stem == "imagenet" else 1
        self.stage_1 = nn.Sequential(*conv_bn(3, first_channels, 3, first_strides), nn.SiLU(inplace=True))
        # The code's block l of L, from 0, survives at 1 - l / L · (1 - p_L): the first one always.
        total = sum(row.layers for row in rows)
        survival = iter([1.0, *survival_probabilities(total, last_survival, "linear")])
        channels = first_channels
        for index, row in enumerate(rows):
            blocks = []
            for number in range(row.layers):
                stride = 1 if number else first_strides if index == FIRST_STRIDED else row.stride
                blocks.append(
                    mbconv(channels, row.channels, stride, row.kernel, row.expansion, next(survival))
                )
                channels = row.channels
            self.add_module(f"stage_{index + 2}", nn.Sequential(*blocks))
        self.conv2d_1x1 = nn.Sequential(*conv_bn(channels, last_channels, 1), nn.SiLU(inplace=True))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(nn.Flatten(), nn.Dropout(dropout), nn.Linear(last_channels, num_classes))


def mbconv(
    inputs: int, outputs: int, stride: int, kernel: int, expansion: int, survival: float
) -> nn.Sequential:
    """Build an inverted residual with squeeze-and-excitation: (N, inputs, H, W) to (N, outputs, H/stride, W/stride).

    survival: the probability that its branch isn't dropped in training, where it has a shortcut.
    """
    expanded = expansion * inputs
    expand = [*conv_bn(inputs, expanded, 1), nn.SiLU(inplace=True)] if expansion > 1 else []
    layers = [
        *expand,
        *conv_bn(expanded, expanded, kernel, stride, groups=expanded),
        nn.SiLU(inplace=True),
        SqueezeExcitation(expanded, max(1, inputs // SQUEEZE), activation="silu"),
        *conv_bn(expanded, outputs, 1),
    ]
    if stride == 1 and inputs == outputs:
        return SurvivingResidual(*layers, survival=survival)
    return nn.Sequential(*layers)


class SurvivingResidual(nn.Sequential):
    """x + F(x), where every image keeps F(x) / survival at the probability `survival` in training, else nothing."""

    def __init__(self, *layers: nn.Module, survival: float) -> None:
        super().__init__(*layers)
        self.survival = survival

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        if self.training and self.survival < 1:
            y = y * y.new_empty(len(x), 1, 1, 1).bernoulli_(self.survival) / self.survival
        return x + y

    def extra_repr(self) -> str:
        return f"survival={self.survival:.3g}"
