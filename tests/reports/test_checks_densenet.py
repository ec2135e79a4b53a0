"""The exact DenseNet claims hold for our networks, and their checks fail for networks that break them."""

import pytest
from torch import nn

import architectures
from reports.verdicts import checks

IDS = (
    "densenet.compression_halves",
    "densenet.params_table",
    "densenet.input_width",
    "densenet.connections",
    "densenet.flops_half",
)


@pytest.mark.parametrize("claim", IDS)
def test_claim_holds(claim):
    holds, evidence = checks.find(claim)()
    assert holds, evidence


def test_unknown_claim():
    assert checks.verdict("densenet.nonsense") is None


def test_one_map_too_many_would_be_noticed(monkeypatch):
    real = architectures.build

    def build(arch, **arguments):
        network = real(arch, **arguments)
        for module in network.modules():
            if isinstance(module, nn.Conv2d) and module.out_channels == 53:
                module.out_channels = 54
        return network

    monkeypatch.setattr(architectures, "build", build)
    holds, evidence = checks.find("densenet.compression_halves").__wrapped__()  # without the cache
    assert not holds and "106 channels into 54" in evidence


@pytest.mark.parametrize("claim", IDS[1:])
def test_other_growth_rate_would_be_noticed(monkeypatch, claim):
    real = architectures.build

    def build(arch, **arguments):
        if "growth_rate" in arguments:
            arguments["growth_rate"] += 1
        return real(arch, **arguments)

    monkeypatch.setattr(architectures, "build", build)
    holds, _ = checks.find(claim).__wrapped__()
    assert not holds
