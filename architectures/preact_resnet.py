"""Pre-activation ResNet: what a residual unit may be, and how to order its layers.

Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun,
"Identity Mappings in Deep Residual Networks", arXiv:1603.05027.

Paper → code:
    Equations 1, 2, y = h(x) + F(x), x' = f(y)             ResidualUnit
    Table 2 and Figure 4, the five orders of a unit        ORDERS, knob unit
    Table 1 and Figure 2, functions h of the shortcut      Shortcut; knobs shortcut, *_scale, gate_bias, …
    Table 3, skips over one layer                          knob block, single
    Appendix, first and last unit of pre-activation        ResidualUnit (`first`), PreActResNet
    Section 5, 164 and 1001 layers on CIFAR, 200 on ImageNet   preact_resnet

Table 1 has the original order; its rows are, with unit="original" and depth=110, all the knobs of `Shortcut`:
identity; shortcut_scale 0 (plain), 0.5, and 0.5 with branch_scale 0.5; exclusive and shortcut-only gating;
1×1 convolution; shortcut_dropout 0.5.

Where the shape changes, basic and single blocks pad with zeros (A) on CIFAR, as the networks of 110 layers in
ResNet do; all others project (B). A projection has batch normalisation where the branch ends with one, and in
the pre-activation orders it reads the activated input, as in the released code (KaimingHe/resnet-1k-layers).

Departures: the paper doesn't say where the stride of a gate or a scaled shortcut is: here the gate has the
shortcut's stride. The released code puts a bottleneck's stride in its first 1×1, fb.resnet.torch in the 3×3
(knob `stride_in`).
"""

from functools import partial
from typing import Literal, NamedTuple

from torch import Tensor, nn

from architectures.highway import Gate
from architectures.ranges import blocks_per_stage, dropout_rate, one_of
from architectures.registry import Stem, register
from architectures.resnet import IMAGENET_BLOCKS, shortcut_connection


class Order(NamedTuple):
    """Where a unit of Figure 4 has its B(atch normalisation) and R(eLU); between convolutions it has both."""

    before: str
    after_branch: str
    after_addition: str


ORDERS = {
    "original": Order("", "B", "R"),
    "bn_after_addition": Order("", "", "BR"),
    "relu_before_addition": Order("", "BR", ""),
    "relu_only_preactivation": Order("R", "B", ""),
    "full_preactivation": Order("BR", "", ""),
}
# Layers of a unit on CIFAR, times three stages.
UNIT_LAYERS = {"single": 3, "basic": 6, "bottleneck": 9}
EXPANSION = {"single": 1, "basic": 1, "bottleneck": 4}


@register(cifar={"depth": 164}, imagenet={"depth": 200})
def preact_resnet(
    *,
    stem: Stem,
    num_classes: int,
    depth: int,
    unit: Literal[
        "original",
        "bn_after_addition",
        "relu_before_addition",
        "relu_only_preactivation",
        "full_preactivation",
    ] = "full_preactivation",
    block: Literal["paper", "single", "basic", "bottleneck"] = "paper",
    stride_in: Literal["1x1", "3x3"] = "1x1",
    shortcut: Literal["identity", "exclusive_gating", "shortcut_only_gating", "conv"] = "identity",
    shortcut_scale: float = 1.0,
    branch_scale: float = 1.0,
    gate_bias: float = -6.0,
    shortcut_dropout: float = 0.0,
) -> "PreActResNet":
    """Pre-activation ResNet and its rivals (Identity Mappings, Sections 3 to 5; Tables 1 to 5).

    Knobs:
        depth: weighted layers; CIFAR: 6n + 2 basic (the paper's is 110), 9n + 2 bottleneck (164, 1001),
            3n + 2 single (110); ImageNet: 18, 34, 50, 101, 152 or 200.
        unit: the order of batch normalisation, ReLU and addition (Figure 4).
        block: single, one 3×3 (Table 3); basic, two; bottleneck, 1×1, 3×3, 1×1; paper, on CIFAR bottleneck
            from 164 layers on, else basic; on ImageNet bottleneck from 50 layers on.
        stride_in: a bottleneck's convolution that halves the resolution: 1x1, the paper; 3x3, the Torch code.
        shortcut (h): identity; gated, 1 - g(x), with the branch times g(x) if exclusive; conv, always a 1×1.
        shortcut_scale (λ): what the shortcut is multiplied by; 0 makes the network plain.
        branch_scale: what the branch F is multiplied by.
        gate_bias (b_g): where the gate's bias starts, 0 to -10; the paper's best is -6. Only gates have it.
        shortcut_dropout: rate on the shortcut, in [0, 1); the paper's is 0.5 or none.
    """
    dropout_rate("shortcut_dropout", shortcut_dropout)
    unit_block, blocks = _blocks(stem, depth, block)
    make_shortcut = partial(
        Shortcut,
        change="A" if stem == "cifar" and unit_block != "bottleneck" else "B",
        kind=shortcut,
        shortcut_scale=shortcut_scale,
        branch_scale=branch_scale,
        gate_bias=gate_bias,
        dropout=shortcut_dropout,
    )
    make_unit = partial(
        ResidualUnit, block=unit_block, stride_in=stride_in, order=ORDERS[unit], make_shortcut=make_shortcut
    )
    return PreActResNet(stem, num_classes, blocks, ORDERS[unit], make_unit)


def _blocks(stem: Stem, depth: int, block: str) -> tuple[str, tuple[int, ...]]:
    if stem == "cifar":
        if block == "paper":
            block = "basic" if depth < 164 else "bottleneck"
        return block, (blocks_per_stage(depth, per_block=UNIT_LAYERS[block], outside=2),) * 3
    one_of("depth", depth, IMAGENET_BLOCKS)
    papers_block, blocks = IMAGENET_BLOCKS[depth]
    if block not in ("paper", papers_block):
        raise ValueError(f"block {block} doesn't give depth {depth} on ImageNet; choose {papers_block}")
    return papers_block, blocks


class PreActResNet(nn.Sequential):
    """Stem, stages of residual units at halving resolution and doubling width, classifier.

    Maps images (N, 3, H, W) to logits (N, num_classes). Its children are the rows of ResNet's Table 1. The
    stem ends activated: that is the first unit's activation, "right after conv1 and before splitting".
    """

    def __init__(
        self, stem: Stem, num_classes: int, blocks: tuple[int, ...], order: Order, make_unit: partial
    ) -> None:
        super().__init__()
        first_width, kernel, stride = (16, 3, 1) if stem == "cifar" else (64, 7, 2)
        self.conv1 = nn.Sequential(
            nn.Conv2d(3, first_width, kernel, stride, padding=kernel // 2, bias=False),
            *_activation("BR", first_width),
        )
        channels = first_width
        for stage, length in enumerate(blocks):
            layers = [nn.MaxPool2d(3, stride=2, padding=1)] if stem == "imagenet" and stage == 0 else []
            for index in range(length):
                unit = make_unit(
                    channels,
                    first_width * 2**stage,
                    stride=2 if stage > 0 and index == 0 else 1,
                    first=stage == 0 and index == 0,
                )
                layers.append(unit)
                channels = unit.outputs
            self.add_module(f"conv{stage + 2}_x", nn.Sequential(*layers))
        self.classifier = nn.Sequential(
            *_activation(order.before, channels),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(channels, num_classes),
        )


class ResidualUnit(nn.Module):
    """f(h(x) + F(x)): (N, inputs, H, W) to (N, outputs, H/stride, W/stride)."""

    def __init__(
        self,
        inputs: int,
        width: int,
        stride: int,
        first: bool,
        *,
        block: str,
        stride_in: str,
        order: Order,
        make_shortcut: partial,
    ) -> None:
        super().__init__()
        self.outputs = width * EXPANSION[block]
        self.shortcut = make_shortcut(inputs, self.outputs, stride, norm="B" in order.after_branch)
        before = [] if first else _activation(order.before, inputs)
        # A projection and the branch share the activation; an identity must stay one.
        shared = self.shortcut.projects
        self.shared = nn.Sequential(*before) if shared else nn.Sequential()
        layers = [] if shared else before
        for index, convolution in enumerate(_convolutions(block, inputs, width, stride, stride_in)):
            if index:
                layers += _activation("BR", convolution.in_channels)
            layers.append(convolution)
        self.branch = nn.Sequential(*layers, *_activation(order.after_branch, self.outputs))
        self.after_addition = nn.Sequential(*_activation(order.after_addition, self.outputs))

    def forward(self, x: Tensor) -> Tensor:
        x = self.shared(x)
        return self.after_addition(self.shortcut(x, self.branch(x)))


class Shortcut(nn.Module):
    """The addition with the functions of Table 1: (x, F(x)) to λ · h(x) + branch_scale · F(x)."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int,
        norm: bool,
        *,
        change: Literal["A", "B"],
        kind: str,
        shortcut_scale: float,
        branch_scale: float,
        gate_bias: float,
        dropout: float,
    ) -> None:
        super().__init__()
        connection = shortcut_connection("C" if kind == "conv" else change, inputs, outputs, stride)
        self.projects = isinstance(connection, nn.Sequential)
        if isinstance(connection, nn.Sequential) and not norm:
            connection = connection[0]
        self.connection = connection
        self.gate = Gate(inputs, outputs, 1, stride, gate_bias) if kind.endswith("gating") else None
        self.exclusive = kind == "exclusive_gating"
        self.shortcut_scale = shortcut_scale
        self.branch_scale = branch_scale
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        h = self.connection(x)
        if self.gate is not None:
            gate = self.gate(x)
            h = h * (1 - gate)
            if self.exclusive:
                y = y * gate
        return self.shortcut_scale * self.dropout(h) + self.branch_scale * y


def _convolutions(block: str, inputs: int, width: int, stride: int, stride_in: str) -> list[nn.Conv2d]:
    first, second = (stride, 1) if stride_in == "1x1" else (1, stride)
    shapes = {
        "single": [(inputs, width, 3, stride)],
        "basic": [(inputs, width, 3, stride), (width, width, 3, 1)],
        "bottleneck": [(inputs, width, 1, first), (width, width, 3, second), (width, 4 * width, 1, 1)],
    }[block]
    return [nn.Conv2d(i, o, kernel, s, padding=kernel // 2, bias=False) for i, o, kernel, s in shapes]


def _activation(letters: str, channels: int) -> list[nn.Module]:
    # A ReLU alone reads what the shortcut reads too, so it must not overwrite it.
    return [
        nn.BatchNorm2d(channels) if letter == "B" else nn.ReLU(inplace=letters != "R") for letter in letters
    ]
