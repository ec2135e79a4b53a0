"""The exact claims about EfficientNet hold, and their checks fail for networks that are scaled otherwise."""

import pytest

import architectures
from reports.verdicts import checks, complexity

CLAIMS = ("efficientnet.flops_by_dimension", "efficientnet.b0_against_resnet50")


@pytest.mark.parametrize("claim", CLAIMS)
def test_claim_holds(claim):
    holds, evidence = checks.find(claim)()
    assert holds, evidence


@pytest.mark.parametrize("claim", CLAIMS)
def test_other_widths_would_be_noticed(monkeypatch, claim):
    real = architectures.build

    def build(arch, **arguments):
        if arch == "efficientnet":
            arguments["width_mult"] *= 1.3 if arguments["width_mult"] == 1 else 0.7
        return real(arch, **arguments)

    monkeypatch.setattr(architectures, "build", build)
    monkeypatch.setattr(complexity.cache, "current", Nothing)
    holds, evidence = checks.find(claim).__wrapped__()  # without the cache
    assert not holds, evidence


class Nothing:
    """A cache that remembers nothing."""

    def get(self, part, key, fingerprint, make):
        return make()
