"""What a network says beside its logits while it trains: auxiliary classifiers, each with its weight in the loss.

A network with auxiliary classifiers returns `TrainingOutputs` in training mode, and plain logits in evaluation
mode, where the classifiers don't run. The training side adds up the losses; it needs to know no family.
Such a network keeps its classifiers in modules called `auxiliary`, which counting leaves out of the layers on
the main path.
"""

from typing import NamedTuple

from torch import Tensor


class Auxiliary(NamedTuple):
    """Logits (N, num_classes) of an auxiliary classifier, whose loss counts `weight` times.

    fading: the weight falls linearly to 0 over the training (Deeply-Supervised Nets, arXiv:1409.5185).
    """

    logits: Tensor
    weight: float
    fading: bool = False


class TrainingOutputs(NamedTuple):
    """Logits (N, num_classes) of the network, and those of its auxiliary classifiers."""

    logits: Tensor
    auxiliary: tuple[Auxiliary, ...]
