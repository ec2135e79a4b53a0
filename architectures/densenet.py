"""DenseNet: every layer of a block receives the feature maps of all layers before it.

Gao Huang, Zhuang Liu, Laurens van der Maaten, Kilian Q. Weinberger,
"Densely Connected Convolutional Networks", arXiv:1608.06993.

Paper → code:
    Section 3, composite function H (BN, ReLU, convolution)  DenseLayer
    Equation 2, x_l = H([x_0, x_1, …, x_(l-1)])              DenseBlock
    Section 3, transition layers, compression θ              Transition
    Section 3, bottleneck of 4k channels (-B)                BOTTLENECK
    Table 1, layers of the dense blocks                      IMAGENET_BLOCKS
    Section 3, implementation details; Table 1, stems        DenseNet
    arXiv:1707.06990, memory for computation                 DenseNet.save_memory

Departures from the released code (github.com/liuzhuang13/DenseNet): it gives the first convolution 2k
channels in every CIFAR network; the paper gives it 16, and 2k in DenseNet-BC alone, and only this yields
Table 2's 1.0M, 7.0M and 27.2M. DenseNet-B and -C have no printed count; they take the text's 16.
Departures from the paper: its "DenseNet-264" has 2 · (6 + 12 + 64 + 48) + 5 = 265 weighted layers.
161 (k = 48) was in Table 1 of earlier arXiv versions, not of the first, 264 is in that of the later ones.
"""

from fractions import Fraction
from math import floor

import torch
from torch import Tensor, nn

from architectures.ranges import at_least, blocks_per_stage, dropout_rate, one_of
from architectures.recomputing import recomputing
from architectures.registry import Stem, register

IMAGENET_BLOCKS = {
    121: (6, 12, 24, 16),
    161: (6, 12, 36, 24),
    169: (6, 12, 32, 32),
    201: (6, 12, 48, 32),
    264: (6, 12, 64, 48),
}
BOTTLENECK = 4


@register(cifar={"depth": 40, "growth_rate": 12})
def densenet(
    *, stem: Stem, num_classes: int, depth: int, growth_rate: int, dropout: float = 0.0
) -> "DenseNet":
    """DenseNet, the plain form (DenseNet, Section 3; Table 2).

    Knobs:
        depth (L): weighted layers, 3n + 4; the paper's are 40 and 100.
        growth_rate (k): channels that each layer adds; the paper's are 12 and 24.
        dropout: rate after every convolution but the first, in [0, 1); the paper's is 0.2 or none.
    """
    blocks = _cifar_blocks(depth, layers_each=1)
    return DenseNet(stem, num_classes, blocks, growth_rate, 16, dropout=dropout)


@register(cifar={"depth": 40, "growth_rate": 12})
def densenet_b(
    *, stem: Stem, num_classes: int, depth: int, growth_rate: int, dropout: float = 0.0
) -> "DenseNet":
    """DenseNet-B: a 1×1 bottleneck of 4k channels before every 3×3 convolution (DenseNet, Section 3; Figure 4).

    Knobs:
        depth (L): weighted layers, 6n + 4.
        growth_rate (k): channels that each layer adds.
        dropout: rate after every convolution but the first, in [0, 1).
    """
    blocks = _cifar_blocks(depth, layers_each=2)
    return DenseNet(stem, num_classes, blocks, growth_rate, 16, bottleneck=True, dropout=dropout)


@register(cifar={"depth": 40, "growth_rate": 12})
def densenet_c(
    *,
    stem: Stem,
    num_classes: int,
    depth: int,
    growth_rate: int,
    compression: float = 0.5,
    dropout: float = 0.0,
) -> "DenseNet":
    """DenseNet-C: transitions that keep a share θ of the channels (DenseNet, Section 3; Figure 4).

    Knobs:
        depth (L): weighted layers, 3n + 4.
        growth_rate (k): channels that each layer adds.
        compression (θ): share of channels that a transition keeps, in (0, 1].
        dropout: rate after every convolution but the first, in [0, 1).
    """
    blocks = _cifar_blocks(depth, layers_each=1)
    return DenseNet(stem, num_classes, blocks, growth_rate, 16, compression=compression, dropout=dropout)


@register(cifar={"depth": 100, "growth_rate": 12}, imagenet={"depth": 121, "growth_rate": 32})
def densenet_bc(
    *,
    stem: Stem,
    num_classes: int,
    depth: int,
    growth_rate: int,
    compression: float = 0.5,
    dropout: float = 0.0,
) -> "DenseNet":
    """DenseNet-BC: bottleneck layers and compressed transitions (DenseNet, Sections 3, 4; Tables 1, 2).

    Knobs:
        depth (L): weighted layers; CIFAR: 6n + 4, the paper's are 100, 190 and 250; ImageNet: 121, 169, 201,
            264 or 161.
        growth_rate (k): channels that each layer adds; the paper's are 12, 24, 40; ImageNet: 32, 48 for 161.
        compression (θ): share of channels that a transition keeps, in (0, 1].
        dropout: rate after every convolution but the first, in [0, 1); the paper's is 0.2 or none.
    """
    if stem == "cifar":
        blocks = _cifar_blocks(depth, layers_each=2)
    else:
        one_of("depth", depth, IMAGENET_BLOCKS)
        blocks = IMAGENET_BLOCKS[depth]
    return DenseNet(
        stem,
        num_classes,
        blocks,
        growth_rate,
        2 * growth_rate,
        bottleneck=True,
        compression=compression,
        dropout=dropout,
    )


def _cifar_blocks(depth: int, layers_each: int) -> tuple[int, ...]:
    """Three equal blocks; outside them the first convolution, two transitions and the classifier."""
    n = blocks_per_stage(depth, per_block=3 * layers_each, outside=4)
    return (n, n, n)


class DenseNet(nn.Sequential):
    """First convolution, dense blocks with transitions between them, classification layer (Table 1).

    Maps images (N, 3, H, W) to logits (N, num_classes). Its children are the rows of Table 1.
    """

    def __init__(
        self,
        stem: Stem,
        num_classes: int,
        blocks: tuple[int, ...],
        growth_rate: int,
        first_channels: int,
        *,
        bottleneck: bool = False,
        compression: float = 1.0,
        dropout: float = 0.0,
    ) -> None:
        at_least("growth_rate", growth_rate, 1)
        if not 0 < compression <= 1:
            raise ValueError(
                f"compression {compression} is not in (0, 1]; the paper's is 0.5, and 1 keeps all"
            )
        dropout_rate("dropout", dropout)
        super().__init__()

        channels = first_channels
        if stem == "cifar":
            self.convolution: nn.Module = nn.Conv2d(3, channels, 3, padding=1, bias=False)
        else:
            self.convolution = nn.Sequential(
                nn.Conv2d(3, channels, 7, stride=2, padding=3, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
            )
            self.pooling = nn.MaxPool2d(3, stride=2, padding=1)
        for number, layers in enumerate(blocks, start=1):
            block = DenseBlock(layers, channels, growth_rate, bottleneck, dropout)
            self.add_module(f"dense_block_{number}", block)
            channels += layers * growth_rate
            if number < len(blocks):
                compressed_channels = compressed(channels, compression)
                self.add_module(f"transition_{number}", Transition(channels, compressed_channels, dropout))
                channels = compressed_channels
        self.classification = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(channels, num_classes),
        )

    def save_memory(self) -> None:
        """Train in less memory and more time (see `recomputing`); no knob, since no outcome depends on it."""
        for module in self.modules():
            if isinstance(module, DenseLayer):
                module.saves_memory = True


class DenseBlock(nn.Sequential):
    """Equation 2: (N, channels, H, W) to (N, channels + layers · growth_rate, H, W)."""

    def __init__(
        self, layers: int, channels: int, growth_rate: int, bottleneck: bool, dropout: float
    ) -> None:
        super().__init__(
            *(
                DenseLayer(channels + layer * growth_rate, growth_rate, bottleneck, dropout)
                for layer in range(layers)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for layer in self:
            features.append(layer(*features))
        return torch.cat(features, dim=1)


class DenseLayer(nn.Sequential):
    """The composite function H: all earlier feature maps, (N, …, H, W) each, to (N, growth_rate, H, W)."""

    saves_memory = False

    def __init__(self, channels: int, growth_rate: int, bottleneck: bool, dropout: float) -> None:
        super().__init__()
        if bottleneck:
            self.extend(_bn_relu_conv(channels, BOTTLENECK * growth_rate, 1, dropout))
            channels = BOTTLENECK * growth_rate
        self.extend(_bn_relu_conv(channels, growth_rate, 3, dropout))

    def forward(self, *features: Tensor) -> Tensor:
        if self.saves_memory and torch.is_grad_enabled():
            return recomputing(self, features)
        return super().forward(torch.cat(features, dim=1))


class Transition(nn.Sequential):
    """Between two blocks: (N, inputs, H, W) to (N, outputs, H/2, W/2)."""

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__(*_bn_relu_conv(inputs, outputs, 1, dropout), nn.AvgPool2d(2))


def compressed(channels: int, compression: float) -> int:
    """Return ⌊θ m⌋ of Section 3; θ is taken as written, so that 0.29 of 100 channels is 29 and not 28."""
    outputs = floor(Fraction(str(compression)) * channels)
    if outputs < 1:
        raise ValueError(
            f"compression {compression} keeps none of a block's {channels} channels; choose a larger"
        )
    return outputs


def _bn_relu_conv(inputs: int, outputs: int, kernel: int, dropout: float) -> list[nn.Module]:
    layers = [
        nn.BatchNorm2d(inputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
    ]
    return [*layers, nn.Dropout(dropout)] if dropout else layers
