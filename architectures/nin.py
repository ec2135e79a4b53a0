"""NiN: 1×1 convolutions follow every convolution, and global average pooling the feature maps of the classes.

Min Lin, Qiang Chen, Shuicheng Yan, "Network In Network", arXiv:1312.4400.

Paper → code:
    Section 3.1, Equation 2, mlpconv layer                  mlpconv, knob mlpconv_depth
    Section 3.2, global average pooling                     knob head
    Section 3.3, Figure 2, stacked mlpconv layers           NiN
    Section 4.6, Table 5, a fully connected layer instead   knob head
    released networks, widths                               CIFAR, IMAGENET

The paper prints no widths; they are those of the authors' released networks (github.com/mavenlin, 7.6M weights
on ImageNet, "29 MB"). Pooling windows may hang over the edge, as in Caffe: 32, 16, 8 pixels on CIFAR; 54, 27, 13,
6 on ImageNet.
Departures: a ReLU follows the channels of the classes too, as Equation 2 has it; the CIFAR networks first released
(mavenlin/cuda-convnet) have none there. They take the maximum in both poolings, as the paper's text does and this
one; their later Caffe version is said to average in the second (check).
"""

from typing import Literal

from torch import nn

from architectures.ranges import at_least, dropout_rate
from architectures.registry import Stem, register

# Of every mlpconv layer: size, stride, padding of its convolution, and widths; the last ends in the classes.
CIFAR = (
    ((5, 1, 2), (192, 160, 96)),
    ((5, 1, 2), (192, 192, 192)),
    ((3, 1, 1), (192, 192)),
)
IMAGENET = (
    ((11, 4, 0), (96, 96, 96)),
    ((5, 1, 2), (256, 256, 256)),
    ((3, 1, 1), (384, 384, 384)),
    ((3, 1, 1), (1024, 1024)),
)
# Pixels at a side of the feature maps of the classes.
LAST_SIDE = {"cifar": 8, "imagenet": 6}


@register(cifar={}, imagenet={})
def nin(
    *,
    stem: Stem,
    num_classes: int,
    mlpconv_depth: int = 3,
    head: Literal["gap", "fc", "fc_dropout"] = "gap",
    dropout: float = 0.5,
) -> "NiN":
    """NiN (Lin et al. 2013, Section 3; Tables 1 to 5).

    Knobs:
        mlpconv_depth: layers of an mlpconv, the paper's 3: its convolution and two 1×1; 1 is a plain
            convolution as wide as the mlpconv's output.
        head: gap, the average of every class's feature map; fc, a fully connected layer; fc_dropout, dropout
            before it.
        dropout: rate after all mlpconv layers but the last (on ImageNet before the last alone), in [0, 1).
    """
    at_least("mlpconv_depth", mlpconv_depth, 1)
    dropout_rate("dropout", dropout)
    if head == "fc_dropout" and dropout == 0:
        raise ValueError("head fc_dropout needs a dropout above 0; without, choose head fc")
    return NiN(stem, num_classes, mlpconv_depth, head, dropout)


class NiN(nn.Sequential):
    """Maps images (N, 3, 224, 224), or (N, 3, 32, 32) on CIFAR, to logits (N, num_classes).

    With the head gap, images may have any size that poolings leave a pixel of.
    """

    def __init__(self, stem: Stem, num_classes: int, depth: int, head: str, dropout: float) -> None:
        super().__init__()
        layers = CIFAR if stem == "cifar" else IMAGENET
        channels = 3
        for number, ((size, stride, padding), widths) in enumerate(layers, start=1):
            last = number == len(layers)
            widths = (*widths, num_classes) if last else widths
            self.add_module(f"mlpconv_{number}", mlpconv(channels, widths, depth, size, stride, padding))
            channels = widths[-1]
            if not last:
                pooling = nn.MaxPool2d(3, stride=2, ceil_mode=True)
                drops = stem == "cifar" or number == len(layers) - 1
                self.add_module(
                    f"pooling_{number}", nn.Sequential(pooling, nn.Dropout(dropout)) if drops else pooling
                )
        if head == "gap":
            self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        else:
            inputs = num_classes * LAST_SIDE[stem] ** 2
            before = [nn.Dropout(dropout)] if head == "fc_dropout" else []
            self.head = nn.Sequential(nn.Flatten(), *before, nn.Linear(inputs, num_classes))


def mlpconv(
    channels: int, widths: tuple[int, ...], depth: int, size: int, stride: int, padding: int
) -> nn.Sequential:
    """Build Equation 2: (N, channels, H, W) to (N, widths[-1], H/stride, W/stride).

    widths are those of depth 3; of any other depth the middle one is repeated or left out.
    """
    first, middle, last = widths
    chosen = [last] if depth == 1 else [first, *[middle] * (depth - 2), last]
    layers = []
    for index, width in enumerate(chosen):
        shape = (size, stride, padding) if index == 0 else (1, 1, 0)
        layers.extend([nn.Conv2d(channels, width, *shape), nn.ReLU(inplace=True)])
        channels = width
    return nn.Sequential(*layers)
