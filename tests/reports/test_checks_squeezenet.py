"""The exact SqueezeNet claims hold, and their checks fail for networks and tables that break them."""

import dataclasses

import pytest
from torch import nn

import architectures
from reports.printed import figures
from reports.verdicts import checks
from reports.verdicts.checks import squeezenet as tables

IDS = (
    *("squeezenet.param_table", "squeezenet.fire_saving", "squeezenet.50x_is_the_fc"),
    "squeezenet.ratios",
)


@pytest.mark.parametrize("claim", IDS)
def test_claim_holds(claim):
    holds, evidence = checks.find(claim)()
    assert holds, evidence


def test_the_density_printed_for_fire8_would_not_give_its_row(monkeypatch):
    monkeypatch.setattr(tables, "densities", tables.printed_densities)
    holds, evidence = checks.find(IDS[0]).__wrapped__()
    assert not holds and "fire8, params_pruned: printed 77581, counted 82,005" in evidence


def test_a_fire_module_with_a_5x5_would_be_noticed(monkeypatch):
    real = architectures.build

    def build(arch, **arguments):
        network = real(arch, **arguments)
        large = [m for m in network.fire5.modules() if isinstance(m, nn.Conv2d)][2]
        large.weight = nn.Parameter(large.weight.new_empty(128, 32, 5, 5))
        return network

    monkeypatch.setattr(architectures, "build", build)
    assert not checks.find(IDS[1]).__wrapped__()[0]


def test_a_wider_squeeze_layer_would_be_noticed(monkeypatch):
    real = architectures.build

    def build(arch, **arguments):
        return real(arch, **arguments | ({"squeeze_ratio": 0.5} if arch == "squeezenet" else {}))

    monkeypatch.setattr(architectures, "build", build)
    assert not checks.find(IDS[2]).__wrapped__()[0]


def test_another_size_would_be_noticed(monkeypatch):
    real = figures.read

    def read(name):
        return [
            dataclasses.replace(f, value="30") if (f.row_id, f.metric) == ("alex-prune", "size_MB") else f
            for f in real(name)
        ]

    monkeypatch.setattr(figures, "read", read)
    holds, evidence = checks.find(IDS[3]).__wrapped__()
    assert not holds and "alex-prune: printed 9, 8.0 by the sizes" in evidence
