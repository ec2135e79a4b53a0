"""GoogLeNet (Inception v1): every module looks at its input through kernels of several sizes at once.

Christian Szegedy, Wei Liu, Yangqing Jia, Pierre Sermanet, Scott Reed, Dragomir Anguelov, Dumitru Erhan,
Vincent Vanhoucke, Andrew Rabinovich, "Going Deeper with Convolutions", arXiv:1409.4842.

Paper → code:
    Figure 2 (a), the naive module                          naive
    Figure 2 (b), the module with dimension reductions      reduced
    Table 1, filters of the modules                         TABLE_1
    Table 1 and Figure 3, the network                       GoogLeNet
    Section 5, average pooling instead of fc layers         knob head
    Section 5, the classifiers on modules 4a and 4d         auxiliary_classifier

The paper doesn't say which fully connected layers average pooling replaced. Here the head `fc` is one layer of
1024 units on all of the last feature maps: the auxiliary classifiers have such a layer, and 1024 is the
number of channels, so that dropout and the linear layer stay as they are.
`single` isn't the paper's either. It asks whether several kernel sizes in a layer beat one: a module of 3×3
convolutions alone, as wide as the reduced one and, by the width of its reduction, as dear.
Departures: Table 1 prints a 7×7 convolution in its first row and counts a separable one (knob `conv1`). Its
parameters of modules 4a to 5b, and the operations of 5a, aren't those of the filters beside them, which are the
ones built here. Figure 3 shows local response normalisation without its constants; they are AlexNet's. Poolings
that halve the resolution may hang over the edge, as in Caffe.
CIFAR: the paper has no such form. The first convolution is 3×3 with stride 1, the first pooling is left out and
all else kept: modules on 16, 8 and 4 pixels, auxiliary classifiers on 2 × 2 instead of 4 × 4.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from torch import Tensor, nn

from architectures.layers.concatenation import Concatenation
from architectures.layers.local_response_normalisation import local_response_normalisation
from architectures.outputs import Auxiliary, TrainingOutputs
from architectures.ranges import dropout_rate, positive
from architectures.registry import Stem, register


class Filters(NamedTuple):
    """The columns of Table 1: channels of every convolution of a module."""

    conv_1x1: int
    reduce_3x3: int
    conv_3x3: int
    reduce_5x5: int
    conv_5x5: int
    pool_proj: int

    @property
    def outputs(self) -> int:
        return self.conv_1x1 + self.conv_3x3 + self.conv_5x5 + self.pool_proj


TABLE_1 = {
    "3a": Filters(64, 96, 128, 16, 32, 32),
    "3b": Filters(128, 128, 192, 32, 96, 64),
    "4a": Filters(192, 96, 208, 16, 48, 64),
    "4b": Filters(160, 112, 224, 24, 64, 64),
    "4c": Filters(128, 128, 256, 24, 64, 64),
    "4d": Filters(112, 144, 288, 32, 64, 64),
    "4e": Filters(256, 160, 320, 32, 128, 128),
    "5a": Filters(256, 160, 320, 32, 128, 128),
    "5b": Filters(384, 192, 384, 48, 128, 128),
}
# The modules before a pooling, and those under an auxiliary classifier.
POOLED = ("3b", "4e")
CLASSIFIED = ("4a", "4d")

FIRST_CHANNELS = 64
FILTERS_A_COLOUR = 8
FC_UNITS = 1024
AUXILIARY_CHANNELS = 128
AUXILIARY_DROPOUT = 0.7
# Pixels at a side of the last feature maps, and of what an auxiliary classifier pools.
LAST_SIDE = {"imagenet": 7, "cifar": 4}
AUXILIARY_SIDE = {"imagenet": 4, "cifar": 2}


@register(cifar={}, imagenet={})
def googlenet(
    *,
    stem: Stem,
    num_classes: int,
    module: Literal["reduced", "naive", "single"] = "reduced",
    conv1: Literal["full", "separable"] = "full",
    head: Literal["average", "fc"] = "average",
    dropout: float = 0.4,
    auxiliary: bool = True,
    auxiliary_weight: float = 0.3,
) -> "GoogLeNet":
    """GoogLeNet: nine Inception modules, 22 layers (Szegedy et al. 2014, Sections 4, 5; Table 1; Figures 2, 3).

    Knobs:
        module: reduced, Figure 2 (b); naive, Figure 2 (a), without 1×1 reductions; single, 3×3 convolutions
            alone at the width and the cost of reduced.
        conv1: full, the first convolution as Table 1 prints it; separable, as Table 1 counts it.
        head: average pooling before the linear layer, or fc, a fully connected layer of 1024 units.
        dropout: rate before the linear layer, in [0, 1); that of the auxiliary classifiers is 0.7.
        auxiliary: auxiliary classifiers on modules 4a and 4d while training.
        auxiliary_weight: how often the loss of an auxiliary classifier counts.
    """
    dropout_rate("dropout", dropout)
    positive("auxiliary_weight", auxiliary_weight)
    return GoogLeNet(stem, num_classes, module, conv1, head, dropout, auxiliary_weight if auxiliary else 0.0)


class GoogLeNet(nn.Module):
    """Maps images (N, 3, H, W) to logits (N, num_classes), in training to `TrainingOutputs`.

    Its children are the rows of Table 1, and the auxiliary classifiers by the row that they stand on. With
    these in training, or with the head fc, H and W are 224 on ImageNet and 32 on CIFAR.
    auxiliary_weight: 0 for no auxiliary classifiers.
    """

    def __init__(
        self,
        stem: Stem,
        num_classes: int,
        module: str,
        conv1: str,
        head: str,
        dropout: float,
        auxiliary_weight: float,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(*first_convolution(stem, conv1), nn.ReLU(inplace=True))
        if stem == "imagenet":
            self.pool1 = nn.Sequential(max_pool(), local_response_normalisation())
        else:
            self.conv1.append(local_response_normalisation())
        self.conv2 = nn.Sequential(
            *_convolution(FIRST_CHANNELS, 64, 1), *_convolution(64, 192, 3), local_response_normalisation()
        )
        self.pool2 = max_pool()
        channels = 192
        make_module = {"reduced": reduced, "naive": naive, "single": single}[module]
        classifiers = {}
        for name, filters in TABLE_1.items():
            inception = make_module(channels, filters)
            channels = inception.outputs
            self.add_module(f"inception_{name}", inception)
            if name in POOLED:
                self.add_module(f"pool{name[0]}", max_pool())
            if name in CLASSIFIED and auxiliary_weight:
                classifiers[f"inception_{name}"] = auxiliary_classifier(
                    channels, AUXILIARY_SIDE[stem], num_classes
                )
        if head == "average":
            self.avg_pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        else:
            self.fc = nn.Sequential(*_fully_connected(channels, LAST_SIDE[stem]))
            channels = FC_UNITS
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(channels, num_classes)
        self.auxiliary = nn.ModuleDict(classifiers)
        self.auxiliary_weight = auxiliary_weight

    def forward(self, x: Tensor) -> Tensor | TrainingOutputs:
        auxiliary = []
        for name, row in self.named_children():
            if name == "auxiliary":
                continue
            x = row(x)
            if self.training and name in self.auxiliary:
                auxiliary.append(Auxiliary(self.auxiliary[name](x), self.auxiliary_weight))
        return TrainingOutputs(x, tuple(auxiliary)) if auxiliary else x


class FilterConcatenation(Concatenation):
    """Filter concatenation: paths that run side by side, (N, channels, H, W) to (N, outputs, H, W)."""

    def __init__(self, paths: Sequence[nn.Module], outputs: int) -> None:
        super().__init__(paths)
        self.outputs = outputs


def reduced(inputs: int, filters: Filters) -> FilterConcatenation:
    """Build Figure 2 (b): 1×1 convolutions before the 3×3 and the 5×5, and behind the pooling."""
    paths = [
        _convolution(inputs, filters.conv_1x1, 1),
        _convolution(inputs, filters.reduce_3x3, 1) + _convolution(filters.reduce_3x3, filters.conv_3x3, 3),
        _convolution(inputs, filters.reduce_5x5, 1) + _convolution(filters.reduce_5x5, filters.conv_5x5, 5),
        [nn.MaxPool2d(3, stride=1, padding=1), *_convolution(inputs, filters.pool_proj, 1)],
    ]
    return FilterConcatenation([nn.Sequential(*path) for path in paths], filters.outputs)


def naive(inputs: int, filters: Filters) -> FilterConcatenation:
    """Build Figure 2 (a): all of the input goes into every convolution, and through the pooling out."""
    paths: list[list[nn.Module]] = [
        _convolution(inputs, filters.conv_1x1, 1),
        _convolution(inputs, filters.conv_3x3, 3),
        _convolution(inputs, filters.conv_5x5, 5),
        [nn.MaxPool2d(3, stride=1, padding=1)],
    ]
    outputs = filters.conv_1x1 + filters.conv_3x3 + filters.conv_5x5 + inputs
    return FilterConcatenation([nn.Sequential(*path) for path in paths], outputs)


def single(inputs: int, filters: Filters) -> FilterConcatenation:
    """Build one path of 3×3 behind a 1×1 reduction: the channels of `reduced` for, nearly, its weights."""
    weights = (
        inputs * (filters.conv_1x1 + filters.reduce_3x3 + filters.reduce_5x5 + filters.pool_proj)
        + 3 * 3 * filters.reduce_3x3 * filters.conv_3x3
        + 5 * 5 * filters.reduce_5x5 * filters.conv_5x5
    )
    reduction = round(weights / (inputs + 3 * 3 * filters.outputs))
    path = _convolution(inputs, reduction, 1) + _convolution(reduction, filters.outputs, 3)
    return FilterConcatenation([nn.Sequential(*path)], filters.outputs)


def auxiliary_classifier(channels: int, side: int, num_classes: int) -> nn.Sequential:
    """Build Section 5's classifier on a module in the middle: (N, channels, H, W) to logits (N, num_classes).

    side: pixels at a side once pooled.
    """
    return nn.Sequential(
        nn.AvgPool2d(5, stride=3),
        *_convolution(channels, AUXILIARY_CHANNELS, 1),
        *_fully_connected(AUXILIARY_CHANNELS, side),
        nn.Dropout(AUXILIARY_DROPOUT),
        nn.Linear(FC_UNITS, num_classes),
    )


def first_convolution(stem: Stem, form: str, bias: bool = True) -> list[nn.Module]:
    """Build the first row: images to 64 channels at half the resolution, on CIFAR at the same.

    form: full, or separable, 8 filters for each colour, whose 24 channels a 1×1 convolution mixes.
    """
    size, stride = (7, 2) if stem == "imagenet" else (3, 1)
    if form == "full":
        return [nn.Conv2d(3, FIRST_CHANNELS, size, stride, size // 2, bias=bias)]
    channels = 3 * FILTERS_A_COLOUR
    return [
        nn.Conv2d(3, channels, size, stride, size // 2, groups=3, bias=False),
        nn.Conv2d(channels, FIRST_CHANNELS, 1, bias=bias),
    ]


def max_pool() -> nn.MaxPool2d:
    """Build the pooling that halves the resolution, rounded up."""
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)


def _convolution(inputs: int, outputs: int, size: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, size, padding=size // 2), nn.ReLU(inplace=True)]


def _fully_connected(channels: int, side: int) -> list[nn.Module]:
    return [nn.Flatten(), nn.Linear(channels * side**2, FC_UNITS), nn.ReLU(inplace=True)]
