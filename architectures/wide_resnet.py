"""Wide ResNet: residual networks that are k times as wide, and shallower.

Sergey Zagoruyko, Nikos Komodakis, "Wide Residual Networks", arXiv:1605.07146.

Paper → code:
    Table 1, groups conv2, conv3, conv4 of widths 16k, 32k, 64k   WideResNet; GROUP_WIDTHS
    Section 2, block type B(M), order BN-ReLU-convolution  WideBlock, knob block
    Section 2, deepening factor l                          knob layers_per_block
    Section 2.4, dropout between the convolutions          knob dropout
    Section 3, ImageNet, wider basic blocks and bottlenecks   _imagenet

The paper's 6n + 4 layers are convolutions, each group's projection among them. With a block type B(M) a group
has n blocks whatever M is: only that gives the parameters of Table 2. With l, a group's 2n convolutions are
spread over 2n / l blocks: only that keeps "the same number of parameters" of Table 3.

Departures: none. The ImageNet form is post-activated, as the released models are
(szagoruyko/wide-residual-networks, pretrained/wide-resnet.lua). A bottleneck is widened inside only; the code
widens its output too unless k = 2, the only k that is printed.
"""

from typing import Literal

from torch import Tensor, nn

from architectures.ranges import at_least, blocks_per_stage, dropout_rate, one_of
from architectures.registry import Stem, register
from architectures.resnet import IMAGENET_BLOCKS, BasicBlock, ResidualBlock, ResNet
from architectures.resnext import ResNeXtBlock

FIRST_WIDTH = 16
GROUP_WIDTHS = (16, 32, 64)
IMAGENET_WIDTH = 64
BLOCK_KERNELS = {
    "B(3,3)": (3, 3),
    "B(3,1)": (3, 1),
    "B(1,3)": (1, 3),
    "B(1,3,1)": (1, 3, 1),
    "B(3,1,1)": (3, 1, 1),
    "B(3,1,3)": (3, 1, 3),
}


@register(cifar={"depth": 28, "widen_factor": 10.0}, imagenet={"depth": 50, "widen_factor": 2.0})
def wide_resnet(
    *,
    stem: Stem,
    num_classes: int,
    depth: int,
    widen_factor: float,
    block: Literal["B(3,3)", "B(3,1)", "B(1,3)", "B(1,3,1)", "B(3,1,1)", "B(3,1,3)"] = "B(3,3)",
    layers_per_block: int = 2,
    dropout: float = 0.0,
) -> nn.Sequential:
    """Wide ResNet: fewer and wider residual blocks (Wide ResNet, Sections 2, 3; Tables 1 to 9).

    Knobs:
        depth: CIFAR: 6n + 4 convolutions with the projections, the paper's are 16, 22, 28, 40 and 52;
            ImageNet: 18, 34, 50, 101, 152 or 200.
        widen_factor (k): times the width of ResNet; CIFAR: 1 to 12; ImageNet: 1, 1.5, 2, 3 for basic blocks,
            2 for bottlenecks, where it widens the inside alone.
        block (B(M)): kernel sizes of a block's convolutions; a knob of the CIFAR form, as the next two.
        layers_per_block (l): 3×3 convolutions of a block, with B(3,3) alone; the paper's are 1 to 4.
        dropout: rate between the convolutions of a block, in [0, 1); the paper's is 0.3, 0.4 or none.
    """
    dropout_rate("dropout", dropout)
    if stem == "cifar":
        blocks, kernels = _cifar_blocks(depth, block, layers_per_block)
        widths = [_widened(width, widen_factor) for width in GROUP_WIDTHS]
        return WideResNet(num_classes, blocks, widths, kernels, dropout)
    if (block, layers_per_block, dropout) != ("B(3,3)", 2, 0.0):
        raise ValueError("block, layers_per_block and dropout are knobs of the CIFAR form; leave them out")
    return _imagenet(num_classes, depth, widen_factor)


def _cifar_blocks(depth: int, block: str, layers_per_block: int) -> tuple[int, tuple[int, ...]]:
    """Return the number of blocks in a group, and the kernels of a block."""
    n = blocks_per_stage(depth, per_block=6, outside=4)
    at_least("layers_per_block", layers_per_block, 1)
    if layers_per_block == 2:
        return n, BLOCK_KERNELS[block]
    if block != "B(3,3)":
        raise ValueError(f"layers_per_block {layers_per_block} goes with block B(3,3) only; not {block}")
    blocks, rest = divmod(2 * n, layers_per_block)
    if rest:
        raise ValueError(
            f"layers_per_block {layers_per_block} doesn't divide the {2 * n} convolutions of a group at "
            f"depth {depth}; choose one that does"
        )
    return blocks, (3,) * layers_per_block


def _widened(width: int, widen_factor: float) -> int:
    widened = width * widen_factor
    if widened < 1 or widened != int(widened):
        raise ValueError(
            f"widen_factor {widen_factor} makes {widened} channels of {width}; choose one that makes a whole number"
        )
    return int(widened)


def _imagenet(num_classes: int, depth: int, widen_factor: float) -> ResNet:
    """Build a ResNet with wider blocks; its stem stays as it is."""
    one_of("depth", depth, IMAGENET_BLOCKS)
    kind, blocks = IMAGENET_BLOCKS[depth]
    base_width = _widened(IMAGENET_WIDTH, widen_factor)

    def make_block(inputs: int, width: int, stride: int) -> ResidualBlock:
        if kind == "basic":
            return BasicBlock(inputs, base_width * width // IMAGENET_WIDTH, stride, shortcut="B")
        # A bottleneck wider inside is a ResNeXt block of one path.
        return ResNeXtBlock(inputs, width, stride, 1, base_width, form="c", residual=True)

    return ResNet("imagenet", num_classes, blocks, IMAGENET_WIDTH, make_block)


class WideResNet(nn.Sequential):
    """Table 1: maps images (N, 3, H, W) to logits (N, num_classes). Its children are the rows of Table 1."""

    def __init__(
        self, num_classes: int, blocks: int, widths: list[int], kernels: tuple[int, ...], dropout: float
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, FIRST_WIDTH, 3, padding=1, bias=False)
        channels = FIRST_WIDTH
        for group, width in enumerate(widths, start=2):
            layers = []
            for index in range(blocks):
                stride = 2 if group > 2 and index == 0 else 1
                layers.append(WideBlock(channels, width, stride, kernels, dropout))
                channels = width
            self.add_module(f"conv{group}", nn.Sequential(*layers))
        self.classifier = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(channels, num_classes),
        )


class WideBlock(nn.Module):
    """x + F(x) with F of BN-ReLU-convolution in turn: (N, inputs, H, W) to (N, width, H/stride, W/stride)."""

    def __init__(
        self, inputs: int, width: int, stride: int, kernels: tuple[int, ...], dropout: float
    ) -> None:
        super().__init__()
        self.outputs = width
        activation = [nn.BatchNorm2d(inputs), nn.ReLU(inplace=True)]
        changes = inputs != width or stride > 1
        # A projection reads the activated input, as in the released code.
        self.shared = nn.Sequential(*activation) if changes else nn.Sequential()
        layers: list[nn.Module] = [] if changes else activation
        for index, kernel in enumerate(kernels):
            if index:
                layers += [nn.BatchNorm2d(width), nn.ReLU(inplace=True), nn.Dropout(dropout)]
            first = index == 0
            layers.append(
                nn.Conv2d(
                    inputs if first else width,
                    width,
                    kernel,
                    stride if first else 1,
                    padding=kernel // 2,
                    bias=False,
                )
            )
        self.branch = nn.Sequential(*layers)
        self.shortcut = nn.Conv2d(inputs, width, 1, stride, bias=False) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = self.shared(x)
        return self.shortcut(x) + self.branch(x)
