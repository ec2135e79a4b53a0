"""The squeeze-and-excitation block, shared by the families that carry it.

Jie Hu, Li Shen, Samuel Albanie, Gang Sun, Enhua Wu, "Squeeze-and-Excitation Networks", arXiv:1709.01507,
Equations 2 (squeeze), 3 (excitation) and 4 (scale); Tables 11, 12 and 16 vary them.
"""

from typing import Literal

from torch import Tensor, nn

Gate = Literal["sigmoid", "hard_sigmoid", "tanh", "relu"]
GATES = {"sigmoid": nn.Sigmoid, "hard_sigmoid": nn.Hardsigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}
Squeeze = Literal["average", "max", "none"]
Activation = Literal["relu", "silu"]
ACTIVATIONS = {"relu": nn.ReLU, "silu": nn.SiLU}


class SqueezeExcitation(nn.Module):
    """Scale every channel by a number in which all channels have a say: (N, channels, H, W) to the same shape.

    reduced: width of the bottleneck between the two fully connected layers (`reduced_channels` for the paper's);
    None makes them one layer of channels² weights. They are written as 1×1 convolutions, and so start as a recipe's
    convolutions do: with He's draw, which Section 5.1 names for all weights.
    activation: between the two; the paper's is ReLU.
    squeeze: what a channel is summed up by; none leaves it whole, so that every pixel gets a scale of its own.
    """

    def __init__(
        self,
        channels: int,
        reduced: int | None,
        *,
        bias: bool = True,
        activation: Activation = "relu",
        gate: Gate = "sigmoid",
        squeeze: Squeeze = "average",
    ) -> None:
        super().__init__()
        self.squeeze = {
            "average": nn.AdaptiveAvgPool2d(1),
            "max": GlobalMaxPool(),
            "none": nn.Identity(),
        }[squeeze]
        if reduced is None:
            layers: list[nn.Module] = [nn.Conv2d(channels, channels, 1, bias=bias)]
        else:
            layers = [
                nn.Conv2d(channels, reduced, 1, bias=bias),
                ACTIVATIONS[activation](inplace=True),
                nn.Conv2d(reduced, channels, 1, bias=bias),
            ]
        self.excitation = nn.Sequential(*layers, GATES[gate]())

    def forward(self, x: Tensor) -> Tensor:
        return x * self.excitation(self.squeeze(x))


class GlobalMaxPool(nn.Module):
    """The largest number of every channel, (N, C, H, W) to (N, C, 1, 1); of equal ones the first gets the gradient.

    `nn.AdaptiveMaxPool2d(1)` to the bit, of which a GPU has no deterministic gradient.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(2).max(2).values[..., None, None]


def reduced_channels(channels: int, reduction: int) -> int:
    """Return C / r of Equation 3, at least one: 16 channels and fewer, as on CIFAR, keep one at r = 16."""
    return max(1, channels // reduction)
