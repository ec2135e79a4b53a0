"""The loss follows what a network declares: its own logits, auxiliary ones by weight, fading ones by time."""

import pytest
import torch
import torch.nn.functional as F

from architectures.outputs import Auxiliary, TrainingOutputs
from lightning_modules.losses import losses

LABELS = torch.tensor([0, 2, 1])


def logits(seed: int) -> torch.Tensor:
    return torch.randn(3, 4, generator=torch.Generator().manual_seed(seed))


def test_plain_logits_are_judged_by_cross_entropy():
    own, loss, total = losses(logits(0), LABELS, share_done=0.5)
    assert own is not None and loss is total
    assert loss.item() == pytest.approx(F.cross_entropy(logits(0), LABELS).item())


@pytest.mark.parametrize(("share_done", "left"), [(0.0, 1.0), (0.25, 0.75), (1.0, 0.0)])
def test_auxiliary_classifiers_count_by_their_weight_and_fade_if_they_say_so(share_done, left):
    outputs = TrainingOutputs(logits(0), (Auxiliary(logits(1), 0.3), Auxiliary(logits(2), 0.5, fading=True)))
    own, loss, total = losses(outputs, LABELS, share_done)
    assert own is outputs.logits
    each = [F.cross_entropy(logits(seed), LABELS).item() for seed in range(3)]
    assert loss.item() == pytest.approx(
        each[0]
    )  # what is reported doesn't depend on the auxiliary classifiers
    assert total.item() == pytest.approx(each[0] + 0.3 * each[1] + left * 0.5 * each[2])


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_smoothed_labels_are_minimised_and_plain_ones_reported(smoothing):
    outputs = TrainingOutputs(logits(0), (Auxiliary(logits(1), 0.3),))
    _, loss, total = losses(outputs, LABELS, share_done=0.0, label_smoothing=smoothing)

    def smoothed(seed: int) -> float:
        """Rethinking the Inception Architecture, Section 7: q' = (1 - ε) q + ε / K."""
        share = (1 - smoothing) * F.one_hot(LABELS, 4) + smoothing / 4
        return -(share * logits(seed).log_softmax(1)).sum(1).mean().item()

    assert loss.item() == pytest.approx(F.cross_entropy(logits(0), LABELS).item())
    assert total.item() == pytest.approx(smoothed(0) + 0.3 * smoothed(1))
