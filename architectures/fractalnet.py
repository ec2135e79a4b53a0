"""FractalNet: columns of different depth side by side, from one expansion rule and without residuals.

Gustav Larsson, Michael Maire, Gregory Shakhnarovich,
"FractalNet: Ultra-Deep Neural Networks without Residuals", arXiv:1605.07648.

Paper → code:
    Section 3, f_1(z) = conv(z)                            Fractal of one column, Convolution
    Section 3, f_(C+1)(z) = (f_C ∘ f_C)(z) ⊕ conv(z)       Fractal
    Section 3, ⊕ is the mean of the inputs that live       Fractal.forward
    Section 3, Figure 1, B blocks with pooling between     FractalNet
    Section 3, drop-path, local and global sampling        LocalSampling, Column
    Section 4, widths, dropout by block                    knobs first_width, dropout
    Section 4, FractalNet-34 on ImageNet                   stem imagenet: four columns, ends of ResNet-34
    Table 1, the deepest column alone                      knob evaluated

As in Figure 1, joins that meet are one: a block ends in one mean of C columns, not in nested means of two.
One subnetwork is drawn for a mini-batch. Columns that don't live aren't computed, and their parameters get a
gradient of zero (see `zero_gradient`), as the authors' Caffe code computes it.

From the released code (github.com/gustavla/fractalnet): the order of convolution, dropout, batch normalisation
and ReLU; normalisation without scale and shift; and running statistics of a column alone that are kept apart
from those of the columns together, since each column alone is a network of its own there, with the same weights.
Departures from it: it pools each column before a block's last join, and the paper's Figure 1 after it, as here
(others who rebuilt it read in the paper that its implementation swaps the two); its convolutions have biases; it
runs a local sample and all columns in every step, where the paper says half and half.
"""

from abc import ABC, abstractmethod
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures.layers.conv_bn import conv_bn_relu
from architectures.layers.zero_gradient import zero_of
from architectures.ranges import at_least, dropout_rate, one_of
from architectures.registry import Stem, register

# Blocks double the width until they are this many times the first's.
WIDEST = 8
# Five poolings of 2×2 leave one pixel of a CIFAR image.
MOST_BLOCKS = 5


@register(
    cifar={"columns": 3, "blocks": 5, "first_width": 64},
    imagenet={"columns": 4, "blocks": 4, "first_width": 128},
)
def fractalnet(
    *,
    stem: Stem,
    num_classes: int,
    columns: int,
    blocks: int,
    first_width: int,
    drop_path: float = 0.15,
    local_share: float = 0.5,
    dropout: float = 0.1,
    evaluated: Literal["all", "deepest"] = "all",
) -> "FractalNet":
    """FractalNet: blocks of C columns whose joins average them (FractalNet, Sections 3, 4; Table 1).

    Knobs:
        columns (C): columns of a block; the deepest has 2^(C-1) convolutions.
        blocks (B): blocks, 1 to 5; CIFAR: the paper's 5 give 5 · 2^(C-1) + 1 weighted layers.
        first_width: channels of the first block; the width doubles from block to block, to 8 times this.
        drop_path: rate at which a join drops an input in local sampling, in [0, 1); 0 is no drop-path at all.
        local_share: share of mini-batches with local sampling, in [0, 1]; the others train a single column.
        dropout: what each block's rate adds to that of the block before; 0.1 is the paper's 0, 0.1, …, 0.4.
        evaluated: the columns that score in evaluation, all or the deepest alone.
    """
    at_least("columns", columns, 1)
    one_of("blocks", blocks, range(1, MOST_BLOCKS + 1))
    at_least("first_width", first_width, 1)
    dropout_rate("drop_path", drop_path)
    if not 0 <= local_share <= 1:
        raise ValueError(f"local_share {local_share} is not in [0, 1]; the paper's is 0.5")
    if dropout < 0 or (blocks - 1) * dropout >= 1:
        raise ValueError(f"dropout {dropout} gives the last block a rate outside [0, 1); the paper's is 0.1")
    return FractalNet(
        stem,
        num_classes,
        columns,
        [first_width * min(2**block, WIDEST) for block in range(blocks)],
        drop_path=drop_path,
        local_share=local_share,
        dropout=dropout,
        evaluated=evaluated,
    )


class FractalNet(nn.Module):
    """Blocks with 2×2 max pooling between them, classifier (Figure 1).

    Maps images (N, 3, H, W) to logits (N, num_classes). widths: channels of each block.
    """

    def __init__(
        self,
        stem: Stem,
        num_classes: int,
        columns: int,
        widths: list[int],
        *,
        drop_path: float,
        local_share: float,
        dropout: float,
        evaluated: str,
    ) -> None:
        super().__init__()
        self.columns, self.drop_path, self.local_share = columns, drop_path, local_share
        self.evaluated = evaluated
        channels = 3
        if stem == "imagenet":
            channels = 64
            self.conv1 = nn.Sequential(*conv_bn_relu(3, channels, 7, stride=2), nn.MaxPool2d(3, 2, padding=1))
        for number, width in enumerate(widths, start=1):
            self.add_module(f"block_{number}", Fractal(columns, channels, width, (number - 1) * dropout))
            if stem == "cifar" or number < len(widths):
                self.add_module(f"pooling_{number}", nn.MaxPool2d(2))
            channels = width
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        sampling = self._sampling()
        for module in self.children():
            x = module(x, sampling) if isinstance(module, Fractal) else module(x)
        return x

    def _sampling(self) -> "Sampling":
        if not self.training:
            return Column(0) if self.evaluated == "deepest" else LocalSampling(0)
        if self.drop_path == 0:
            return LocalSampling(0)
        # The CPU's generator, whatever the device: nothing waits for a GPU, and a resumed run goes on with it.
        if torch.rand((), device="cpu") < self.local_share:
            return LocalSampling(self.drop_path)
        return Column(int(torch.randint(self.columns, (), device="cpu")))


class Sampling(ABC):
    """Which columns live, join by join."""

    alone = False  # whether the same column lives in all joins

    @abstractmethod
    def __call__(self, columns: int) -> list[bool]:
        """Return which of a join's columns live, the shallowest first."""


class LocalSampling(Sampling):
    """A join drops each input at the rate `drop_path`; if that leaves none, it keeps one at random."""

    def __init__(self, drop_path: float) -> None:
        self.drop_path = drop_path

    def __call__(self, columns: int) -> list[bool]:
        if self.drop_path == 0:
            return [True] * columns
        living = torch.rand(columns, device="cpu") >= self.drop_path
        if not living.any():
            living[torch.randint(columns, (), device="cpu")] = True
        return living.tolist()


class Column(Sampling):
    """Global sampling: one column of the network lives, the `above_deepest`-th above the deepest."""

    alone = True

    def __init__(self, above_deepest: int) -> None:
        self.above_deepest = above_deepest

    def __call__(self, columns: int) -> list[bool]:
        return [column == self.above_deepest for column in reversed(range(columns))]


class Fractal(nn.Module):
    """f_C of Section 3: (N, inputs, H, W) to (N, outputs, H, W)."""

    def __init__(self, columns: int, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.columns = columns
        self.paths = nn.ModuleList([Convolution(inputs, outputs, dropout)])
        self.halves: tuple[Fractal, ...] = ()
        if columns > 1:
            self.halves = tuple(
                Fractal(columns - 1, channels, outputs, dropout) for channels in (inputs, outputs)
            )
            self.paths.append(nn.ModuleList(self.halves))

    def forward(self, x: Tensor, sampling: Sampling) -> Tensor:
        """Return the join: the mean of the columns that live."""
        living = sampling(self.columns)
        first, *others = self.each_column(x, living, sampling)
        return sum(others, first) / sum(living)

    def each_column(self, x: Tensor, living: list[bool], sampling: Sampling) -> list[Tensor]:
        """Return the output of every column, the shallowest first; a zero () for those that don't live."""
        shallowest, *deeper = living
        outputs = [self.paths[0](x, sampling.alone) if shallowest else zero_of(self.paths[0])]
        if any(deeper):
            first, second = self.halves
            outputs += second.each_column(first(x, sampling), deeper, sampling)
        elif deeper:
            outputs.append(zero_of(self.paths[1]))
        return outputs


class Convolution(nn.Module):
    """3×3 convolution, dropout, batch normalisation, ReLU: (N, inputs, H, W) to (N, outputs, H, W).

    A column alone puts out other values than the mean of all, so statistics of both mixed would fit neither.
    """

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.norm_together, self.norm_alone = (nn.BatchNorm2d(outputs, affine=False) for _ in range(2))

    def forward(self, x: Tensor, alone: bool) -> Tensor:
        norm = self.norm_alone if alone else self.norm_together
        return functional.relu(norm(self.dropout(self.convolution(x))), inplace=True)
