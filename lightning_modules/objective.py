"""The loss of a batch: cross-entropy of the logits, and of whatever auxiliary classifiers a network declares."""

import torch.nn.functional as F
from torch import Tensor

from architectures.outputs import TrainingOutputs


def losses(
    outputs: Tensor | TrainingOutputs, labels: Tensor, share_done: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The network's own logits (N, classes), their mean cross-entropy (), and the loss to be minimised ().

    labels: (N,). share_done: how much of the training has passed, 0 to 1, by which fading weights fall.
    """
    if not isinstance(outputs, TrainingOutputs):
        loss = F.cross_entropy(outputs, labels)
        return outputs, loss, loss
    loss = total = F.cross_entropy(outputs.logits, labels)
    for logits, weight, fading in outputs.auxiliary:
        total = total + weight * (1 - share_done if fading else 1) * F.cross_entropy(logits, labels)
    return outputs.logits, loss, total
