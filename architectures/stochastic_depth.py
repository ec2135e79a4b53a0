"""Stochastic depth: a ResNet whose blocks are dropped at random in training, the later ones more often.

Gao Huang, Yu Sun, Zhuang Liu, Daniel Sedra, Kilian Q. Weinberger,
"Deep Networks with Stochastic Depth", arXiv:1603.09382.

Paper → code:
    Equation 2, H_l = ReLU(b_l f_l(H_(l-1)) + id(H_(l-1)))   SurvivingBranch in resnet.ResidualBlock
    Equation 4, p_l = 1 - l / L · (1 - p_L)                 survival_probabilities
    Equation 5, the test: p_l f_l instead of b_l f_l        SurvivingBranch
    Section 4, ResNets of 110, 1202 and 152 layers          stochastic_depth

One b_l is drawn for a block and a mini-batch. Where b_l is 0 the branch isn't computed, a quarter of the
training time at p_L = 0.5, and its parameters get a gradient of zero (see `zero_gradient`).

Departures: where the width doubles, the paper's shortcut (Section 4) averages 2 × 2 pixels before it pads with
zeros, as does the released code (github.com/yueatsprograms/Stochastic_Depth); this one is ResNet's A, every second
pixel, so that p_L = 1 is the architecture `resnet`. The code's convolutions have biases, which the batch
normalisation behind them takes away again. It has no ImageNet form; this one is ResNet's.
"""

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn

from architectures.layers.zero_gradient import zero_of
from architectures.ranges import blocks_per_stage, one_of
from architectures.registry import Stem, register
from architectures.resnet import IMAGENET_BLOCKS, BasicBlock, Bottleneck, ResidualBlock, ResNet


@register(cifar={"depth": 110}, imagenet={"depth": 152})
def stochastic_depth(
    *,
    stem: Stem,
    num_classes: int,
    depth: int,
    last_survival: float = 0.5,
    decay: Literal["linear", "uniform"] = "linear",
) -> ResNet:
    """ResNet with stochastic depth: blocks are dropped in training (Stochastic Depth, Sections 3, 4; Table 1).

    Knobs:
        depth: weighted layers; CIFAR: 6n + 2, the paper's are 110, 152 (SVHN) and 1202; ImageNet: 18, 34, 50,
            101, 152 or 200.
        last_survival (p_L): probability that the last block survives, in (0, 1]; 1 is constant depth.
        decay: linear, survival falls from 1 at the input to p_L; uniform, p_L for all blocks.
    """
    if not 0 < last_survival <= 1:
        raise ValueError(
            f"last_survival {last_survival} is not in (0, 1]; the paper's is 0.5, and 1 drops none"
        )
    if stem == "imagenet":
        one_of("depth", depth, IMAGENET_BLOCKS)
        kind, blocks = IMAGENET_BLOCKS[depth]
    else:
        kind, blocks = "basic", (blocks_per_stage(depth, per_block=6, outside=2),) * 3
    survival = survival_probabilities(sum(blocks), last_survival, decay)

    def make_block(inputs: int, width: int, stride: int) -> ResidualBlock:
        if kind == "basic":
            block: ResidualBlock = BasicBlock(inputs, width, stride, shortcut="A" if stem == "cifar" else "B")
        else:
            block = Bottleneck(inputs, width, stride, shortcut="B", stride_in="1x1")
        block.branch = SurvivingBranch(block.branch, next(survival))
        return block

    return ResNet(stem, num_classes, blocks, 16 if stem == "cifar" else 64, make_block)


def survival_probabilities(blocks: int, last: float, decay: str) -> Iterator[float]:
    """Return p_l of the blocks l = 1 … L, by Equation 4 if the decay is linear."""
    for number in range(1, blocks + 1):
        yield 1 - number / blocks * (1 - last) if decay == "linear" else last


class SurvivingBranch(nn.Sequential):
    """b · f(x) in training, with b = 1 at the probability `survival`, else 0; survival · f(x) in evaluation.

    (N, inputs, H, W) to what f makes of it, or, dropped, to a zero () that adds nothing to the shortcut.
    """

    def __init__(self, branch: nn.Module, survival: float) -> None:
        super().__init__()
        self.branch = branch
        self.survival = survival

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return self.survival * self.branch(x)
        # The CPU's generator, whatever the device: nothing waits for a GPU, and a resumed run goes on with it.
        if torch.rand((), device="cpu") < self.survival:
            return self.branch(x)
        return zero_of(self.branch)

    def extra_repr(self) -> str:
        return f"survival={self.survival:.3g}"
