"""MobileNet v2: inverted residuals, whose shortcuts join the thin layers and whose thin layers are linear.

Mark Sandler, Andrew Howard, Menglong Zhu, Andrey Zhmoginov, Liang-Chieh Chen,
"MobileNetV2: Inverted Residuals and Linear Bottlenecks", arXiv:1801.04381.

Paper → code:
    Table 1, expansion, depthwise, projection             expansion_layer, depthwise_and_projection
    Figure 3 (b), the inverted residual block             inverted_residual, Residual
    Table 2, rows t, c, n, s                              TABLE_2, MobileNetV2
    Section 4, α; the last convolution is never thinner   knob width_mult
    Figure 6 (a), linear or ReLU6 bottlenecks             knob projection
    Figure 6 (b), where the shortcuts go                  knob residual, between_expansions
    Section 4, dropout in training                        knob dropout
    EfficientNet (arXiv:1905.11946), Table 3, d           knob depth_mult

With shortcuts between expansions a block is cut one layer later: it begins with a depthwise convolution and
ends with the next expansion, and the sum goes through its ReLU6, as in ResNet; the paper doesn't say more.
The layers, and the number of shortcuts, are the same.
The paper has no CIFAR form. Here the first convolution and the first block of stride 2 keep the resolution,
so that 32×32 images reach the last layers at 4×4, as 224×224 ones do at 7×7.
Departures: none from Table 2, which has 53 weighted layers. Widths go to the nearest multiple of 8 as in the
released code (TF-slim), which only says what the paper leaves open, as it does with the rate of dropout, 0.2.
"""

from typing import Literal, NamedTuple

from torch import Tensor, nn

from architectures.layers.conv_bn import conv_bn
from architectures.ranges import at_least, dropout_rate, positive, repeats
from architectures.registry import Stem, register

FIRST_CHANNELS = 32
LAST_CHANNELS = 1280
# c, n, s: channels of a row's bottlenecks, their number, the stride of the first; t is 1 in the first row.
TABLE_2 = ((16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
FIRST_STRIDED = 1


@register(cifar={}, imagenet={}, later=("depth_mult",))
def mobilenet_v2(
    *,
    stem: Stem,
    num_classes: int,
    expansion: int = 6,
    width_mult: float = 1.0,
    projection: Literal["linear", "relu6"] = "linear",
    residual: Literal["bottlenecks", "expansions", "none"] = "bottlenecks",
    dropout: float = 0.2,
    depth_mult: float = 1.0,
) -> "MobileNetV2":
    """MobileNet v2: inverted residuals with linear bottlenecks (MobileNetV2, Sections 3, 4; Table 2).

    Knobs:
        expansion (t): how many times wider a block is inside, in all rows of Table 2 but the first.
        width_mult (α): share of every layer's channels; the paper's go from 0.35 to 1.4.
        projection: linear, or with a ReLU6 after it (Figure 6 a).
        residual: shortcuts between bottlenecks, between expansions, or none (Figure 6 b).
        dropout: rate before the classifier, in [0, 1); the paper prints none, 0.2 is TF-slim's.
        depth_mult (d): how many times more bottlenecks a row of Table 2 has, rounded up (EfficientNet, Table 3).
    """
    at_least("expansion", expansion, 1)
    positive("width_mult", width_mult)
    dropout_rate("dropout", dropout)
    rows = tuple((width, repeats(times, depth_mult), stride) for width, times, stride in TABLE_2)
    return MobileNetV2(
        stem, num_classes, rows, expansion, width_mult, projection == "relu6", residual, dropout
    )


class MobileNetV2(nn.Sequential):
    """First convolution, rows of bottlenecks, last convolution, global pooling, classifier (Table 2).

    Maps images (N, 3, H, W) to logits (N, num_classes). Its children are the rows of Table 2.
    """

    def __init__(
        self,
        stem: Stem,
        num_classes: int,
        table: tuple[tuple[int, int, int], ...],
        expansion: int,
        width_mult: float,
        relu_after_projection: bool,
        residual: str,
        dropout: float,
    ) -> None:
        super().__init__()
        first_strides = 2 if stem == "imagenet" else 1
        plan = bottlenecks(table, expansion, width_mult, first_strides)
        first_channels = plan[0].inputs
        self.conv2d = nn.Sequential(*conv_bn(3, first_channels, 3, first_strides), nn.ReLU6(inplace=True))
        rows: list[list[nn.Module]] = [[] for _ in table]
        for this, following in zip(plan, [*plan[1:], None], strict=True):
            if residual == "expansions":
                block = between_expansions(this, following, relu_after_projection)
            else:
                block = inverted_residual(this, relu_after_projection, residual == "bottlenecks")
            rows[this.row].append(block)
        for number, row in enumerate(rows, start=1):
            self.add_module(f"bottleneck_{number}", nn.Sequential(*row))
        channels = divisible_by_8(max(1.0, width_mult) * LAST_CHANNELS)
        self.conv2d_1x1 = nn.Sequential(*conv_bn(plan[-1].outputs, channels, 1), nn.ReLU6(inplace=True))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Conv2d(channels, num_classes, 1), nn.Flatten()
        )


class Bottleneck(NamedTuple):
    """A block's row in Table 2, its channels before, inside and behind, and its stride."""

    row: int
    inputs: int
    expanded: int
    outputs: int
    stride: int


def bottlenecks(
    table: tuple[tuple[int, int, int], ...], expansion: int, width_mult: float, first_strides: int
) -> list[Bottleneck]:
    """List the blocks of a table like Table 2 in their order."""
    plan = []
    channels = divisible_by_8(width_mult * FIRST_CHANNELS)
    for row, (width, times, stride) in enumerate(table):
        outputs = divisible_by_8(width_mult * width)
        for index in range(times):
            expanded = channels if row == 0 else expansion * channels
            strides = 1 if index > 0 else first_strides if row == FIRST_STRIDED else stride
            plan.append(Bottleneck(row, channels, expanded, outputs, strides))
            channels = outputs
    return plan


def inverted_residual(block: Bottleneck, relu_after_projection: bool, shortcut: bool) -> nn.Sequential:
    """Build Figure 3 (b), Table 1: (N, inputs, H, W) to (N, outputs, H/stride, W/stride)."""
    layers = expansion_layer(block)
    if layers:
        layers.append(nn.ReLU6(inplace=True))
    layers.extend(depthwise_and_projection(block, relu_after_projection))
    joined = shortcut and block.stride == 1 and block.inputs == block.outputs
    return Residual(*layers) if joined else nn.Sequential(*layers)


def between_expansions(
    block: Bottleneck, following: Bottleneck | None, relu_after_projection: bool
) -> nn.Sequential:
    """Build Figure 6 (b): (N, expanded, H, W) to the next block's expanded channels; to outputs if None."""
    layers = depthwise_and_projection(block, relu_after_projection)
    if following is None:
        return nn.Sequential(*layers)
    expand = expansion_layer(following)
    joined = block.stride == 1 and block.expanded == following.expanded
    body = (Residual if joined else nn.Sequential)(*layers, *expand)
    return nn.Sequential(body, nn.ReLU6(inplace=True)) if expand else body


def expansion_layer(block: Bottleneck) -> list[nn.Module]:
    """Build the first layer of Table 1 without its ReLU6; nothing where a block isn't wider inside (t = 1)."""
    return conv_bn(block.inputs, block.expanded, 1) if block.expanded != block.inputs else []


def depthwise_and_projection(block: Bottleneck, relu_after_projection: bool) -> list[nn.Module]:
    """Build the second and the third layer of Table 1."""
    expanded = block.expanded
    layers = [
        *conv_bn(expanded, expanded, 3, block.stride, groups=expanded),
        nn.ReLU6(inplace=True),
        *conv_bn(expanded, block.outputs, 1),
    ]
    return [*layers, nn.ReLU6(inplace=True)] if relu_after_projection else layers


class Residual(nn.Sequential):
    """x + F(x), nothing after the sum."""

    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)


def divisible_by_8(width: float) -> int:
    """Return the nearest multiple of 8, at least 8; the next if that takes away over a tenth of the width."""
    nearest = max(8, int(width + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * width else nearest
