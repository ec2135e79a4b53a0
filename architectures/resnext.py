"""ResNeXt: residual bottlenecks that aggregate C parallel transformations of width d.

Saining Xie, Ross Girshick, Piotr Dollár, Zhuowen Tu, Kaiming He,
"Aggregated Residual Transformations for Deep Neural Networks", arXiv:1611.05431.

Paper → code:
    Equation 3, y = x + Σ T_i(x)                           ResNeXtBlock
    Figure 3 (a), (b), (c), the equivalent forms           split_transform_sum, early_concatenation, grouped
    Table 1, stages of the ImageNet networks               resnet.ResNet, resnet.IMAGENET_BLOCKS
    Table 2, cardinality C and width d of the template     knobs cardinality, base_width
    Section 5.1, without shortcuts                         knob residual
    Section 5.3, CIFAR networks of 9n + 2 layers           resnext

The stride is in the 3×3 convolution and shortcuts are of type B, as Section 4 says.
Not the paper's: `width`, by which a whole network is made smaller where the template cannot be paid.

Departures: none in the network. The CIFAR results of arXiv version 1 came from pre-activation blocks; the
blocks here are those of the later versions.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Literal

from torch import Tensor, nn

from architectures.layers.concatenation import Concatenation
from architectures.layers.conv_bn import conv_bn
from architectures.ranges import at_least, blocks_per_stage, one_of
from architectures.registry import Stem, register
from architectures.resnet import IMAGENET_BLOCKS, ResidualBlock, ResNet

# Channels that enter the first stage; d is the width of a path where the stage's own is this.
TEMPLATE_WIDTH = 64
EXPANSION = 4


@register(
    cifar={"depth": 29, "cardinality": 8, "base_width": 64},
    imagenet={"depth": 50, "cardinality": 32, "base_width": 4},
)
def resnext(
    *,
    stem: Stem,
    num_classes: int,
    depth: int,
    cardinality: int,
    base_width: int,
    form: Literal["a", "b", "c"] = "c",
    residual: bool = True,
    width: int = 64,
) -> ResNet:
    """ResNeXt: bottlenecks of C parallel paths of width d (ResNeXt, Sections 3 to 5; Tables 1, 2, 7).

    Knobs:
        depth: weighted layers; CIFAR: 9n + 2, the paper's is 29; ImageNet: 50, 101, 152 or 200.
        cardinality (C): parallel paths; 1 makes a ResNet with its stride in the 3×3 convolution.
        base_width (d): channels of a path in the first stage; every stage doubles it.
        form: a, paths summed; b, paths concatenated before the last 1×1; c, one grouped convolution.
        residual: false leaves the shortcuts out (Section 5.1).
        width: channels that enter the first stage, the paper's are 64; 32 halves every layer, the paths with
            it.
    """
    at_least("cardinality", cardinality, 1)
    at_least("base_width", base_width, 1)
    at_least("width", width, math.ceil(TEMPLATE_WIDTH / base_width))  # a path has one channel or more
    if stem == "cifar":
        blocks: tuple[int, ...] = (blocks_per_stage(depth, per_block=9, outside=2),) * 3
    else:
        one_of("depth", depth, [d for d, (block, _) in IMAGENET_BLOCKS.items() if block == "bottleneck"])
        _, blocks = IMAGENET_BLOCKS[depth]
    make_block = partial(
        ResNeXtBlock, cardinality=cardinality, base_width=base_width, form=form, residual=residual
    )
    return ResNet(stem, num_classes, blocks, width, make_block)


class ResNeXtBlock(ResidualBlock):
    """(N, inputs, H, W) to (N, 4 · width, H/stride, W/stride) through C paths of d · width / 64 channels."""

    def __init__(
        self,
        inputs: int,
        width: int,
        stride: int,
        cardinality: int,
        base_width: int,
        form: str,
        residual: bool,
    ) -> None:
        make_branch = {"a": split_transform_sum, "b": early_concatenation, "c": grouped}[form]
        path_width = base_width * width // TEMPLATE_WIDTH
        outputs = EXPANSION * width
        branch = make_branch(inputs, path_width, outputs, stride, cardinality)
        super().__init__(branch, inputs, outputs, stride, "B" if residual else None)


def split_transform_sum(
    inputs: int, path_width: int, outputs: int, stride: int, cardinality: int
) -> nn.Sequential:
    """Build Figure 3 (a): every path ends in a 1×1 of its own; the sum is normalised (footnote 3)."""
    paths = [
        nn.Sequential(*_path(inputs, path_width, stride), nn.Conv2d(path_width, outputs, 1, bias=False))
        for _ in range(cardinality)
    ]
    return nn.Sequential(Sum(paths), nn.BatchNorm2d(outputs))


def early_concatenation(
    inputs: int, path_width: int, outputs: int, stride: int, cardinality: int
) -> nn.Sequential:
    """Build Figure 3 (b): the paths are concatenated before one 1×1 convolution."""
    paths = [nn.Sequential(*_path(inputs, path_width, stride)) for _ in range(cardinality)]
    return nn.Sequential(Concatenation(paths), *conv_bn(cardinality * path_width, outputs, 1))


def grouped(inputs: int, path_width: int, outputs: int, stride: int, cardinality: int) -> nn.Sequential:
    """Build Figure 3 (c): one convolution of C groups instead of the paths."""
    width = cardinality * path_width
    return nn.Sequential(
        *conv_bn(inputs, width, 1),
        nn.ReLU(inplace=True),
        *conv_bn(width, width, 3, stride, groups=cardinality),
        nn.ReLU(inplace=True),
        *conv_bn(width, outputs, 1),
    )


def _path(inputs: int, path_width: int, stride: int) -> list[nn.Module]:
    return [
        *conv_bn(inputs, path_width, 1),
        nn.ReLU(inplace=True),
        *conv_bn(path_width, path_width, 3, stride),
        nn.ReLU(inplace=True),
    ]


class Sum(nn.Module):
    """The sum of what parallel paths make of one input."""

    def __init__(self, paths: Sequence[nn.Module]) -> None:
        super().__init__()
        self.paths = nn.ModuleList(paths)

    def forward(self, x: Tensor) -> Tensor:
        first, *others = (path(x) for path in self.paths)
        return sum(others, first)
