"""The exact ShuffleNet claims hold, and their checks fail for networks that break them."""

import pytest

from architectures.layers.channel_shuffle import ChannelShuffle
from reports.verdicts import checks
from reports.verdicts.checks import shufflenet_v1 as tables
from reports.verdicts.checks import shufflenet_v2

IDS = ("shufflenet.t1_complexity", "shufflenet.shuffle_is_transpose", "shufflenetv2.mac_lower_bound")


@pytest.mark.parametrize("claim", IDS)
def test_claim_holds(claim):
    holds, evidence = checks.find(claim)()
    assert holds, evidence


def test_counts_3_percent_off_would_be_noticed(monkeypatch):
    real = tables.count_for
    monkeypatch.setattr(tables, "count_for", lambda figure, counts: 1.03 * real(figure, counts))
    assert not checks.find(IDS[0]).__wrapped__()[0]


@pytest.mark.parametrize("wrong", [lambda self, x: x, lambda self, x: x.flip(1)])
def test_another_order_of_the_maps_would_be_noticed(monkeypatch, wrong):
    monkeypatch.setattr(ChannelShuffle, "forward", wrong)
    holds, evidence = checks.find(IDS[1]).__wrapped__()
    assert not holds and "64 of 64 shuffles" in evidence


def test_a_gradient_that_goes_astray_would_be_noticed(monkeypatch):
    real = ChannelShuffle.forward
    monkeypatch.setattr(
        ChannelShuffle, "forward", lambda self, x: real(self, x.detach()) + 0 * x.flip(1) + x - x.detach()
    )
    assert not checks.find(IDS[1]).__wrapped__()[0]


@pytest.mark.parametrize(
    "cost",
    [
        lambda layer, pixels: pixels * layer.in_channels + layer.weight.numel(),
        lambda layer, pixels: pixels * (layer.in_channels + 2 * layer.out_channels) + layer.weight.numel(),
        lambda layer, pixels: pixels * (layer.in_channels + layer.out_channels / layer.groups),
    ],
)
def test_another_cost_would_be_noticed(monkeypatch, cost):
    monkeypatch.setattr(shufflenet_v2, "access_cost", cost)
    assert not checks.find(IDS[2]).__wrapped__()[0]
