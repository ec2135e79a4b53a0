"""The exact claims about VGG hold for our networks, and their checks fail for networks that break them."""

import pytest
from torch import nn

import architectures
from reports.verdicts import checks

# Each claim with another configuration in the place of one that it is about.
BROKEN_BY = {
    "vgg.two3x3_fewer_params_than_5x5": {"B-5x5": "B"},
    "vgg.three3x3_vs_7x7": {"D": "C"},
    "vgg.receptive_field": {"D": "E"},
}


@pytest.mark.parametrize("claim", [*BROKEN_BY, "vgg.fc_as_conv"])
def test_claim_holds(claim):
    holds, evidence = checks.find(claim)()
    assert holds, evidence


@pytest.mark.parametrize(("claim", "instead"), BROKEN_BY.items())
def test_another_network_would_be_noticed(monkeypatch, claim, instead):
    real = architectures.build

    def build(arch, *, config, **arguments):
        return real(arch, config=instead.get(config, config), **arguments)

    monkeypatch.setattr(architectures, "build", build)
    holds, evidence = checks.find(claim).__wrapped__()  # without the cache
    assert not holds, evidence


@pytest.mark.parametrize(("layer", "place"), [("fc7", 2), ("average", 0)])
def test_convolutions_that_score_differently_would_be_noticed(monkeypatch, layer, place):
    real = architectures.build

    def build(arch, *, head, **arguments):
        network = real(arch, head=head, **arguments)
        if head == "conv":
            # no ReLU; no mean over the places, which leaves a crop's single place alone
            getattr(network, layer)[place] = nn.Identity() if layer == "fc7" else nn.AdaptiveMaxPool2d(1)
        return network

    monkeypatch.setattr(architectures, "build", build)
    holds, evidence = checks.find("vgg.fc_as_conv").__wrapped__()
    assert not holds, evidence
