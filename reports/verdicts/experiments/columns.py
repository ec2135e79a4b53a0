"""AlexNet in two columns, a processor each, against the network for one (Krizhevsky et al. 2012, Section 3.2).

A column is timed alone, as on a processor of its own: half of the kernels and units of every layer. Where the columns meet it
copies the other's half within its own memory, which costs much less than a cable. So its time is the least that two processors
could take: if even that isn't less than the network's for one, the claim is wrong; if it is, the claim can hold, and only two
processors could tell whether it does.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn

import architectures
from architectures import Stem
from architectures.counting import count
from reports.verdicts.experiments import Outcome, Setup, experiment
from reports.verdicts.experiments.passes import here, images, training
from reports.verdicts.experiments.timing import in_turns, stopwatch

COLUMN, ONE = "a column of two", "the network for one"
# Layers that see the whole layer before, of both columns (Section 3.5, Figure 2).
MEETING = ("conv3", "fc6", "fc7", "fc8")
CLASSES = 1000
BATCH = {"cpu": 16, "cuda": 128}  # images of a step; 128 are the paper's
SIDES = {"imagenet": 224, "cifar": 32}
RULE = (
    "rule: one processor can refute the claim, by an interval that is wholly above 1, and can't confirm it: what columns "
    "exchange is copied within one memory here, and the update of the weights is left out"
)


@experiment("alexnet.two_gpu_faster")
def two_columns(setup: Setup, stem: Stem = "imagenet", rounds: int = 21) -> Outcome:
    """Fails if a step of training takes a column more time than the network of half as many kernels in convolutions 1 to 4."""
    side, size = SIDES[stem], BATCH[setup.device]
    networks = {
        COLUMN: Column(stem),
        ONE: architectures.build("alexnet", stem=stem, num_classes=CLASSES, groups=1, half_kernels=True),
    }
    mult_adds = {name: count(network, side).mult_adds for name, network in networks.items()}
    batch = images(size, 3, side, setup.device)
    with stopwatch(setup.device) as watch:
        steps = {name: training(network, batch) for name, network in networks.items()}
        times = in_turns(steps, rounds, watch)
    ratio = times.ratio(COLUMN, ONE)
    evidence = (
        f"a step of training takes {COLUMN} {ratio} times the time of {ONE}, {here(setup.device, size)}",
        f"{mult_adds[COLUMN] / mult_adds[ONE]:.2f} times the mult-adds",
        RULE,
    )
    shown = times.table("Forward and backward", ONE, mult_adds, {})
    return Outcome(False if ratio.above(1.0) else None, evidence, {"tables": [shown]})


class Column(nn.Sequential):
    """One of AlexNet's two columns: images (N, 3, H, W) to the logits of half of the classes (N, CLASSES / 2)."""

    def __init__(self, stem: Stem) -> None:
        network = architectures.build("alexnet", stem=stem, num_classes=CLASSES)
        for layer in network.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                layer.weight, layer.bias = (
                    nn.Parameter(parameter.detach()[: len(parameter) // 2].clone())
                    for parameter in layer.parameters()
                )
            if isinstance(layer, nn.Conv2d):
                layer.in_channels, layer.out_channels = (
                    layer.in_channels // layer.groups,
                    layer.out_channels // 2,
                )
                layer.groups = 1
            elif isinstance(layer, nn.Linear):
                layer.out_features //= 2
        super().__init__(OrderedDict(network.named_children()))

    def forward(self, x: Tensor) -> Tensor:
        for name, layer in self.named_children():
            x = layer(_exchanged(x) if name in MEETING else x)
        return x


def _exchanged(half: Tensor) -> Tensor:
    """Return both columns' halves, (N, C, …) to (N, 2 C, …), the other's copied; going back, gradients are exchanged, too."""
    other = half.detach().requires_grad_(half.requires_grad)
    if half.requires_grad:
        # What the other column sends back is as large as what this one sends, whose copy stands for it.
        half.register_hook(lambda gradient: gradient + gradient.clone())
    return torch.cat([half, other], dim=1)
