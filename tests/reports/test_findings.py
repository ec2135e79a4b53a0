"""Experiments leave findings; a finding that can't be read is named and left out."""

import json

import pytest

from reports.verdicts import experiments, find, findings
from reports.verdicts.experiments import CannotExperiment, Outcome, Setup

CLAIM, OTHER = "flops.not_speed", "mobilenet.dead_depthwise"
OUTCOME = Outcome(True, ("2.0 times as slow",), {"ratios": [1.9, 2.1]}, ("0123456789ab",))


def refuse(setup):
    raise CannotExperiment("no run has been trained; train one")


@pytest.fixture
def setup(monkeypatch, tmp_path):
    known = {CLAIM: lambda setup: OUTCOME, OTHER: refuse}
    monkeypatch.setattr(experiments, "registered", lambda: known)
    return Setup("cpu", tmp_path / "runs", tmp_path / "data")


def test_a_finding_comes_back_as_it_was_left(setup, tmp_path):
    said = list(find.find([], setup, tmp_path))
    assert [line.split(",")[0] for line in said] == [f"{CLAIM}: holds (0 s)", f"{OTHER}: not made"]
    found, warnings = findings.read(tmp_path)
    (finding,) = found.pop(CLAIM)
    assert not found and not warnings
    assert (finding.holds, finding.evidence, finding.runs) == (True, OUTCOME.evidence, OUTCOME.runs)
    assert finding.data == OUTCOME.data and finding.machine["kind"] == "cpu" and finding.versions["torch"]
    list(find.find([CLAIM], setup, tmp_path))
    assert len(list(tmp_path.glob("*.json"))) == 1  # of this machine the last one stays


def test_a_finding_is_no_change_of_the_code_that_makes_the_next(monkeypatch, tmp_path):
    from lightning_modules import provenance

    monkeypatch.setattr(
        experiments, "registered", lambda: {CLAIM: lambda setup: OUTCOME, OTHER: lambda setup: OUTCOME}
    )
    monkeypatch.setattr(
        provenance, "git_state", lambda: {"commit": "c", "dirty": any(tmp_path.glob("*.json"))}
    )
    list(find.find([], Setup("cpu", tmp_path, tmp_path), tmp_path))
    found, _ = findings.read(tmp_path)
    assert [own[0].git["dirty"] for own in found.values()] == [False, False]


def test_an_unknown_claim_is_refused_before_anything_is_made(setup, tmp_path):
    with pytest.raises(ValueError, match="did you mean flops.not_speed"):
        list(find.find([CLAIM, "flops.not_sped"], setup, tmp_path))
    assert not list(tmp_path.glob("*.json"))


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda facts: facts.pop("evidence"), "'evidence' is missing"),
        (lambda facts: facts.update(machine={"kind": "cpu"}), "'machine.device' is missing"),
        (lambda facts: facts.update(holds="yes"), "'holds' is missing or of a wrong kind"),
        (lambda facts: facts.update(claim="no.such"), "no document makes the claim"),
        (lambda facts: facts.update(format=2), "not a finding of format 1"),
        (lambda facts: facts.update(more=1), "'more' is unknown"),
    ],
)
def test_a_damaged_finding_is_named_and_left_out(setup, tmp_path, damage, complaint):
    list(find.find([CLAIM], setup, tmp_path))
    (path,) = tmp_path.glob("*.json")
    facts = json.loads(path.read_text())
    damage(facts)
    path.write_text(json.dumps(facts))
    (tmp_path / "half.json").write_text('{"format": 1,')
    found, warnings = findings.read(tmp_path)
    assert not found and len(warnings) == 2
    assert complaint in warnings[0] and "half.json: skipped, not valid JSON" in warnings[1]


def test_every_experiment_is_of_a_claim_that_needs_one():
    from reports.verdicts import ledger

    for claim in experiments.registered():
        assert {"measured", "numeric", "trained"} & set(ledger.find(claim).kinds), claim
