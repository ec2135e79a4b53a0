"""The four observations on DenseNet's weights are found where they are planted, and not where they aren't."""

import pytest
import torch
from torch import nn

import architectures
from reports.verdicts.experiments import heat_map, registered
from tests import planted

CLAIMS = (
    "densenet.heatmap_reuse",
    "densenet.heatmap_transition_uses_all",
    "densenet.heatmap_transition_redundant",
    "densenet.heatmap_classifier_late",
)


def blocks(network):
    return [getattr(network, f"dense_block_{number}") for number in (1, 2, 3)]


def scale(part, maps, factor):
    """The weights that a layer, a transition or the classifier has for some of its input maps."""
    first = next(m for m in part.modules() if isinstance(m, (nn.Conv2d, nn.Linear)))
    first.weight[:, maps] *= factor


def as_in_the_figure(network):
    planted.redraw(network)
    for block in blocks(network)[1:]:
        for layer in block:
            scale(layer, slice(block[0][0].num_features), 0.5)
    scale(network.classification, slice(-24, None), 2)


def otherwise(network):
    planted.redraw(network)
    for block in blocks(network):
        for layer in list(block)[-2:]:
            scale(layer, slice(-24), 0.1)
    for block in blocks(network)[1:]:
        for layer in block:
            scale(layer, slice(block[0][0].num_features), 20)
    scale(network.transition_1, slice(16), 0.1)
    scale(network.classification, slice(-24, None), 0.5)


@pytest.mark.parametrize(
    ("plant", "holds"), [(as_in_the_figure, True), (otherwise, False), (lambda n: None, None)]
)
def test_what_is_planted_is_found(tmp_path, monkeypatch, plant, holds):
    monkeypatch.setattr(heat_map, "VARIANT", "plain-22")  # six layers a block: two are a third
    setup = planted.setup(tmp_path)
    ids = [planted.finish(setup.runs, heat_map.STUDY, "plain-22", seed, plant) for seed in range(3)]
    for claim in CLAIMS:
        outcome = registered()[claim](setup)
        assert outcome.holds is holds, (claim, outcome.evidence)
        assert outcome.runs == tuple(ids) and len(outcome.data["tables"][0]["rows"]) == 3


def test_a_pixel_is_the_mean_absolute_weight_on_a_source():
    network = architectures.build("densenet", stem="cifar", num_classes=10, depth=10, growth_rate=4)
    with torch.no_grad():
        layer = network.dense_block_2[1][2].weight.fill_(1)  # of 16 + 2 · 4 maps from the transition, and 4
        layer[:, :24] = -2
        layer[:, 24:] = 3
    found = heat_map.weights_by_source(network)
    assert [[len(row) for row in block] for block in found] == [[1, 2, 3]] * 3
    assert found[1][1] == [2, 3]
    (one, two, _), *_ = heat_map.as_drawn([found])["block 2"], None
    assert one[1] == 2 and two == [None, 3, pytest.approx(found[1][2][1])]


def test_a_bottleneck_is_seen_through():
    network = architectures.build("densenet_bc", stem="cifar", num_classes=10, depth=16, growth_rate=4)
    assert [[len(row) for row in block] for block in heat_map.weights_by_source(network)] == [[1, 2, 3]] * 3
