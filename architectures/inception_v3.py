"""Inception v2 and v3: large convolutions factorised, grids reduced by convolution and pooling side by side.

Christian Szegedy, Vincent Vanhoucke, Sergey Ioffe, Jonathon Shlens, Zbigniew Wojna,
"Rethinking the Inception Architecture for Computer Vision", arXiv:1512.00567.

Paper → code:
    Section 3.1, Figures 4, 5, 5×5 as two 3×3              early_module, knob factorized_5x5
    Figure 2, linear first layer of a factorisation        knob factor_activation
    Section 3.2, Figure 6, n×n as 1×n and n×1              medium_module, knob asymmetric_on
    Figure 7, expanded filter bank outputs                 coarsest_module
    Section 4, Figure 8, auxiliary classifier              AuxiliaryClassifier, knob auxiliary
    Section 5, Figures 9, 10, grid size reduction          grid_reduction, knob reduction
    Section 6, Table 1, the whole network                  InceptionV3, convolutional_stem
    Section 9, Table 2, images of 79, 151, 299 pixels      knobs first_stride, first_pool
    Table 3, v2 (its first rows) and v3 (its last)         v2: factorized_7x7 off, auxiliary plain; v3: the defaults

Departures of the released network, which this is, from the paper: Table 1's 3×3, 3×3/2, 3×3 after the first
pooling are 1×1, 3×3 and a pooling; the paths of 3×3 in Figure 5 are a 1×1 and a 5×5; Figure 8's 1024 are 768
channels. Filter banks, the weight of the auxiliary classifier and the dropout are in the released code
(TF-slim) only. Departures of this code: batch normalisation has torch's ε, TF-slim 0.001; torchvision counts
the padding of an average pooling, TensorFlow and this code don't. The auxiliary classifier goes on working on
other grids than the paper's 17×17. Forms that the paper names but doesn't draw are the smallest change:
Figure 9's modules have the reduction's paths, and a 1×1 convolution instead of its pooling.
The CIFAR form isn't the paper's: the first stride is 1 and the second pooling is left out, everything is
padded, so that 32×32 images make grids of 16, 8 and 4. Without the first pooling they are 32, 16 and 8,
close to the paper's 35, 17 and 8, at four times the cost.
"""

from collections import OrderedDict
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures.layers.conv_bn import conv_bn_relu
from architectures.layers.inception_module import Conv, Fork, InceptionModule, average_pool, max_pool, reduced
from architectures.outputs import Auxiliary, TrainingOutputs
from architectures.ranges import dropout_rate, one_of
from architectures.registry import Stem, register

# Knob filters: channels behind the pooling of each module of the first grid.
EARLY_POOL_CHANNELS = {"released": (32, 64, 64), "keras": (32, 32, 32)}
# In each module of the second grid: channels of the 7×7 convolutions, and of the longer path's 1×1 before.
MEDIUM_CHANNELS = {
    "released": ((128, 128), (160, 160), (160, 160), (192, 192)),
    "keras": ((128, 128), (160, 160), (160, 160), (192, 160)),
}
# Paths of the first reduction; the last convolution of each has stride 2.
EARLY_REDUCTION = ([Conv(384, 3)], [Conv(64, 1), Conv(96, 3), Conv(96, 3)])
STEM_CHANNELS = 192
COARSEST_CHANNELS = 2048


@register(cifar={"first_stride": 1}, imagenet={"first_stride": 2})
def inception_v3(
    *,
    stem: Stem,
    num_classes: int,
    factorized_7x7: bool = True,
    factorized_5x5: Literal["neither", "one", "both"] = "one",
    asymmetric_on: Literal["none", "early", "medium", "both"] = "medium",
    factor_activation: Literal["relu", "linear"] = "relu",
    reduction: Literal["parallel", "pool_then_conv", "conv_then_pool"] = "parallel",
    auxiliary: Literal["none", "plain", "bn"] = "bn",
    auxiliary_weight: float = 0.4,
    first_stride: int,
    first_pool: bool = True,
    filters: Literal["released", "keras"] = "released",
    dropout: float = 0.2,
) -> "InceptionV3":
    """Inception v3, and by its knobs v2: factorised convolutions (Rethinking Inception, Tables 1, 2, 3).

    Knobs:
        factorized_7x7: first layer as three 3×3 convolutions; false, one of 7×7.
        factorized_5x5: which of the two 5×5 in a module of the first grid are two 3×3: neither (Figure 4), one
            (the released network) or both.
        asymmetric_on: grids where n×n is 1×n and n×1: the first (n = 3, 5), the second (n = 7), none or both.
        factor_activation: activation of all layers of a factorisation but the last (Figure 2).
        reduction: convolution and pooling in parallel (Figure 10), or one after the other (Figure 9).
        auxiliary: classifier on the second grid: none, plain (its fully connected layer isn't normalised), bn.
        auxiliary_weight: share of its loss; the released code's is 0.4.
        first_stride: of the first convolution, 1 or 2; Table 2: 2 for 299 pixels, 1 for 151 and 79.
        first_pool: pooling after the first layer; Table 2: none for 79 pixels.
        filters: filter banks as released; or those of the first Keras port, which the Xception paper counts.
        dropout: rate before the last layer, in [0, 1); the released code's is 0.2.
    """
    one_of("first_stride", first_stride, (1, 2))
    dropout_rate("dropout", dropout)
    if auxiliary_weight <= 0:
        raise ValueError(f"auxiliary_weight {auxiliary_weight} is not positive; auxiliary=none leaves it out")
    small = stem == "cifar"
    factorisation = Factorisation(factorized_5x5, asymmetric_on, factor_activation == "linear")

    rows: dict[str, nn.Module] = {
        **convolutional_stem(small, first_stride, first_pool=first_pool, factorized_7x7=factorized_7x7)
    }
    if not small:
        rows["pool_2"] = max_pool(padded=False)
    channels = STEM_CHANNELS
    early, medium = [], []
    for pool_channels in EARLY_POOL_CHANNELS[filters]:
        early.append(early_module(channels, pool_channels, factorisation))
        channels = early[-1].outputs
    rows["early"] = nn.Sequential(*early)
    rows["reduction_1"], channels = grid_reduction(reduction, channels, EARLY_REDUCTION, padded=small)
    for channels_7x7, first in MEDIUM_CHANNELS[filters]:
        medium.append(medium_module(channels, channels_7x7, first, factorisation))
        channels = medium[-1].outputs
    rows["medium"] = nn.Sequential(*medium)
    if auxiliary != "none":
        rows["auxiliary"] = AuxiliaryClassifier(channels, num_classes, normalised=auxiliary == "bn")
    rows["reduction_2"], channels = grid_reduction(
        reduction, channels, medium_reduction(factorisation), padded=small
    )
    rows["coarsest"] = nn.Sequential(coarsest_module(channels), coarsest_module(COARSEST_CHANNELS))
    rows["pool"] = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    rows["linear"] = nn.Sequential(nn.Dropout(dropout), nn.Linear(COARSEST_CHANNELS, num_classes))
    return InceptionV3(rows, auxiliary_weight)


class InceptionV3(nn.Sequential):
    """Maps images (N, 3, H, W) to logits (N, num_classes), in training with those of the row `auxiliary`, if any.

    Its children are the rows of Table 1.
    """

    def __init__(self, rows: dict[str, nn.Module], auxiliary_weight: float) -> None:
        super().__init__(OrderedDict(rows))
        self.auxiliary_weight = auxiliary_weight

    def forward(self, x: Tensor) -> Tensor | TrainingOutputs:
        heads = []
        for name, row in self.named_children():
            if name != "auxiliary":
                x = row(x)
            elif self.training:
                heads.append(Auxiliary(row(x), self.auxiliary_weight))
        return TrainingOutputs(x, tuple(heads)) if heads else x


def convolutional_stem(
    small: bool, first_stride: int, *, first_pool: bool = True, factorized_7x7: bool = True
) -> dict[str, nn.Sequential]:
    """Build Table 1 up to the second pooling: (N, 3, H, W) to (N, 192, H', W'); 299 pixels become 71.

    small: convolutions and pooling are padded.
    """
    padding = None if small else 0
    if factorized_7x7:
        rows = {
            "conv_1": conv_bn_relu(3, 32, 3, first_stride, padding=padding),
            "conv_2": conv_bn_relu(32, 32, 3, padding=padding),
            "conv_3": conv_bn_relu(32, 64, 3),
        }
    else:
        rows = {"conv_7x7": conv_bn_relu(3, 64, 7, first_stride, padding=padding)}
    if first_pool:
        rows["pool_1"] = [max_pool(small)]
    rows["conv_4"] = conv_bn_relu(64, 80, 1)
    rows["conv_5"] = conv_bn_relu(80, STEM_CHANNELS, 3, padding=padding)
    return {name: nn.Sequential(*layers) for name, layers in rows.items()}


class Factorisation(NamedTuple):
    """How modules split large convolutions; by the knobs factorized_5x5, asymmetric_on, factor_activation."""

    factorized_5x5: str
    asymmetric_on: str
    linear: bool

    def square(
        self, n: int, between: int, channels: int, grid: str, *, tall_first: bool = False
    ) -> list[Conv]:
        """Return n×n, or 1×n and n×1 (Section 3.2) with `between` channels after the first of the two."""
        if self.asymmetric_on not in (grid, "both"):
            return [Conv(channels, n)]
        first, second = ((n, 1), (1, n)) if tall_first else ((1, n), (n, 1))
        return [Conv(between, first, linear=self.linear), Conv(channels, second)]

    def five(self, inputs: int, channels: int, *, where: tuple[str, ...]) -> list[Conv]:
        """Return 5×5, or 3×3 and 3×3 (Section 3.1) where the knob says so."""
        if self.factorized_5x5 not in where:
            return self.square(5, inputs, channels, "early")
        *first, last = self.square(3, inputs, channels, "early")
        return [*first, last._replace(linear=self.linear), *self.square(3, channels, channels, "early")]


def early_module(inputs: int, pool_channels: int, factorisation: Factorisation) -> InceptionModule:
    """Build Figure 5, or by factorisation Figure 4: (N, inputs, H, W) to (N, 224 + pool_channels, H, W)."""
    return InceptionModule(
        inputs,
        [Conv(64, 1)],
        [Conv(48, 1), *factorisation.five(48, 64, where=("both",))],
        [Conv(64, 1), *factorisation.five(64, 96, where=("one", "both"))],
        [average_pool, Conv(pool_channels, 1)],
    )


def medium_module(
    inputs: int, channels_7x7: int, first: int, factorisation: Factorisation
) -> InceptionModule:
    """Build Figure 6 with n = 7: (N, inputs, H, W) to (N, 768, H, W).

    first: channels that the longer path begins with.
    """

    def seven(channels: int, **order: bool) -> list[Conv]:
        return factorisation.square(7, channels_7x7, channels, "medium", **order)

    return InceptionModule(
        inputs,
        [Conv(192, 1)],
        [Conv(channels_7x7, 1), *seven(192)],
        [Conv(first, 1), *seven(channels_7x7, tall_first=True), *seven(192, tall_first=True)],
        [average_pool, Conv(192, 1)],
    )


def coarsest_module(inputs: int) -> InceptionModule:
    """Build Figure 7: (N, inputs, H, W) to (N, COARSEST_CHANNELS, H, W)."""
    wide_and_tall = Fork(Conv(384, (1, 3)), Conv(384, (3, 1)))
    return InceptionModule(
        inputs,
        [Conv(320, 1)],
        [Conv(384, 1), wide_and_tall],
        [Conv(448, 1), Conv(384, 3), wide_and_tall],
        [average_pool, Conv(192, 1)],
    )


def medium_reduction(factorisation: Factorisation) -> tuple[list[Conv], ...]:
    """Return the paths of the second reduction."""
    return (
        [Conv(192, 1), Conv(320, 3)],
        [Conv(192, 1), *factorisation.square(7, 192, 192, "medium"), Conv(192, 3)],
    )


def grid_reduction(
    kind: str, inputs: int, paths: tuple[list[Conv], ...], *, padded: bool
) -> tuple[nn.Module, int]:
    """Build Figures 9, 10: (N, inputs, H, W) to (N, outputs, ~H/2, ~W/2); return module and outputs."""
    if kind == "parallel":
        module = reduced(inputs, *paths, padded=padded)
        return module, module.outputs
    module = InceptionModule(inputs, *paths, [Conv(inputs, 1)])
    pool = max_pool(padded)
    order = (pool, module) if kind == "pool_then_conv" else (module, pool)
    return nn.Sequential(*order), module.outputs


class AuxiliaryClassifier(nn.Sequential):
    """Figure 8: (N, inputs, H, W) to logits (N, num_classes).

    The fully connected layer is a 5×5 convolution of 5×5 feature maps; normalised: with batch normalisation
    (Table 3, BN-auxiliary), which the 1×1 convolution has in any case.
    """

    def __init__(self, inputs: int, num_classes: int, *, normalised: bool) -> None:
        if normalised:
            fully_connected = conv_bn_relu(128, 768, 5, padding=0)
        else:
            fully_connected = [nn.Conv2d(128, 768, 5), nn.ReLU(inplace=True)]
        super().__init__(
            PoolTo5x5(),
            *conv_bn_relu(inputs, 128, 1),
            *fully_connected,
            nn.Flatten(),
            nn.Linear(768, num_classes),
        )


class PoolTo5x5(nn.Module):
    """Average pooling of 5×5 with stride 3 where that makes 5×5 pixels, as of 17×17; else the nearest to it."""

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-2:] == (17, 17):
            return functional.avg_pool2d(x, 5, stride=3)
        if not torch.are_deterministic_algorithms_enabled():
            return functional.adaptive_avg_pool2d(x, 5)
        # A GPU has no deterministic gradient of it; of products it has.
        rows, columns = (_averaging(side, x) for side in x.shape[-2:])
        return rows @ x @ columns.T


def _averaging(side: int, like: Tensor) -> Tensor:
    """Return the matrix (5, side) by which adaptive pooling averages: the i-th of 5 parts, rounded outwards."""
    matrix = torch.zeros(5, side)
    for part, weights in enumerate(matrix):
        begin, end = part * side // 5, -(-(part + 1) * side // 5)
        weights[begin:end] = 1 / (end - begin)
    return matrix.to(like, non_blocking=True)
