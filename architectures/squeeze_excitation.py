"""The squeeze-and-excitation block, shared by the families that carry it.

Jie Hu, Li Shen, Samuel Albanie, Gang Sun, Enhua Wu, "Squeeze-and-Excitation Networks", arXiv:1709.01507,
Equations 2 (squeeze), 3 (excitation) and 4 (scale).
"""

from typing import Literal

from torch import Tensor, nn

Gate = Literal["sigmoid", "hard_sigmoid", "tanh", "relu"]
GATES = {"sigmoid": nn.Sigmoid, "hard_sigmoid": nn.Hardsigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}


class SqueezeExcitation(nn.Module):
    """Scales every map by a number in which all maps have a say: (N, maps, H, W) to the same shape.

    reduced: width of the bottleneck between the two fully connected layers, maps / r in the paper, which are
    written as 1×1 convolutions. squeeze: what a map is summed up by.
    """

    def __init__(
        self,
        maps: int,
        reduced: int,
        *,
        bias: bool = True,
        gate: Gate = "sigmoid",
        squeeze: Literal["average", "max"] = "average",
    ) -> None:
        super().__init__()
        self.squeeze = nn.AdaptiveAvgPool2d(1) if squeeze == "average" else nn.AdaptiveMaxPool2d(1)
        self.excitation = nn.Sequential(
            nn.Conv2d(maps, reduced, 1, bias=bias),
            nn.ReLU(inplace=True),
            nn.Conv2d(reduced, maps, 1, bias=bias),
            GATES[gate](),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.excitation(self.squeeze(x))
