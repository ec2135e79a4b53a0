"""LeNet-5: convolutions and trainable subsampling in turn, in front of two fully connected layers.

Yann LeCun, Léon Bottou, Yoshua Bengio, Patrick Haffner, "Gradient-Based Learning Applied to Document
Recognition", Proceedings of the IEEE 86 (11), 1998.

Paper → code:
    Section II-B, Figure 2, layers C1 to F6               LeNet5, one child a layer
    Section II-B, S2 and S4: 4 inputs added, times a      Subsampling
    trainable coefficient, plus a trainable bias
    Table I, the channels of S2 that C3 combines          TABLE_I, TableConvolution
    Equation 6, Appendix A, squashing A tanh(S a)         ScaledTanh

Departures: the paper's images have one channel, these have three, so that C1 has 456 parameters and not 156.
Its output units measure the distance of F6 to fixed codes of ±1; here they are a linear layer, for a softmax,
which adds 850 parameters to the paper's 60,000. Coefficients of the subsampling begin at an average, 1/4, and
not at random. `relu`, `max` and `full` aren't the paper's: they are what followed. There is no ImageNet form:
the layers are sized for images of 32 pixels.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures.registry import Stem, register

# Channels of S2 that each group of C3's channels combines: three in a row, four in a row, four with gaps, all.
TABLE_I = (
    ((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (4, 5, 0), (5, 0, 1)),
    ((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (3, 4, 5, 0), (4, 5, 0, 1), (5, 0, 1, 2)),
    ((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    ((0, 1, 2, 3, 4, 5),),
)
C1, C3, C5, F6 = 6, 16, 120, 84
# Appendix A: f(1) = 1 and f(-1) = -1, where the curvature is largest.
AMPLITUDE, SLOPE = 1.7159, 2 / 3


@register(cifar={})
def lenet5(
    *,
    stem: Stem,
    num_classes: int,
    activation: Literal["tanh", "relu"] = "tanh",
    pooling: Literal["subsampling", "max"] = "subsampling",
    connections: Literal["table", "full"] = "table",
) -> "LeNet5":
    """LeNet-5 (LeCun et al. 1998, Section II-B; Figure 2; Table I).

    Knobs:
        activation (f): tanh, the paper's 1.7159 tanh(2a/3); relu.
        pooling: subsampling, a coefficient and a bias for each channel, and f behind it; max, without any.
        connections: table, C3 sees the channels of S2 that Table I says; full, it sees all.
    """
    return LeNet5(3, num_classes, activation, pooling, connections)


class LeNet5(nn.Sequential):
    """Maps images (N, inputs, 32, 32) to logits (N, num_classes); its children are the layers of Figure 2."""

    def __init__(
        self, inputs: int, num_classes: int, activation: str, pooling: str, connections: str
    ) -> None:
        super().__init__()
        squash = ScaledTanh if activation == "tanh" else nn.ReLU

        def halved(channels: int) -> nn.Module:
            return nn.MaxPool2d(2) if pooling == "max" else nn.Sequential(Subsampling(channels), squash())

        c3 = TableConvolution() if connections == "table" else nn.Conv2d(C1, C3, 5)
        self.c1 = nn.Sequential(nn.Conv2d(inputs, C1, 5), squash())
        self.s2 = halved(C1)
        self.c3 = nn.Sequential(c3, squash())
        self.s4 = halved(C3)
        self.c5 = nn.Sequential(nn.Conv2d(C3, C5, 5), squash(), nn.Flatten())
        self.f6 = nn.Sequential(nn.Linear(C5, F6), squash())
        self.output = nn.Linear(F6, num_classes)


class ScaledTanh(nn.Module):
    """Equation 6: A tanh(S a), of any shape."""

    def forward(self, x: Tensor) -> Tensor:
        return AMPLITUDE * torch.tanh(SLOPE * x)


class Subsampling(nn.Module):
    """S2, S4: (N, channels, H, W) to (N, channels, H/2, W/2), 2 · channels parameters."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.coefficient = nn.Parameter(torch.full((channels, 1, 1), 1 / 4))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.coefficient * (4 * functional.avg_pool2d(x, 2)) + self.bias


class TableConvolution(nn.Module):
    """C3 by Table I: (N, 6, H, W) to (N, 16, H - 4, W - 4), 60 kernels of 5×5 and 16 biases.

    Channels that combine equally many are the groups of one convolution.
    """

    def __init__(self) -> None:
        super().__init__()
        # The second and the third part of the table combine four channels each.
        parts = (TABLE_I[0], TABLE_I[1] + TABLE_I[2], TABLE_I[3])
        self.paths = nn.ModuleList(
            nn.Conv2d(len(part) * len(part[0]), len(part), 5, groups=len(part)) for part in parts
        )
        for number, part in enumerate(parts):
            combined = torch.tensor([channel for channels in part for channel in channels])
            self.register_buffer(f"combined_{number}", combined, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        paths = enumerate(self.paths)
        return torch.cat([path(x[:, getattr(self, f"combined_{n}")]) for n, path in paths], dim=1)
