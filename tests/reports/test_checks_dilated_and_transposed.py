"""The exact claims about dilated and transposed convolutions hold, and their checks fail for operations that break them."""

import pytest
from torch import nn
from torch.nn import functional

from reports.verdicts import checks

CLAIMS = ("dilated.receptive_field", "dilated.zeros_between", "transposed.adjoint", "transposed.output_size")


@pytest.mark.parametrize("claim", CLAIMS)
def test_claim_holds(claim):
    holds, evidence = checks.find(claim)()
    assert holds, evidence


def without_dilation(real):
    def convolve(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
        return real(x, weight, bias, stride, padding, 1, groups)

    return convolve


def mirrored(real):
    """What some call the transposed convolution: the kernel turned round once too often."""

    def convolve(y, weight, *arguments, **named):
        return real(y, weight.flip(2, 3), *arguments, **named)

    return convolve


def bordered(real):
    def convolve(*arguments, **named):
        return functional.pad(real(*arguments, **named), (0, 1, 0, 1))

    return convolve


@pytest.mark.parametrize(
    ("claim", "operation", "broken"),
    [
        ("dilated.zeros_between", "conv2d", without_dilation),
        ("transposed.adjoint", "conv_transpose2d", mirrored),
    ],
)
def test_another_operation_would_be_noticed(monkeypatch, claim, operation, broken):
    monkeypatch.setattr(functional, operation, broken(getattr(functional, operation)))
    holds, evidence = checks.find(claim).__wrapped__()  # without the cache
    assert not holds, evidence


def test_a_larger_output_would_be_noticed(monkeypatch):
    monkeypatch.setattr(nn.ConvTranspose2d, "forward", bordered(nn.ConvTranspose2d.forward))
    holds, evidence = checks.find("transposed.output_size").__wrapped__()
    assert not holds, evidence


def test_a_dilation_that_grows_by_one_would_be_noticed(monkeypatch):
    real = nn.Conv2d

    def layer(*arguments, padding, dilation, **named):
        less = max(1, dilation - 1)
        return real(*arguments, padding=less, dilation=less, **named)

    monkeypatch.setattr(nn, "Conv2d", layer)
    holds, evidence = checks.find("dilated.receptive_field").__wrapped__()
    assert not holds, evidence
