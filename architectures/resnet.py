"""ResNet, and the plain network that it is compared with: the same layers without shortcuts.

Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun,
"Deep Residual Learning for Image Recognition", arXiv:1512.03385.

Paper → code:
    Equations 1, 2, y = F(x) + x, y = F(x) + W x           ResidualBlock
    Figure 5, the two building blocks                      BasicBlock, Bottleneck
    Section 4.1, shortcuts A, B, C                         shortcut_connection
    Table 1, blocks of each stage                          IMAGENET_BLOCKS
    Section 4.2, CIFAR networks of 6n + 2 layers           resnet, plain
    Table 1 and Section 4.2, stems and stages              ResNet

A skip over one layer, for which Section 3.2 sees no advantage, is preact_resnet's block="single" with
unit="original" (the rows of 110 layers, "1 layer", in Table 3 of arXiv:1603.05027).
Not the paper's: `weighted`, a learnable weight on every shortcut. Branches need none: they end in batch
normalisation, which has one for every channel. `depth_mult` and `width_mult` are EfficientNet's d and w
(arXiv:1905.11946, Table 3), which has no other word on them than that layers are repeated and widened uniformly.

Departures: Table 1's 1.8 and 3.6 billion mult-adds (18, 34 layers) count parameter-free shortcuts (A), while
the default for ImageNet is B, the paper's choice for 50 layers and more. Bottlenecks of 9n + 2 layers on
CIFAR and 200 layers on ImageNet come from the authors' next paper (arXiv:1603.05027). fb.resnet.torch puts a
bottleneck's stride in its 3×3 convolution, the paper in its first 1×1: knob `stride_in`.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures.layers.conv_bn import conv_bn
from architectures.ranges import blocks_per_stage, one_of, positive, repeats
from architectures.registry import Stem, register

Shortcut = Literal["A", "B", "C"]

IMAGENET_BLOCKS: dict[int, tuple[str, tuple[int, ...]]] = {
    18: ("basic", (2, 2, 2, 2)),
    34: ("basic", (3, 4, 6, 3)),
    50: ("bottleneck", (3, 4, 6, 3)),
    101: ("bottleneck", (3, 4, 23, 3)),
    152: ("bottleneck", (3, 8, 36, 3)),
    200: ("bottleneck", (3, 24, 36, 3)),
}


@register(
    cifar={"depth": 110, "shortcut": "A"},
    imagenet={"depth": 50, "shortcut": "B"},
    later=("depth_mult", "width_mult"),
)
def resnet(
    *,
    stem: Stem,
    num_classes: int,
    depth: int,
    shortcut: Literal["A", "B", "C"],
    block: Literal["paper", "basic", "bottleneck"] = "paper",
    stride_in: Literal["1x1", "3x3"] = "1x1",
    weighted: bool = False,
    depth_mult: float = 1.0,
    width_mult: float = 1.0,
) -> "ResNet":
    """ResNet: blocks of two or three layers that learn a residual (ResNet, Sections 3, 4; Tables 1, 6).

    Knobs:
        depth: weighted layers; CIFAR: 6n + 2, the paper's are 20, 32, 44, 56, 110 and 1202 (9n + 2 with
            bottlenecks); ImageNet: 18, 34, 50, 101, 152 or 200.
        shortcut: A, identity padded with zeros; B, projection where the shape changes; C, always projection.
        block: basic, two 3×3; bottleneck, 1×1, 3×3, 1×1; paper, basic on CIFAR and at 18 and 34 layers.
        stride_in: a bottleneck's convolution that halves the resolution: 1x1, the paper; 3x3, the Torch code.
        weighted: multiplies every shortcut by a learnable number, 1 at first; the paper doesn't.
        depth_mult (d): how many times more blocks a stage has than at this depth, rounded up (EfficientNet, Table 3).
        width_mult (w): how many times more channels every layer has (EfficientNet, Table 3).
    """
    network = _build(stem, num_classes, depth, shortcut, block, stride_in, depth_mult, width_mult)
    if weighted:
        for module in list(network.modules()):
            if isinstance(module, ResidualBlock) and module.shortcut is not None:
                module.shortcut = nn.Sequential(module.shortcut, Weight())
    return network


@register(cifar={"depth": 56}, imagenet={"depth": 34})
def plain(
    *,
    stem: Stem,
    num_classes: int,
    depth: int,
    block: Literal["paper", "basic", "bottleneck"] = "paper",
    stride_in: Literal["1x1", "3x3"] = "1x1",
) -> "ResNet":
    """ResNet without its shortcuts, the plain network (ResNet, Sections 3.3, 4; Table 2; Figures 3, 6).

    Knobs:
        depth: weighted layers, as ResNet's; the paper's are 20, 32, 44, 56 on CIFAR, 18 and 34 on ImageNet.
        block: as ResNet's.
        stride_in: as ResNet's.
    """
    return _build(stem, num_classes, depth, None, block, stride_in)


def _build(
    stem: Stem,
    num_classes: int,
    depth: int,
    shortcut: Shortcut | None,
    block: str,
    stride_in: str,
    depth_mult: float = 1.0,
    width_mult: float = 1.0,
) -> "ResNet":
    positive("width_mult", width_mult)
    if stem == "cifar":
        block = "basic" if block == "paper" else block
        per_block = 9 if block == "bottleneck" else 6
        blocks: tuple[int, ...] = (blocks_per_stage(depth, per_block, outside=2),) * 3
    else:
        one_of("depth", depth, IMAGENET_BLOCKS)
        papers_block, blocks = IMAGENET_BLOCKS[depth]
        if block not in ("paper", papers_block):
            raise ValueError(f"block {block} doesn't give depth {depth} on ImageNet; choose {papers_block}")
        block = papers_block
    if block == "basic":
        make_block: Callable[[int, int, int], ResidualBlock] = partial(BasicBlock, shortcut=shortcut)
    else:
        make_block = partial(Bottleneck, shortcut=shortcut, stride_in=stride_in)
    blocks = tuple(repeats(length, depth_mult) for length in blocks)
    first_width = max(1, round(width_mult * (16 if stem == "cifar" else 64)))
    return ResNet(stem, num_classes, blocks, first_width, make_block)


class ResNet(nn.Sequential):
    """Stem, stages of residual blocks at halving resolution and doubling width, classifier (Table 1).

    Maps images (N, 3, H, W) to logits (N, num_classes). Its children are the rows of Table 1.
    `make_block(inputs, width, stride)` makes a block; `width` is the stage's, from `first_width` doubling.
    """

    def __init__(
        self,
        stem: Stem,
        num_classes: int,
        blocks: tuple[int, ...],
        first_width: int,
        make_block: Callable[[int, int, int], "ResidualBlock"],
    ) -> None:
        super().__init__()
        if stem == "cifar":
            self.conv1 = nn.Sequential(*conv_bn(3, first_width, 3), nn.ReLU(inplace=True))
        else:
            self.conv1 = nn.Sequential(*conv_bn(3, first_width, 7, stride=2), nn.ReLU(inplace=True))
        channels = first_width
        for stage, length in enumerate(blocks):
            # Table 1 counts the max pooling of the ImageNet form to conv2_x.
            pooled = stem == "imagenet" and stage == 0
            layers: list[nn.Module] = [nn.MaxPool2d(3, stride=2, padding=1)] if pooled else []
            for index in range(length):
                stride = 2 if stage > 0 and index == 0 else 1
                block = make_block(channels, first_width * 2**stage, stride)
                layers.append(block)
                channels = block.outputs
            self.add_module(f"conv{stage + 2}_x", nn.Sequential(*layers))
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes)
        )


class ResidualBlock(nn.Module):
    """ReLU(F(x) + shortcut(x)), or ReLU(F(x)) if the option is None.

    (N, inputs, H, W) to (N, outputs, H/stride, W/stride).
    """

    def __init__(
        self, branch: nn.Sequential, inputs: int, outputs: int, stride: int, shortcut: Shortcut | None
    ) -> None:
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        self.branch = branch
        self.shortcut = shortcut_connection(shortcut, inputs, outputs, stride) if shortcut else None
        self.relu: nn.Module = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.branch(x)
        if self.shortcut is not None:
            y = y + self.shortcut(x)
        return self.relu(y)


class BasicBlock(ResidualBlock):
    """Figure 5, left: two 3×3 convolutions of `width` channels."""

    def __init__(self, inputs: int, width: int, stride: int, shortcut: Shortcut | None) -> None:
        branch = nn.Sequential(
            *conv_bn(inputs, width, 3, stride), nn.ReLU(inplace=True), *conv_bn(width, width, 3)
        )
        super().__init__(branch, inputs, width, stride, shortcut)


class Bottleneck(ResidualBlock):
    """Figure 5, right: 1×1 and 3×3 convolutions of `width` channels, then a 1×1 of four times as many."""

    def __init__(
        self, inputs: int, width: int, stride: int, shortcut: Shortcut | None, stride_in: str
    ) -> None:
        first, second = (stride, 1) if stride_in == "1x1" else (1, stride)
        branch = nn.Sequential(
            *conv_bn(inputs, width, 1, first),
            nn.ReLU(inplace=True),
            *conv_bn(width, width, 3, second),
            nn.ReLU(inplace=True),
            *conv_bn(width, 4 * width, 1),
        )
        super().__init__(branch, inputs, 4 * width, stride, shortcut)


def shortcut_connection(option: Shortcut, inputs: int, outputs: int, stride: int) -> nn.Module:
    """Build a block's shortcut by Section 4.1: A never has parameters, B where the shape changes, C always."""
    if option == "C" or option == "B" and (stride > 1 or inputs != outputs):
        return nn.Sequential(*conv_bn(inputs, outputs, 1, stride))
    if stride > 1 or inputs != outputs:
        return PaddedIdentity(outputs - inputs, stride)
    return nn.Identity()


class Weight(nn.Module):
    """x times one learnable number, which starts at 1."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * x


class PaddedIdentity(nn.Module):
    """Shortcut A: every `stride`-th pixel, and `extra` channels of zeros, half before the input's and half after.

    The paper doesn't say where. Their order doesn't matter to a training; this one is that of the CIFAR weights
    of github.com/akamaster/pytorch_resnet_cifar10, which so can be evaluated.
    """

    def __init__(self, extra: int, stride: int) -> None:
        super().__init__()
        self.extra = extra
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        before = self.extra // 2
        return functional.pad(
            x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, before, self.extra - before)
        )
