"""All-CNN: convolutions of stride 2 instead of pooling, and the networks that it is compared with.

Jost Tobias Springenberg, Alexey Dosovitskiy, Thomas Brox, Martin Riedmiller,
"Striving for Simplicity: The All Convolutional Net", arXiv:1412.6806.

Paper → code:
    Table 1, base models A, B, C                            BLOCKS, knob model
    Table 1, layers that follow, averaged over the image    TOPS, AllCNN
    Table 2, the three networks derived from each           knob form
    Section 3.1, dropout of the input, after reductions     knobs input_dropout, dropout
    Table 6, All-CNN-B on ImageNet                          BLOCKS["imagenet", "B"]

A ReLU follows every convolution, that to the classes too, as the tables say. The first convolution on top isn't
padded on CIFAR, so that 6 × 6 pixels are averaged as in Table 1; on ImageNet the reductions aren't, to the same end.
Departures: none. Only model B has an ImageNet form; Table 6 has dropout after its last reduction alone.
"""

from typing import Literal

from torch import nn

from architectures.ranges import dropout_rate
from architectures.registry import Stem, register

# (channels, kernel size) of the convolutions between reductions.
BLOCKS = {
    ("cifar", "A"): (((96, 5),), ((192, 5),)),
    ("cifar", "B"): (((96, 5), (96, 1)), ((192, 5), (192, 1))),
    ("cifar", "C"): (((96, 3), (96, 3)), ((192, 3), (192, 3))),
    ("imagenet", "B"): (((96, 11), (96, 1)), ((256, 5), (256, 1)), ((384, 3), (384, 1))),
}
# Channels of the 3×3 and the 1×1 convolution after the last reduction.
TOPS = {"cifar": 192, "imagenet": 1024}
# Of the convolutions that All-CNN has instead of pooling.
REDUCTION_PADDING = {"cifar": 1, "imagenet": 0}


@register(cifar={"model": "C", "input_dropout": 0.2}, imagenet={"model": "B", "input_dropout": 0.0})
def all_cnn(
    *,
    stem: Stem,
    num_classes: int,
    model: Literal["A", "B", "C"],
    form: Literal["base", "strided", "convpool", "all"] = "all",
    input_dropout: float,
    dropout: float = 0.5,
) -> "AllCNN":
    """All-CNN and its base models (Springenberg et al. 2014, Tables 1, 2, 6).

    Knobs:
        model: base model of Table 1; ImageNet has B.
        form: base, max pooling; strided, without it and with its stride in the convolution before; convpool, one
            more 3×3 before it; all, a 3×3 of stride 2 in its place.
        input_dropout: rate of pixels of the image, in [0, 1).
        dropout: rate after every reduction (on ImageNet the last alone), in [0, 1).
    """
    if (stem, model) not in BLOCKS:
        raise ValueError(f"model {model} has no ImageNet form; choose B (Table 6)")
    dropout_rate("input_dropout", input_dropout)
    dropout_rate("dropout", dropout)
    return AllCNN(stem, num_classes, model, form, input_dropout, dropout)


class AllCNN(nn.Sequential):
    """Maps images (N, 3, H, W) to logits (N, num_classes). Its children are the rows of Tables 1 and 2."""

    def __init__(
        self, stem: Stem, num_classes: int, model: str, form: str, input_dropout: float, dropout: float
    ) -> None:
        blocks = BLOCKS[stem, model]
        rows = []
        channels = 3
        for number, convolutions in enumerate(blocks, start=1):
            rows += _block(channels, convolutions, form, REDUCTION_PADDING[stem])
            channels, _ = convolutions[-1]
            if stem == "cifar" or number == len(blocks):
                rows[-1].append(nn.Dropout(dropout))
        top = TOPS[stem]
        rows += [
            _conv_relu(channels, top, 3, padding=0 if stem == "cifar" else 1),
            _conv_relu(top, top, 1),
            _conv_relu(top, num_classes, 1),
        ]

        super().__init__()
        self.input = nn.Dropout(input_dropout)
        for number, row in enumerate(rows, start=1):
            self.add_module(f"layer{number}", row)
        self.average = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


def _block(
    channels: int, convolutions: tuple[tuple[int, int], ...], form: str, reduction_padding: int
) -> list[nn.Sequential]:
    """Build the rows of Table 2 up to and with a reduction, which halves the resolution."""
    rows = []
    for index, (outputs, size) in enumerate(convolutions, start=1):
        if size == 11:
            row = _conv_relu(channels, outputs, size, stride=4, padding=2)
        else:
            strided = form == "strided" and index == len(convolutions)
            row = _conv_relu(channels, outputs, size, stride=2 if strided else 1, padding=size // 2)
        rows.append(row)
        channels = outputs
    if form == "all":
        rows.append(_conv_relu(channels, channels, 3, stride=2, padding=reduction_padding))
    if form == "convpool":
        rows.append(_conv_relu(channels, channels, 3, padding=1))
    if form in ("base", "convpool"):
        rows.append(nn.Sequential(nn.MaxPool2d(3, stride=2, ceil_mode=True)))
    return rows


def _conv_relu(channels: int, outputs: int, size: int, stride: int = 1, padding: int = 0) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, outputs, size, stride, padding), nn.ReLU(inplace=True))
