"""BN-Inception: GoogLeNet with batch normalisation, and with two 3×3 convolutions for each 5×5.

Sergey Ioffe, Christian Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
Covariate Shift", arXiv:1502.03167.

Paper → code:
    Section 3.2, before every nonlinearity, no biases            convolution
    Section 4.2, Inception, BN-Baseline, BN-x5, -Sigmoid         knobs batch_norm, lrn, dropout, activation
    Appendix, Figure 5, filters of the modules                   FIGURE_5
    Appendix, double 3×3, average or maximum, pass through       inception_module
    Appendix, separable convolution, depth multiplier 8          knob conv1

BN-x5 and BN-x30 differ in the learning rate alone and are the default. BN-Baseline keeps what Inception has:
local response normalisation and a dropout of 0.4; Inception has no batch normalisation either.
Departures: the filters that Figure 5 prints for 4c and 4d add up to 608 channels, as in the released Caffe
network, and not to its 576, for which TF-slim puts 96 instead of 128 channels behind the pooling; the sizes
of 3c and 4e are those before their stride. Section 4.2's 13.6 million parameters aren't reached by these
filters: 11.3 million. The Caffe network has a full first convolution and pools 3c and 4e without padding;
here the pooling and the convolutions of a module see the same windows. Padding counts in the averages, as in
Caffe.
CIFAR: the paper has no such form. As in GoogLeNet's the first convolution is 3×3 with stride 1 and the first
pooling is left out: modules on 16, 8 and 4 pixels.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

from torch import nn

from architectures.googlenet import FIRST_CHANNELS, FilterConcatenation, first_convolution, max_pool
from architectures.layers.conv_bn import conv_bn
from architectures.layers.local_response_normalisation import local_response_normalisation
from architectures.ranges import dropout_rate
from architectures.registry import Stem, register


class Filters(NamedTuple):
    """The columns of Figure 5. A module without `conv_1x1` passes its pooled input through, and has stride 2."""

    conv_1x1: int
    reduce_3x3: int
    conv_3x3: int
    reduce_double: int
    double_3x3: int
    pool: str
    pool_proj: int


FIGURE_5 = {
    "3a": Filters(64, 64, 64, 64, 96, "avg", 32),
    "3b": Filters(64, 64, 96, 64, 96, "avg", 64),
    "3c": Filters(0, 128, 160, 64, 96, "max", 0),
    "4a": Filters(224, 64, 96, 96, 128, "avg", 128),
    "4b": Filters(192, 96, 128, 96, 128, "avg", 128),
    "4c": Filters(160, 128, 160, 128, 160, "avg", 128),
    "4d": Filters(96, 128, 192, 160, 192, "avg", 128),
    "4e": Filters(0, 128, 192, 192, 256, "max", 0),
    "5a": Filters(352, 192, 320, 160, 224, "avg", 128),
    "5b": Filters(352, 192, 320, 192, 224, "max", 128),
}
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": partial(nn.ReLU, inplace=True),
    "sigmoid": nn.Sigmoid,
}
# (inputs, outputs, size, stride) to the layers.
MakeConvolution = Callable[..., list[nn.Module]]


@register(cifar={}, imagenet={})
def bn_inception(
    *,
    stem: Stem,
    num_classes: int,
    conv1: Literal["separable", "full"] = "separable",
    batch_norm: bool = True,
    lrn: bool = False,
    activation: Literal["relu", "sigmoid"] = "relu",
    dropout: float = 0.0,
) -> "BNInception":
    """BN-Inception: ten Inception modules (Ioffe and Szegedy 2015, Section 4.2; Appendix, Figure 5).

    Knobs:
        conv1: separable, the paper's first convolution; full, that of the Caffe network.
        batch_norm: false is the paper's Inception, if with lrn and a dropout of 0.4.
        lrn: local response normalisation around the second convolution, in Inception and BN-Baseline.
        activation: relu; sigmoid, BN-x5-Sigmoid.
        dropout: rate before the linear layer, in [0, 1); 0.4 in Inception and BN-Baseline.
    """
    dropout_rate("dropout", dropout)
    return BNInception(stem, num_classes, conv1, batch_norm, lrn, activation, dropout)


class BNInception(nn.Sequential):
    """Maps images (N, 3, H, W) to logits (N, num_classes). Its children are the rows of Figure 5."""

    def __init__(
        self,
        stem: Stem,
        num_classes: int,
        conv1: str,
        batch_norm: bool,
        lrn: bool,
        activation: str,
        dropout: float,
    ) -> None:
        super().__init__()
        make = partial(convolution, batch_norm=batch_norm, activation=activation)
        self.conv1 = nn.Sequential(
            *first_convolution(stem, conv1, bias=not batch_norm),
            *([nn.BatchNorm2d(FIRST_CHANNELS)] if batch_norm else []),
            ACTIVATIONS[activation](),
        )
        if stem == "imagenet":
            self.pool1 = nn.Sequential(max_pool(), *_local(lrn))
        else:
            self.conv1.extend(_local(lrn))
        self.conv2 = nn.Sequential(*make(FIRST_CHANNELS, 64, 1), *make(64, 192, 3), *_local(lrn))
        self.pool2 = max_pool()
        channels = 192
        for name, filters in FIGURE_5.items():
            inception = inception_module(channels, filters, make)
            self.add_module(f"inception_{name}", inception)
            channels = inception.outputs
        self.avg_pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout))
        self.linear = nn.Linear(channels, num_classes)


def inception_module(inputs: int, filters: Filters, make: MakeConvolution) -> FilterConcatenation:
    """Build a row of Figure 5: (N, inputs, H, W) to (N, outputs, H, W); H and W halve if it passes through."""
    reduction = filters.conv_1x1 == 0
    stride = 2 if reduction else 1
    pool = nn.AvgPool2d if filters.pool == "avg" else nn.MaxPool2d
    paths: list[list[nn.Module]] = [
        make(inputs, filters.reduce_3x3, 1) + make(filters.reduce_3x3, filters.conv_3x3, 3, stride),
        make(inputs, filters.reduce_double, 1)
        + make(filters.reduce_double, filters.double_3x3, 3)
        + make(filters.double_3x3, filters.double_3x3, 3, stride),
        [pool(3, stride, padding=1)],
    ]
    if reduction:
        last = inputs
    else:
        last = filters.pool_proj
        paths.insert(0, make(inputs, filters.conv_1x1, 1))
        paths[-1].extend(make(inputs, filters.pool_proj, 1))
    outputs = filters.conv_1x1 + filters.conv_3x3 + filters.double_3x3 + last
    return FilterConcatenation([nn.Sequential(*path) for path in paths], outputs)


def convolution(
    inputs: int, outputs: int, size: int, stride: int = 1, *, batch_norm: bool, activation: str
) -> list[nn.Module]:
    """Build a convolution, with batch normalisation or biases, and the nonlinearity."""
    if batch_norm:
        layers = conv_bn(inputs, outputs, size, stride)
    else:
        layers = [nn.Conv2d(inputs, outputs, size, stride, padding=size // 2)]
    return [*layers, ACTIVATIONS[activation]()]


def _local(lrn: bool) -> list[nn.Module]:
    return [local_response_normalisation()] if lrn else []
