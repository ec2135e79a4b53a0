"""SqueezeNet: AlexNet's accuracy with fifty times fewer parameters, through layers that squeeze and expand.

Forrest N. Iandola, Song Han, Matthew W. Moskewicz, Khalid Ashraf, William J. Dally, Kurt Keutzer,
"SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size", arXiv:1602.07360.

Paper → code:
    Section 3.1, Strategy 3, late downsampling             knob pool_after
    Section 3.2, Figure 1, the Fire module                 fire
    Section 5.1, e_i = base_e + incr_e ⌊i / freq⌋          BASE_EXPAND, EXPAND_INCREMENT, FREQUENCY
    Section 5.1, SR = s / e, pct3x3 = e_3x3 / e            knobs squeeze_ratio, share_3x3
    Section 6, Figure 2, simple and complex bypass         Bypassed
    Table 1, the whole network                             SqueezeNet
    The authors' repository, v1.1                          knob version, VERSIONS

Departures from the released code (github.com/forresti/SqueezeNet): v1.0 pads conv10 by one pixel, while
Table 1 keeps its 13×13. Departures from the paper: Table 1's 111×111 and 55×55 need images of 227×227, not
the 224×224 that it prints; the last but one pooling gives 13×13, not 13×12.
The CIFAR form isn't the paper's: its first convolution is 3×3 with stride 1, so that 32×32 images reach
fire9 at 4×4; nothing else changes.
"""

from typing import Literal

from torch import Tensor, nn

from architectures.layers.concatenation import Concatenation
from architectures.registry import Stem, register

BASE_EXPAND = 128
EXPAND_INCREMENT = 128
FREQUENCY = 2
FIRES = range(2, 10)
DROPOUT = 0.5

# Channels and kernel of the first convolution; the layers after which the resolution halves.
VERSIONS: dict[str, tuple[int, int, tuple[int, ...]]] = {"1.0": (96, 7, (1, 4, 8)), "1.1": (64, 3, (1, 3, 5))}


@register(cifar={}, imagenet={})
def squeezenet(
    *,
    stem: Stem,
    num_classes: int,
    version: Literal["1.0", "1.1"] = "1.0",
    bypass: Literal["none", "simple", "complex"] = "none",
    squeeze_ratio: float = 0.125,
    share_3x3: float = 0.5,
    pool_after: Literal["version", "1,3,5", "1,4,8", "1,6,9"] = "version",
) -> "SqueezeNet":
    """SqueezeNet: Fire modules, no fully connected layer (SqueezeNet, Sections 3, 5, 6; Tables 1, 3).

    Knobs:
        version: 1.0, the paper's; 1.1, smaller first convolution and earlier pooling (authors' repository).
        bypass: none; simple, identity around every other Fire module; complex, 1×1 convolution around the rest.
        squeeze_ratio (SR): channels of a squeeze layer for each of its expand layer, in (0, 1].
        share_3x3 (pct3x3): share of the expand layer's channels that have 3×3 filters, in (0, 1).
        pool_after: layers with max pooling behind them: the version's (1.0 has 1,4,8 and 1.1 has 1,3,5), or
            earlier or later ones; of the later the paper only says that they are better.
    """
    if not 0 < squeeze_ratio <= 1:
        raise ValueError(f"squeeze_ratio {squeeze_ratio} is not in (0, 1]; the paper's is 0.125")
    if not 0 < share_3x3 < 1:
        raise ValueError(f"share_3x3 {share_3x3} is not in (0, 1); the paper's is 0.5")
    channels, kernel, pooled = VERSIONS[version]
    if pool_after != "version":
        pooled = tuple(int(layer) for layer in pool_after.split(","))
    return SqueezeNet(stem, num_classes, channels, kernel, pooled, bypass, squeeze_ratio, share_3x3)


class SqueezeNet(nn.Sequential):
    """Maps images (N, 3, H, W) to logits (N, num_classes). Its children are the rows of Table 1.

    channels, kernel: of the first convolution on ImageNet; pooled: numbers of the layers with max pooling
    behind them.
    """

    def __init__(
        self,
        stem: Stem,
        num_classes: int,
        channels: int,
        kernel: int,
        pooled: tuple[int, ...],
        bypass: str,
        squeeze_ratio: float,
        share_3x3: float,
    ) -> None:
        super().__init__()
        if stem == "cifar":
            convolution = nn.Conv2d(3, channels, 3, padding=1)
        else:
            convolution = nn.Conv2d(3, channels, kernel, stride=2)
        self.conv1 = nn.Sequential(convolution, nn.ReLU(inplace=True))
        self.maxpool1 = _max_pool()
        for index, number in enumerate(FIRES):
            expand = BASE_EXPAND + EXPAND_INCREMENT * (index // FREQUENCY)
            module: nn.Module = fire(channels, expand, squeeze_ratio, share_3x3)
            if bypass != "none" and channels == expand:
                module = Bypassed(module, nn.Identity())
            elif bypass == "complex":
                module = Bypassed(module, nn.Conv2d(channels, expand, 1))
            self.add_module(f"fire{number}", module)
            if number in pooled:
                self.add_module(f"maxpool{number}", _max_pool())
            channels = expand
        self.conv10 = nn.Sequential(
            nn.Dropout(DROPOUT), nn.Conv2d(channels, num_classes, 1), nn.ReLU(inplace=True)
        )
        self.avgpool10 = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


def fire(inputs: int, expand: int, squeeze_ratio: float, share_3x3: float) -> nn.Sequential:
    """Build Figure 1: (N, inputs, H, W) to (N, expand, H, W) through squeeze_ratio · expand channels."""
    squeeze = round(squeeze_ratio * expand)
    expand_3x3 = round(share_3x3 * expand)
    expand_1x1 = expand - expand_3x3
    for knob, value, channels in (
        ("squeeze_ratio", squeeze_ratio, squeeze),
        ("share_3x3", share_3x3, expand_3x3),
        ("share_3x3", share_3x3, expand_1x1),
    ):
        if channels < 1:
            raise ValueError(
                f"{knob} {value} leaves a layer of a Fire module without channels; keep it from 0 and 1"
            )
    return nn.Sequential(
        nn.Conv2d(inputs, squeeze, 1),
        nn.ReLU(inplace=True),
        Concatenation([nn.Conv2d(squeeze, expand_1x1, 1), nn.Conv2d(squeeze, expand_3x3, 3, padding=1)]),
        nn.ReLU(inplace=True),
    )


class Bypassed(nn.Module):
    """Figure 2: what a Fire module makes of its input, plus the input, or a 1×1 convolution of it."""

    def __init__(self, module: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        return self.module(x) + self.shortcut(x)


def _max_pool() -> nn.MaxPool2d:
    # Caffe rounds the size up.
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)
