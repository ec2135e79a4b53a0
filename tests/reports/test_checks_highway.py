"""The exact claim about highway layers holds for ours, and its check fails for layers that break it."""

import pytest

from architectures.highway import GatedShortcut
from reports.verdicts import checks

CLAIM = "highway.carry_transform"


def test_claim_holds():
    holds, evidence = checks.find(CLAIM)()
    assert holds, evidence


@pytest.mark.parametrize(
    "weighted",
    [
        lambda x, transformed, gate: transformed * gate + x,
        lambda x, transformed, gate: transformed * (1 - gate) + x * gate,
        lambda x, transformed, gate: transformed * gate.round() + x * (1 - gate.round()),
    ],
    ids=["an open gate that also carries", "the wrong way round", "a gate that is only open or shut"],
)
def test_another_sum_would_be_noticed(monkeypatch, weighted):
    monkeypatch.setattr(
        GatedShortcut, "forward", lambda self, x, transformed: weighted(x, transformed, self.gate(x))
    )
    holds, evidence = checks.find(CLAIM).__wrapped__()  # without the cache
    assert not holds, evidence
