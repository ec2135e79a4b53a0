"""Deeply-supervised nets: NiN whose convolutions each answer to a classifier of their own in training.

Chen-Yu Lee, Saining Xie, Patrick Gallagher, Zhengyou Zhang, Zhuowen Tu,
"Deeply-Supervised Nets", arXiv:1409.5185.

Paper → code:
    Section 2, companion objectives of the hidden layers   DSN.auxiliary, knob companion
    Section 2, their weight α_m, which decays              knob weight, outputs.Auxiliary.fading
    Section 3, CIFAR networks, as NiN's                    nin.CIFAR, nin.mlpconv
    released code, the classifiers and where they are      Companion; conv1, conv2, conv3 before their ReLU

The layers are those of the released code (github.com/s9xie/DSN, examples/best_cifar10_9.65): NiN's, but for the
ReLU on the feature maps of the classes, and a fully connected classifier on all that each of the three
convolutions puts out. Its second stage trains without companions; here their weight fades, as the paper says.

Departures: the loss of every classifier is cross-entropy, which the authors took on CIFAR-100 and SVHN (README)
instead of the squared hinge loss of the paper; so no companion is switched off once its loss is below the
paper's γ, and the norm of its weights is left to weight decay. In the released code the rate at which the
companions learn also decays, by (1 + 0.0001 i)^-0.75 at iteration i. The paper has no ImageNet form.
"""

import torch
from torch import Tensor, nn

from architectures.nin import CIFAR, mlpconv
from architectures.outputs import Auxiliary, TrainingOutputs
from architectures.ranges import dropout_rate, positive
from architectures.registry import Stem, register

# Pixels at a side of what each of the three convolutions puts out.
SIDES = (32, 16, 8)
# Times the rate of the network's own layers (released code, blobs_lr).
COMPANION_RATE = 0.001


@register(cifar={})
def dsn(
    *, stem: Stem, num_classes: int, companion: bool = True, weight: float = 1.0, dropout: float = 0.5
) -> "DSN":
    """Deeply-supervised net: NiN with companion objectives (Lee et al. 2014, Sections 2, 3).

    Knobs:
        companion: classifiers on the hidden layers in training; false leaves the network alone.
        weight (α): what a companion's loss counts at first, falling to 0; 1 is the released code's.
        dropout: rate after the first two mlpconv layers, in [0, 1).
    """
    positive("weight", weight)
    dropout_rate("dropout", dropout)
    return DSN(num_classes, weight if companion else 0.0, dropout)


class DSN(nn.Module):
    """Maps images (N, 3, 32, 32) to logits (N, num_classes), in training with those of the companions.

    weight: that of every companion's loss; 0 is a network without companions.
    """

    def __init__(self, num_classes: int, weight: float, dropout: float) -> None:
        super().__init__()
        self.weight = weight
        companions = {}
        channels = 3
        for number, ((size, stride, padding), widths) in enumerate(CIFAR, start=1):
            last = number == len(CIFAR)
            widths = (*widths, num_classes) if last else widths
            convolution, _, *layers = mlpconv(channels, widths, len(widths), size, stride, padding)
            self.add_module(f"conv{number}", convolution)
            # Not in place, because the companion reads what the convolution put out.
            self.add_module(f"mlp{number}", nn.Sequential(nn.ReLU(), *(layers[:-1] if last else layers)))
            if not last:
                pooling = nn.MaxPool2d(3, stride=2, ceil_mode=True)
                self.add_module(f"pool{number}", nn.Sequential(pooling, nn.Dropout(dropout)))
            if weight:
                units = widths[0] * SIDES[number - 1] ** 2
                companions[f"conv{number}"] = Companion(units, num_classes)
            channels = widths[-1]
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.auxiliary = nn.ModuleDict(companions)

    def forward(self, x: Tensor) -> Tensor | TrainingOutputs:
        answers = []
        for name, layer in self.named_children():
            if layer is self.auxiliary:
                continue
            x = layer(x)
            if self.training and name in self.auxiliary:
                answers.append(Auxiliary(self.auxiliary[name](x), self.weight, fading=True))
        return TrainingOutputs(x, tuple(answers)) if answers else x


class Companion(nn.Module):
    """A fully connected classifier that learns at COMPANION_RATE: (N, channels, H, W) to (N, num_classes).

    At the full rate so many inputs, up to 196,608, diverge within a few steps. Of logits c (v x + b) the weights
    c v change c² times as fast as weights v alone would, whatever optimiser is told of one rate for all.
    """

    def __init__(self, inputs: int, num_classes: int) -> None:
        super().__init__()
        self.scale = COMPANION_RATE**0.5
        self.linear = nn.Linear(inputs, num_classes)
        with torch.no_grad():
            self.linear.weight /= self.scale

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * self.linear(x.flatten(1))
