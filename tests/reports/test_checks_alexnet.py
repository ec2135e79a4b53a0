"""The exact claims about AlexNet: two hold, of two the sense does; each could come out otherwise."""

from dataclasses import replace

import pytest

import architectures
from reports.printed import figures
from reports.verdicts import checks
from reports.verdicts.checks import alexnet

HOLD = ("alexnet.sizes_227", "alexnet.groups_halve")


@pytest.mark.parametrize("claim", HOLD)
def test_claim_holds(claim):
    holds, evidence = checks.find(claim)()
    assert holds, evidence


@pytest.mark.parametrize(("claim", "knobs"), [(HOLD[0], {"conv1_padding": 2}), (HOLD[1], {"groups": 1})])
def test_another_network_would_be_noticed(monkeypatch, built_anew, claim, knobs):
    real = architectures.build
    monkeypatch.setattr(architectures, "build", lambda arch, **arguments: real(arch, **arguments | knobs))
    holds, evidence = checks.find(claim).__wrapped__()  # without the cache
    assert not holds, evidence


def test_of_the_layer_table_the_sense_holds_and_conv4_is_a_misprint(monkeypatch):
    holds, evidence = checks.find("alexnet.layer_table")()
    assert (
        holds == "sense"
        and "15 of 16" in evidence
        and "conv4, params: printed 1.3M, counted 663,552" in evidence
    )
    corrected = [
        replace(f, value="663K") if (f.row_id, f.metric) == ("conv4", "params") else f
        for f in figures.read("alexnet_layers_seed")
    ]
    monkeypatch.setattr(figures, "read", lambda table: corrected)
    holds, evidence = checks.find("alexnet.layer_table").__wrapped__()
    assert holds, evidence


def test_of_the_totals_the_connections_alone_are_others(monkeypatch):
    holds, evidence = checks.find("alexnet.totals")()
    assert holds == "sense" and all(n in evidence for n in ("60,965,224", "659,272", "724,406,816"))
    monkeypatch.setattr(alexnet, "CONNECTIONS", (720e6, 10e6))
    holds, _ = checks.find("alexnet.totals").__wrapped__()
    assert holds
    monkeypatch.setattr(alexnet, "NEURONS", (640e3, 10e3))
    holds, _ = checks.find("alexnet.totals").__wrapped__()
    assert not holds
