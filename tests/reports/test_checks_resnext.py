"""The exact claims about ResNeXt hold for our networks, and their checks fail for networks that break them."""

import pytest
from torch import nn

import architectures
from reports.verdicts import checks

IDS = (
    "group_conv.cost_1_over_g",
    "resnext.forms_equivalent",
    "resnext.preserved_complexity",
    "resnext.1x1_share_over_90pct",
)


@pytest.mark.parametrize("claim", IDS)
def test_claim_holds(claim):
    holds, evidence = checks.find(claim)()
    assert holds, evidence


@pytest.mark.parametrize(
    ("claim", "knobs"),
    [
        ("group_conv.cost_1_over_g", {"cardinality": 1}),
        ("resnext.preserved_complexity", {"base_width": 5}),
        ("resnext.1x1_share_over_90pct", {"base_width": 8}),
    ],
)
def test_another_network_would_be_noticed(monkeypatch, claim, knobs):
    real = architectures.build

    def build(arch, *, stem, **arguments):
        return real(arch, stem=stem, **arguments | (knobs if stem == "imagenet" else {}))

    monkeypatch.setattr(architectures, "build", build)
    holds, _ = checks.find(claim).__wrapped__()  # without the cache
    assert not holds


def test_outputs_of_another_kernel_would_be_noticed(monkeypatch):
    real = architectures.build

    def build(arch, *, stem, **arguments):
        network = real(arch, stem=stem, **arguments)
        for module in network.modules() if stem == "cifar" else ():
            if isinstance(module, nn.Conv2d):
                module.padding_mode = "circular"
        return network

    monkeypatch.setattr(architectures, "build", build)
    holds, _ = checks.find("group_conv.cost_1_over_g").__wrapped__()
    assert not holds


def test_forms_of_another_function_would_be_noticed(monkeypatch):
    real = architectures.build

    def build(arch, *, form, **arguments):
        network = real(arch, form=form, **arguments)
        for module in network.modules() if form == "b" else ():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = 0.1
        return network

    monkeypatch.setattr(architectures, "build", build)
    holds, _ = checks.find("resnext.forms_equivalent").__wrapped__()
    assert not holds
