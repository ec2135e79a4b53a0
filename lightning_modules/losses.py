"""The loss of a batch: cross-entropy of the logits, and of whatever auxiliary classifiers a network declares."""

import torch.nn.functional as F
from torch import Tensor

from architectures.outputs import TrainingOutputs


def losses(
    outputs: Tensor | TrainingOutputs, labels: Tensor, share_done: float, label_smoothing: float = 0.0
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the network's logits (N, classes), their mean cross-entropy (), and the loss to be minimised ().

    labels: (N,). share_done: how much of the training has passed, 0 to 1, by which fading weights fall.
    label_smoothing: share of every label that is spread over all classes (Szegedy et al., Rethinking the
    Inception Architecture, Section 7), in what is minimised alone.
    """
    logits, auxiliary = outputs if isinstance(outputs, TrainingOutputs) else (outputs, ())
    loss = F.cross_entropy(logits, labels)
    total = F.cross_entropy(logits, labels, label_smoothing=label_smoothing) if label_smoothing else loss
    for auxiliary_logits, weight, fading in auxiliary:
        smoothed = F.cross_entropy(auxiliary_logits, labels, label_smoothing=label_smoothing)
        total = total + weight * (1 - share_done if fading else 1) * smoothed
    return logits, loss, total
