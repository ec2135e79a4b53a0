"""The exact claims about SE hold for our networks, and their checks fail for networks that break them."""

import pytest

import architectures
from reports.verdicts import checks
from reports.verdicts.checks import senet

IDS = ("senet.small_overhead", "senet.two_fc_better_than_one")


@pytest.mark.parametrize("claim", IDS)
def test_claim_holds(claim):
    holds, evidence = checks.find(claim)()
    assert holds, evidence


@pytest.mark.parametrize(
    ("claim", "knobs"), [(IDS[0], {"reduction": 8}), (IDS[0], {"bias": True}), (IDS[1], {"fc_layers": 2})]
)
def test_another_network_would_be_noticed(monkeypatch, claim, knobs):
    real = architectures.build

    def build(arch, **arguments):
        return real(arch, **arguments | (knobs if arch == "se_resnet" else {}))

    monkeypatch.setattr(architectures, "build", build)
    holds, _ = checks.find(claim).__wrapped__()  # without the cache
    assert not holds


def test_other_mult_adds_would_be_noticed(monkeypatch):
    monkeypatch.setattr(senet, "additions", lambda network: (0, 10**8))
    holds, evidence = checks.find("senet.small_overhead").__wrapped__()
    assert not holds and "se_resnet: printed 3.87 G, counted 3.960" in evidence
