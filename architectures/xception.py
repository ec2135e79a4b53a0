"""Xception: depthwise separable convolutions instead of Inception modules, with shortcuts.

François Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", arXiv:1610.02357.

Paper → code:
    Section 1.3, depthwise, then pointwise convolution     SeparableConv
    Figure 5, entry, middle and exit flow                  Xception; ENTRY_WIDTHS, MIDDLE_MODULES, EXIT_WIDTHS
    Figure 5, modules with linear shortcuts                XceptionModule
    Section 4.6, without residual connections              knob residual
    Section 4.7, activation between the convolutions       knob intermediate_activation

The two convolutions of the stem are unpadded and pooling is padded, as in the author's Keras code; that
alone gives 22,855,952 parameters and 74, 37, 19 and 10 pixels from 299.

Departures: the paper has no CIFAR form. Here it takes 32×32 images to 4×4 as the ImageNet form takes 299 to
10: the first convolution and the first module keep the resolution, and the stem is padded. The optional fully
connected layers of Figure 5 (for JFT) are left out, and dropout is a knob.
"""

from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from architectures.ranges import dropout_rate
from architectures.registry import Stem, register

STEM_WIDTHS = (32, 64)
ENTRY_WIDTHS = (128, 256, 728)
MIDDLE_MODULES = 8
EXIT_MODULE = (728, 1024)
EXIT_WIDTHS = (1536, 2048)

ACTIVATIONS = {"none": nn.Identity, "relu": nn.ReLU, "elu": nn.ELU}


@register(cifar={}, imagenet={})
def xception(
    *,
    stem: Stem,
    num_classes: int,
    intermediate_activation: Literal["none", "relu", "elu"] = "none",
    residual: bool = True,
    dropout: float = 0.5,
) -> "Xception":
    """Xception: 36 convolutional layers, nearly all depthwise separable (Xception, Figure 5; Section 4).

    Knobs:
        intermediate_activation: between a depthwise and its pointwise convolution; the paper's is none (4.7).
        residual: false leaves the shortcuts out (4.6).
        dropout: rate before the last layer, in [0, 1); the paper's is 0.5 on ImageNet.
    """
    dropout_rate("dropout", dropout)
    return Xception(stem, num_classes, intermediate_activation, residual, dropout)


class Xception(nn.Sequential):
    """Maps images (N, 3, H, W) to logits (N, num_classes). Its children are the flows of Figure 5."""

    def __init__(
        self, stem: Stem, num_classes: int, intermediate: str, residual: bool, dropout: float
    ) -> None:
        super().__init__()
        first, second = STEM_WIDTHS
        small = stem == "cifar"
        padding = 1 if small else 0
        entry = [
            *_conv_bn_relu(3, first, stride=1 if small else 2, padding=padding),
            *_conv_bn_relu(first, second, stride=1, padding=padding),
        ]
        channels = second
        for number, width in enumerate(ENTRY_WIDTHS, start=1):
            # The stem ends in an activation, so the first module doesn't begin with one.
            entry.append(
                XceptionModule(
                    (channels, width, width),
                    stride=1 if small and number == 1 else 2,
                    intermediate=intermediate,
                    residual=residual,
                    activated=number == 1,
                )
            )
            channels = width
        self.entry_flow = nn.Sequential(*entry)
        self.middle_flow = nn.Sequential(
            *(
                XceptionModule((channels,) * 4, stride=1, intermediate=intermediate, residual=residual)
                for _ in range(MIDDLE_MODULES)
            )
        )
        exit_flow: list[nn.Module] = [
            XceptionModule((channels, *EXIT_MODULE), stride=2, intermediate=intermediate, residual=residual)
        ]
        channels = EXIT_MODULE[-1]
        for width in EXIT_WIDTHS:
            exit_flow += [*_separable_bn(channels, width, intermediate), nn.ReLU(inplace=True)]
            channels = width
        self.exit_flow = nn.Sequential(*exit_flow)
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels, num_classes)
        )


class XceptionModule(nn.Module):
    """ReLU and separable convolution in turn, max pooling where the stride is 2, and a linear shortcut.

    (N, widths[0], H, W) to (N, widths[-1], H/stride, W/stride), rounded up. `activated`: the input needs no
    ReLU.
    """

    def __init__(
        self, widths: tuple[int, ...], stride: int, intermediate: str, residual: bool, activated: bool = False
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index, (inputs, outputs) in enumerate(pairwise(widths)):
            if index or not activated:
                # The shortcut reads the module's input, so that must not be overwritten.
                layers.append(nn.ReLU(inplace=index > 0))
            layers += _separable_bn(inputs, outputs, intermediate)
        if stride > 1:
            layers.append(nn.MaxPool2d(3, stride, padding=1))
        self.branch = nn.Sequential(*layers)
        self.shortcut = _shortcut(widths[0], widths[-1], stride) if residual else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.branch(x)
        return y if self.shortcut is None else y + self.shortcut(x)


class SeparableConv(nn.Sequential):
    """3×3 on every channel for itself, then 1×1 across channels: (N, inputs, H, W) to (N, outputs, H, W)."""

    def __init__(self, inputs: int, outputs: int, intermediate: str) -> None:
        super().__init__(
            nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False),
            ACTIVATIONS[intermediate](),
            nn.Conv2d(inputs, outputs, 1, bias=False),
        )


def _separable_bn(inputs: int, outputs: int, intermediate: str) -> list[nn.Module]:
    return [SeparableConv(inputs, outputs, intermediate), nn.BatchNorm2d(outputs)]


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    if inputs == outputs and stride == 1:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


def _conv_bn_relu(inputs: int, outputs: int, stride: int, padding: int) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, 3, stride, padding, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    ]
