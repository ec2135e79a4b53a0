"""Kernels that training has taken to zero are counted; that there are few is believed of a whole training only."""

import pytest
import torch
from torch import nn

from reports.verdicts.experiments import CannotExperiment, dead_kernels
from tests import planted


def depthwise(network):
    return [m.weight for m in network.modules() if isinstance(m, nn.Conv2d) and m.groups > 1]


def a_quarter_dead(network):
    for kernels in depthwise(network):
        kernels[::4] *= 1e-3


def some_of_one_layer_dead(network):
    depthwise(network)[0][::4] *= 1e-3


@pytest.mark.parametrize(
    ("plant", "holds", "dead"),
    [(a_quarter_dead, True, 25), (some_of_one_layer_dead, None, 0), (planted.redraw, None, 0)],
)
def test_what_is_planted_is_found(tmp_path, plant, holds, dead):
    setup = planted.setup(tmp_path)
    for seed in range(3):
        planted.finish(setup.runs, dead_kernels.STUDY, "0.25", seed, plant)
    planted.finish(setup.runs, dead_kernels.STUDY, "0.5", 0)  # nearer to the paper's, and too few seeds
    outcome = dead_kernels.kernels_become_zero(setup)
    assert outcome.holds is holds, outcome.evidence
    rows = outcome.data["tables"][0]["rows"]
    assert len(rows) == 13 and all(at_start == 0 for _, _, at_start, _ in rows)
    assert 100 * sum(row[3] for row in rows[1:]) == dead * sum(row[1] for row in rows[1:])


def test_too_few_seeds_are_told_with_the_command_that_trains(tmp_path):
    setup = planted.setup(tmp_path)
    planted.finish(setup.runs, dead_kernels.STUDY, "0.25", 0)
    with pytest.raises(CannotExperiment, match="run.py --study mobilenet_width --variant 1.0 "):
        dead_kernels.kernels_become_zero(setup)


def test_only_a_whole_training_refutes():
    few, many = [1.0, 2.0, 1.5], [30.0, 31.0, 32.0]
    assert dead_kernels.judge(few, "paper") is False and dead_kernels.judge(few, "mini") is None
    assert dead_kernels.judge(many, "paper") is True and dead_kernels.judge(many, "mini") is True


def test_a_kernel_is_zero_below_a_twentieth_of_the_usual_norm():
    kernels = torch.ones(100, 1, 3, 3)
    kernels[0], kernels[1], kernels[2] = 0.06, 0.04, 0
    assert dead_kernels.zero(kernels) == [False, True, True, *[False] * 97]
