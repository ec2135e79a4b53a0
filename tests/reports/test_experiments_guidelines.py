"""ShuffleNet v2's guidelines: the paper's units at its widths, and each experiment whole on tiny maps."""

import pytest
from torch import nn

from architectures.mobilenet_v2 import Residual
from reports.verdicts import experiments
from reports.verdicts.experiments import Outcome, Setup, guidelines, passes, timing
from reports.verdicts.experiments.guidelines import Sizes

EXPERIMENTS = {
    "shufflenetv2.g1_equal_width": (guidelines.equal_width, 4, 3),
    "shufflenetv2.g2_groups_slow": (guidelines.groups, 4, 4),
    "shufflenetv2.g3_fragments_slow": (guidelines.fragments, 5, 4),
    "shufflenetv2.g4_elementwise_slow": (guidelines.elementwise, 4, 3),
}
TINY = Sizes(side=4, units=2, rounds=6, wider=(1,))


@pytest.fixture
def setup(tmp_path):
    return Setup("cpu", tmp_path / "runs", tmp_path / "data")


@pytest.fixture
def stacks(monkeypatch):
    """The stacks of units that experiments build, in their order."""
    built = []

    def deployed(network, device):
        built.append(network)
        return passes.deployed(network, device)

    monkeypatch.setattr(guidelines, "deployed", deployed)
    return built


@pytest.fixture
def clock(monkeypatch):
    """`clock(costs)`: every run takes what the costs say, in the order of the candidates, repeated."""

    def told(costs):
        def in_turns(candidates, rounds, watch):
            assert len(candidates) == len(costs)
            return timing.Times({name: [cost] * rounds for name, cost in zip(candidates, costs, strict=True)})

        monkeypatch.setattr(guidelines, "in_turns", in_turns)

    return told


def convolutions(stack):
    return [
        (layer.in_channels, layer.out_channels, layer.groups, layer.kernel_size[0])
        for layer in stack.modules()
        if isinstance(layer, nn.Conv2d)
    ]


@pytest.mark.parametrize("claim", EXPERIMENTS)
def test_an_experiment_on_tiny_maps(claim, setup):
    made, rows, comparisons = EXPERIMENTS[claim]
    outcome = made(setup, TINY)
    assert isinstance(outcome, Outcome) and experiments.registered()[claim] is made
    (shown,) = outcome.data["tables"]
    assert len(shown["rows"]) == rows and all(row[2] > 0 for row in shown["rows"])
    summary, each, rule = outcome.evidence
    assert "comparisons as claimed" in summary and "Snapdragon" in summary and rule.startswith("rule")
    assert each.count("printed") == len(outcome.data["comparisons"]) == comparisons


def test_widths_of_table_1(setup, stacks):
    guidelines.equal_width(setup, TINY)
    assert [convolutions(stack)[:2] for stack in stacks] == [
        [(a, b, 1, 1), (b, a, 1, 1)] for a, b in ((32, 32), (22, 44), (13, 78), (9, 108))
    ]
    assert all(len(convolutions(stack)) == 4 for stack in stacks)


def test_widths_of_table_2(setup, stacks):
    guidelines.groups(setup, TINY)
    expected = [(64, 1), (90, 2), (128, 4), (184, 8)]  # 180 can't be had in 8 groups
    assert [convolutions(stack)[0] for stack in stacks] == [(c, c, g, 1) for c, g in expected]


def test_widths_of_table_3(setup, stacks):
    guidelines.fragments(setup, Sizes(side=4, units=1, rounds=6, wider=(4,)))
    # 256 / √2 = 181.02, 256 / √4 = 128
    expected = [[256], [181] * 2, [128] * 4, [181] * 2, [128] * 4]
    assert [[each[0] for each in convolutions(stack)] for stack in stacks] == expected


def test_units_of_table_4(setup, stacks):
    guidelines.elementwise(setup, Sizes(side=4, units=1, rounds=6, wider=(2,)))
    for stack in stacks:
        assert convolutions(stack) == [(64, 16, 1, 1), (16, 16, 1, 3), (16, 64, 1, 1)]
    # both, ReLU alone, shortcut alone, neither
    assert [sum(isinstance(m, nn.ReLU) for m in stack.modules()) for stack in stacks] == [3, 3, 0, 0]
    assert [isinstance(stack[0][0], Residual) for stack in stacks] == [True, False, True, False]


def test_time_is_compared_per_multiply_add(setup, clock):
    # 22 · 44 of 32 · 32 is 0.945: an equal time is longer by operations; 9 · 108 is 0.949.
    clock([1.0, 1.0, 1.0, 0.9])
    outcome = guidelines.equal_width(setup, TINY)
    assert outcome.holds is False
    # The printed 76.2 and 72.9 images/s give 1.045, and 1.106 per multiply-add.
    assert "1:2 to 1:1 1.06 [1.06, 1.06] (printed 1.11), 1:6" in outcome.evidence[1]
    assert outcome.evidence[0].startswith("2 of 3 comparisons as claimed, 1 the other way, 0 undecided")


@pytest.mark.parametrize(
    ("costs", "holds", "told"),
    [
        ([1.0, 1.1, 1.2, 1.4], True, None),
        ([1.0, 1.9, 1.6, 3.6], "sense", "g4 to g2 at ×1"),
        ([1.0, 1.1, 1.2, 0.9], False, None),
    ],
)
def test_a_step_of_groups_the_other_way_leaves_the_sense(setup, clock, costs, holds, told):
    clock(costs)
    outcome = guidelines.groups(setup, TINY)
    assert outcome.holds is holds
    assert told is None or told in outcome.evidence[0]


@pytest.mark.parametrize(("both", "holds"), [(1.08, True), (1.07, False)])
def test_elementwise_operations_must_cost_more_than_they_count(setup, clock, both, holds):
    # c = 32: 2 · 32 · 8 + 9 · 8² = 1,088 multiply-adds a pixel, ReLUs 8 + 8 + 32 and sums 32: 80, or 7.35 %
    clock([both, 1.05, 1.04, 1.0])
    assert guidelines.elementwise(setup, TINY).holds is holds


@pytest.mark.slow
@pytest.mark.parametrize("claim", EXPERIMENTS)
def test_an_experiment_at_its_size(claim, setup):
    outcome = EXPERIMENTS[claim][0](setup)
    assert len(outcome.data["tables"]) == 3 and len(outcome.evidence) == 5
