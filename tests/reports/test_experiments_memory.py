"""DenseNet's memory: bytes counted by hand, how they grow, and the whole experiment on small networks."""

import pytest
import torch
from torch import nn

from reports.verdicts.experiments import Setup, memory, timing

SMALL = {
    "depth": 16,
    "resnets": {memory.EQUAL: ("preact_resnet", 20), "ResNet-110": ("resnet", 8)},
    "depths": (10, 13, 16, 19),
    "rounds": 6,
}


@pytest.fixture
def setup(tmp_path):
    return Setup("cpu", tmp_path / "runs", tmp_path / "data")


def test_bytes_by_hand():
    # The convolution keeps its input, the ReLU its output, the last layer the same output: 3 · 64 and 2 · 64 numbers.
    network = nn.Sequential(
        nn.Conv2d(3, 2, 1, bias=False), nn.ReLU(inplace=True), nn.Conv2d(2, 1, 1, bias=False)
    )
    assert memory.bytes_kept(network, torch.zeros(1, 3, 8, 8)) == 4 * (3 + 2) * 64


@pytest.mark.parametrize(
    ("sizes", "how"),
    [
        ([5, 7, 9, 11], "depth"),
        ([1, 4, 9, 16, 25], "square"),
        ([1, 8, 27, 64, 125], "faster"),
        ([1, 2, 3, 3], "otherwise"),
        ([1, 4, 9, 14], "otherwise"),
    ],
)
def test_how_sizes_grow(sizes, how):
    assert memory.growth(sizes) == how


def test_the_experiment_on_small_networks(setup):
    outcome = memory.training_densenets(setup, **SMALL)
    steps, kept = outcome.data["tables"]
    assert len(steps["rows"]) == 4
    usual, saving = ([row[column] for row in kept["rows"]] for column in (1, 2))
    assert memory.growth(usual) == "square" and memory.growth(saving) == "depth"
    assert "with the square of its depth, saving memory with its depth" in outcome.evidence[-1]


@pytest.mark.parametrize(("seconds", "holds"), [(1.2, True), (0.8, False)])
def test_a_step_must_take_less_time_than_at_an_equal_error(setup, monkeypatch, seconds, holds):
    def in_turns(candidates, rounds, watch):
        times = dict.fromkeys(candidates, 1.0) | {memory.EQUAL: seconds}
        return timing.Times({name: [time] * rounds for name, time in times.items()})

    monkeypatch.setattr(memory, "in_turns", in_turns)
    outcome = memory.training_densenets(setup, **SMALL)
    assert outcome.holds is holds and "printed errors are 4.62 and 4.51 %" in outcome.evidence[0]


@pytest.mark.slow
def test_the_experiment_at_its_size(setup):
    assert len(memory.training_densenets(setup).data["tables"]) == 2
