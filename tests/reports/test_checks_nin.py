"""The exact claims about NiN: one holds, one is contradicted by a misprint; each could come out otherwise."""

import architectures
from reports.verdicts import checks
from reports.verdicts.checks import nin


def test_nin_is_smaller_than_alexnet():
    holds, evidence = checks.find("nin.smaller_than_alexnet")()
    assert holds and "29.0 MiB" in evidence and "232.6 MiB" in evidence


def test_another_size_would_be_noticed(monkeypatch):
    real = architectures.build
    monkeypatch.setattr(
        architectures,
        "build",
        lambda arch, **arguments: real("alexnet" if arch == "nin" else arch, **arguments),
    )
    holds, evidence = checks.find("nin.smaller_than_alexnet").__wrapped__()  # without the cache
    assert not holds and "NiN 61.0 million parameters, 232.6 MiB of float32 (given as 29)" in evidence


def test_of_average_pooling_the_sense_holds_and_the_slides_multiplications_differ(monkeypatch):
    holds, evidence = checks.find("nin.gap_no_params")()
    assert (
        holds == "sense" and "has 0 parameters" in evidence and "256 multiplications, where 216" in evidence
    )
    monkeypatch.setattr(nin, "PRINTED_MULTIPLICATIONS", 256)
    holds, _ = checks.find("nin.gap_no_params").__wrapped__()
    assert holds is True


def test_parameters_of_average_pooling_would_be_noticed(monkeypatch):
    monkeypatch.setattr(nin, "PRINTED_MULTIPLICATIONS", 256)
    real = architectures.build
    monkeypatch.setattr(
        architectures, "build", lambda arch, **arguments: real(arch, **arguments | {"head": "fc"})
    )
    holds, _ = checks.find("nin.gap_no_params").__wrapped__()
    assert not holds
