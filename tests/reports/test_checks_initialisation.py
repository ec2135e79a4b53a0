"""The exact claim about initial weights holds for ours, and its check fails for other variances."""

import pytest
from torch import nn

from lightning_modules import initialisation
from reports.verdicts import checks

CLAIM = "xavier.variance"


def test_claim_holds():
    holds, evidence = checks.find(CLAIM)()
    assert holds, evidence


@pytest.mark.parametrize(
    "draw",
    [
        nn.init.xavier_normal_,  # the variance, but beyond the bound
        lambda weight: nn.init.xavier_uniform_(weight, gain=0.98),
        lambda weight: nn.init.kaiming_uniform_(weight, mode="fan_in", nonlinearity="linear"),
        lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu"),
    ],
)
def test_another_draw_would_be_noticed(monkeypatch, draw):
    def initialise(network: nn.Module, recipe) -> None:
        for module in network.modules():
            if isinstance(module, nn.Linear):
                draw(module.weight)

    monkeypatch.setattr(initialisation, "initialise", initialise)
    holds, evidence = checks.find(CLAIM).__wrapped__()  # without the cache
    assert not holds, evidence


def test_a_stack_that_loses_its_signals_would_be_noticed(monkeypatch):
    real = initialisation.initialise

    def initialise(network: nn.Module, recipe) -> None:
        real(network, recipe)
        for module in network.children():  # the single layer that is measured has no children
            module[0].weight.data *= 0.98

    monkeypatch.setattr(initialisation, "initialise", initialise)
    holds, evidence = checks.find(CLAIM).__wrapped__()
    assert not holds, evidence
