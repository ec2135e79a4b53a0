"""The exact claims about ResNets hold for our networks, and their checks fail for networks that break them."""

import pytest

import architectures
from reports.verdicts import checks

# Each claim with a change to the networks that breaks it.
BROKEN_BY = {
    "resnet.bottleneck_69632_vs_1179648": {"depth": 50},
    "resnet.flops_row": {"stride_in": "3x3"},
    "resnet.shortcut_costs": {"shortcut": "B"},
    "resnet.gradient_plus_one": {"shortcut_scale": 0.5},
    "resnet.single_layer_skip_is_linear": {"unit": "relu_before_addition"},
}


@pytest.mark.parametrize("claim", BROKEN_BY)
def test_claim_holds(claim):
    holds, evidence = checks.find(claim)()
    assert holds, evidence


@pytest.mark.parametrize(("claim", "knobs"), BROKEN_BY.items())
def test_another_network_would_be_noticed(monkeypatch, claim, knobs):
    real = architectures.build

    def build(arch, **arguments):
        return real(arch, **arguments | (knobs if arch != "plain" else {}))

    monkeypatch.setattr(architectures, "build", build)
    holds, _ = checks.find(claim).__wrapped__()  # without the cache
    assert not holds


def test_two_layers_that_were_linear_would_be_noticed(monkeypatch):
    real = architectures.build

    def build(arch, *, depth, block, **arguments):
        return real(arch, depth=5, block="single", **arguments)

    monkeypatch.setattr(architectures, "build", build)
    holds, evidence = checks.find("resnet.single_layer_skip_is_linear").__wrapped__()
    assert not holds, evidence
