"""Kernels that training has taken to zero are counted, and only where training has moved the others."""

import pytest
import torch

from reports.experiments import dead_kernels
from tests import planted


def some_dead(network):
    planted.redraw(network)
    for kernels in dead_kernels.depthwise(network):
        kernels[::4] *= 1e-3


def half_of_one_layer_dead(network):
    planted.redraw(network)
    kernels = dead_kernels.depthwise(network)[0]
    kernels[::2] *= 1e-3


@pytest.mark.parametrize(
    "plant, holds",
    [
        (some_dead, True),
        (planted.redraw, False),
        (half_of_one_layer_dead, False),
        (lambda network: None, None),
    ],
)
def test_what_is_planted_is_found(tmp_path, monkeypatch, plant, holds):
    monkeypatch.setattr(dead_kernels, "VARIANT", "0.25")
    place = planted.place(tmp_path)
    for seed in range(3):
        planted.finish(place.runs, dead_kernels.STUDY, "0.25", seed, plant)
    outcome = dead_kernels.kernels_become_zero(place)
    assert outcome.holds is holds, outcome.evidence
    rows = outcome.data["tables"][0]["rows"]
    assert len(rows) == 13 and all(at_start == 0 for _, _, at_start, _ in rows)
    if plant is some_dead:
        assert all(zero == kernels / 4 for _, kernels, _, zero in rows)


def test_a_kernel_is_zero_below_a_twentieth_of_the_usual_norm():
    start = [torch.ones(4, 1, 3, 3)]
    end = [torch.ones(4, 1, 3, 3) * torch.tensor([1, 0.06, 0.04, 0]).view(4, 1, 1, 1)]
    assert dead_kernels.dead(end, start) == [[False, False, True, True]]
