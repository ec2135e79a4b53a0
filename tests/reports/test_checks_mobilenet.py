"""The exact MobileNet claims get their verdicts, and the checks fail for networks that break them."""

import pytest
import torch
from torch import nn

import architectures
from architectures import mobilenet_v1
from reports.verdicts import checks

HOLD = (
    *("dws.cost_ratio", "dws.dw_795_vs_6912", "mobilenet.layer_ladder", "mobilenet.resource_share"),
    *("mobilenet.alpha_rho_quadratic", "mobilenet.tables_4_7_counts", "mobilenetv2.ratio_1_over_k2"),
    "mobilenetv3.hswish_formula",
)


def again(claim: str) -> tuple[bool, str]:
    """The check without its cache."""
    return checks.find(claim).__wrapped__()


@pytest.mark.parametrize("claim", HOLD)
def test_claim_holds(claim):
    holds, evidence = checks.find(claim)()
    assert holds, evidence


@pytest.mark.parametrize(
    ("claim", "said", "right"),
    [
        ("mobilenetv2.layers_54", False, "53 layers with weights"),
        ("mobilenetv3.last_stage_free", "sense", "printed 30, counted 34.32"),
    ],
)
def test_a_claim_or_its_figure_alone_is_contradicted(claim, said, right):
    holds, evidence = checks.find(claim)()
    assert holds == said and right in evidence


def test_the_misprint_of_table_2_is_named():
    assert "printed 1.19, counted 1.91" in checks.find("mobilenet.resource_share")()[1]


@pytest.mark.parametrize(
    "claim", ["mobilenet.layer_ladder", "mobilenet.resource_share", "mobilenet.tables_4_7_counts"]
)
def test_counts_3_percent_off_would_be_noticed(monkeypatch, claim):
    from reports.verdicts.checks import mobilenet_v1 as tables

    real = tables.count_for
    monkeypatch.setattr(tables, "count_for", lambda figure, counts: 1.03 * real(figure, counts))
    holds, evidence = again(claim)
    assert not holds and "printed" in evidence


def test_a_last_stage_that_saves_30_million_would_be_noticed(monkeypatch):
    from reports.verdicts.checks import mobilenet_v3 as tables

    monkeypatch.setattr(tables, "count_for", lambda figure, counts: 30.2)
    assert again("mobilenetv3.last_stage_free") == (True, "the printed figure is exact")


@pytest.mark.parametrize("claim", ["dws.cost_ratio", "mobilenetv2.ratio_1_over_k2"])
def test_half_as_many_groups_would_be_noticed(monkeypatch, claim):
    real = architectures.build

    def build(arch, **arguments):
        network = real(arch, **arguments)
        last = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.groups > 1][-1]
        last.weight = nn.Parameter(torch.empty(last.out_channels, 2, 3, 3, device="meta"))
        return network

    monkeypatch.setattr(architectures, "build", build)
    assert not again(claim)[0]


def test_a_5x5_would_be_noticed(monkeypatch):
    real = mobilenet_v1.conv_bn
    monkeypatch.setattr(
        mobilenet_v1, "conv_bn", lambda i, o, k, *rest, **more: real(i, o, 5 if k == 3 else k, *rest, **more)
    )
    assert not again("dws.dw_795_vs_6912")[0]


def test_a_network_that_width_doesnt_thin_would_be_noticed(monkeypatch):
    monkeypatch.setattr(mobilenet_v1, "thinned", lambda maps, width_mult: maps)
    assert not again("mobilenet.alpha_rho_quadratic")[0]


def test_54_layers_would_be_noticed(monkeypatch):
    real = architectures.build

    def build(arch, **arguments):
        network = real(arch, **arguments)
        network.bottleneck_1.insert(0, nn.Conv2d(32, 32, 1, bias=False, device="meta"))
        return network

    monkeypatch.setattr(architectures, "build", build)
    holds, evidence = again("mobilenetv2.layers_54")
    assert holds, evidence


def test_another_activation_would_be_noticed(monkeypatch):
    monkeypatch.setattr(nn.Hardswish, "forward", lambda self, x: x * torch.sigmoid(x))
    assert not again("mobilenetv3.hswish_formula")[0]


def test_no_figure_is_no_proof():
    assert checks.as_printed("mobilenet_v1", lambda figure: False) == (False, "no printed figure found")
