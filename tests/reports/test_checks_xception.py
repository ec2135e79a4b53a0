"""The exact Xception claim holds, and its check fails for networks that break it."""

import torch
from torch import nn

import architectures
from architectures.xception import SeparableConv
from reports.verdicts import checks
from reports.verdicts.checks import xception as table

CLAIM = "xception.equals_dws"


def test_claim_holds():
    holds, evidence = checks.find(CLAIM)()
    assert holds and "22,855,952 parameters" in evidence


def test_two_maps_a_group_would_be_noticed(monkeypatch):
    real = architectures.build

    def build(arch, **arguments):
        network = real(arch, **arguments)
        last = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.groups > 1][-1]
        last.groups //= 2
        return network

    monkeypatch.setattr(architectures, "build", build)
    assert not checks.find(CLAIM).__wrapped__()[0]


def test_an_activation_too_many_would_be_noticed(monkeypatch):
    monkeypatch.setattr(SeparableConv, "forward", lambda self, x: self[2](torch.relu(self[0](x))))
    assert not checks.find(CLAIM).__wrapped__()[0]


def test_one_parameter_more_would_be_noticed(monkeypatch):
    monkeypatch.setattr(table, "count_for", lambda figure, counts: counts.parameters + 1)
    holds, evidence = checks.find(CLAIM).__wrapped__()
    assert not holds and "counted 22,855,953" in evidence
