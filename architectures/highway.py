"""Highway networks: layers with a gate that decides, value by value, what is transformed and what is carried.

Rupesh Kumar Srivastava, Klaus Greff, Jürgen Schmidhuber,
"Highway Networks", arXiv:1505.00387, and "Training Very Deep Networks", arXiv:1507.06228.

Paper → code (sections of arXiv:1507.06228):
    Equation 3, y = H(x) · T(x) + x · (1 - T(x))           HighwayLayer, GatedShortcut
    Section 2.1, convolutional layers, plain ones where the width changes   HighwayNet
    Section 2.2, transform gate σ(W x + b), b negative     Gate, knob gate_bias
    Section 3.3, 19 layers for CIFAR (Highway B)           highway; WIDTHS
    Section 3.1, plain networks of the same depth          plain_highway

The papers don't print the network of 19 layers; it is the released one (flukeskywalker/highway-networks,
cifar10-19layers): 5, 6 and 6 layers of 32, 80 and 128 channels, the first of each stage plain, then a 1×1
convolution of 100 channels, global pooling and a fully connected layer: the end that the paper says it has in
Table 3, not in Table 2. Other depths spread their layers over the stages alike.

Departures: the gate's bias is a parameter of its own and no bias of the convolution, so that a recipe which
starts biases at zero leaves it at its value. Highway A (11 layers) and C (32, alternating 3×3 and 1×1) have
widths that aren't printed, so 11 and 32 layers here are of B's.
"""

import torch
from torch import Tensor, nn

from architectures.ranges import at_least, dropout_rate
from architectures.registry import Stem, register

WIDTHS = (32, 80, 128)
LAST_CHANNELS = 100
# Outside the stages: the 1×1 convolution and the fully connected layer.
OUTSIDE = 2


@register(cifar={"depth": 19})
def highway(
    *, stem: Stem, num_classes: int, depth: int, gate_bias: float = -2.0, dropout: float = 0.2
) -> "HighwayNet":
    """Highway network: gated convolutional layers (Training Very Deep Networks, Sections 2, 3.3; Table 2).

    Knobs:
        depth: weighted layers, at least 8; the paper's are 11, 19 and 32.
        gate_bias (b_T): where the transform gate's bias starts; negative carries at first, as the paper does.
        dropout: rate before the first layer, after each pooling and before the last layer, in [0, 1).
    """
    return HighwayNet(num_classes, depth, gate_bias, dropout)


@register(cifar={"depth": 19})
def plain_highway(*, stem: Stem, num_classes: int, depth: int, dropout: float = 0.2) -> "HighwayNet":
    """Highway network without its gates, the plain counterpart (Training Very Deep Networks, Section 3.1).

    Knobs:
        depth: weighted layers, at least 8.
        dropout: as the highway network's.
    """
    return HighwayNet(num_classes, depth, None, dropout)


class HighwayNet(nn.Sequential):
    """Three stages with 2×2 max pooling between them, classifier; plain if `gate_bias` is None.

    Maps images (N, 3, H, W) to logits (N, num_classes).
    """

    def __init__(self, num_classes: int, depth: int, gate_bias: float | None, dropout: float) -> None:
        at_least("depth", depth, 2 * len(WIDTHS) + OUTSIDE)
        dropout_rate("dropout", dropout)
        super().__init__()
        channels = 3
        for stage, (width, layers) in enumerate(zip(WIDTHS, stage_lengths(depth), strict=True), start=1):
            stage_layers = [nn.Dropout(dropout), convolution(channels, width)]
            for _ in range(layers - 1):
                layer = convolution(width, width) if gate_bias is None else HighwayLayer(width, gate_bias)
                stage_layers.append(layer)
            if stage < len(WIDTHS):
                stage_layers.append(nn.MaxPool2d(2))
            self.add_module(f"stage_{stage}", nn.Sequential(*stage_layers))
            channels = width
        self.classifier = nn.Sequential(
            *convolution(channels, LAST_CHANNELS, kernel=1),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(LAST_CHANNELS, num_classes),
        )


def stage_lengths(depth: int) -> list[int]:
    """Return the layers of each stage: as equal as can be, the later with what is left over (19: 5, 6, 6)."""
    layers, remainder = divmod(depth - OUTSIDE, len(WIDTHS))
    return [layers + (stage >= len(WIDTHS) - remainder) for stage in range(len(WIDTHS))]


class HighwayLayer(nn.Module):
    """Equation 3 with H a 3×3 convolution and ReLU: (N, channels, H, W) to the same shape."""

    def __init__(self, channels: int, gate_bias: float) -> None:
        super().__init__()
        self.transform = convolution(channels, channels)
        self.shortcut = GatedShortcut(channels, gate_bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x, self.transform(x))


class GatedShortcut(nn.Module):
    """The sum of what is transformed and what is carried: (x, H(x)) to H(x) · T(x) + x · (1 - T(x))."""

    def __init__(self, channels: int, gate_bias: float) -> None:
        super().__init__()
        self.gate = Gate(channels, channels, kernel=3, stride=1, bias=gate_bias)

    def forward(self, x: Tensor, transformed: Tensor) -> Tensor:
        gate = self.gate(x)
        return transformed * gate + x * (1 - gate)


class Gate(nn.Module):
    """σ(W x + b) with b starting at `bias`: (N, inputs, H, W) to (N, outputs, H/stride, W/stride)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, bias: float) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
        self.bias = nn.Parameter(torch.full((outputs, 1, 1), bias))

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.convolution(x) + self.bias)


def convolution(inputs: int, outputs: int, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), nn.ReLU(inplace=True))
