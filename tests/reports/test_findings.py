"""Experiments leave findings; a finding that can't be read is named and left out."""

import json
from dataclasses import replace

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
    monkeypatch.setattr(experiments, "registered", lambda by_others=False: {} if by_others else known)
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
        experiments,
        "registered",
        lambda by_others=False: dict.fromkeys(() if by_others else (CLAIM, OTHER), lambda setup: OUTCOME),
    )
    monkeypatch.setattr(
        provenance, "git_state", lambda: {"commit": "c", "dirty": any(tmp_path.glob("*.json"))}
    )
    list(find.find([], Setup("cpu", tmp_path, tmp_path), tmp_path))
    found, _ = findings.read(tmp_path)
    assert [own[0].git["dirty"] for own in found.values()] == [False, False]


def test_what_others_networks_show_is_no_part_of_a_verdict(setup, monkeypatch, tmp_path):
    kinds = {False: OUTCOME, True: replace(OUTCOME, holds="sense")}
    monkeypatch.setattr(
        experiments, "registered", lambda by_others=False: {CLAIM: lambda setup: kinds[by_others]}
    )
    said = list(find.find([CLAIM], setup, tmp_path))
    assert said[1].startswith(f"{CLAIM}, by others' weights: holds in sense, the figure differs")
    found, warnings = findings.read(tmp_path)
    assert not warnings and {finding.by_others: finding.holds for finding in found[CLAIM]} == {
        False: True,
        True: "sense",
    }
    assert [finding.by_others for finding in findings.without_others(found)[CLAIM]] == [False]
    assert not findings.without_others({CLAIM: [replace(found[CLAIM][0], by_others=True)]})


def test_an_unknown_claim_is_refused_before_anything_is_made(setup, tmp_path):
    with pytest.raises(ValueError, match="did you mean flops.not_speed"):
        list(find.find([CLAIM, "flops.not_sped"], setup, tmp_path))
    assert not list(tmp_path.glob("*.json"))


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda facts: facts.pop("evidence"), "'evidence' is missing"),
        (lambda facts: facts.update(machine={"kind": "cpu"}), "'machine.device' is missing"),
        (lambda facts: facts.update(holds="yes"), "'holds' is none of true, false, null"),
        (lambda facts: facts.update(holds=1), "'holds' is missing or of a wrong kind"),
        (lambda facts: facts.pop("by_others"), "'by_others' is missing"),
        (lambda facts: facts.update(claim="no.such"), "no document makes the claim"),
        (lambda facts: facts.update(format=1), "not a finding of format 2"),
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

    for claim in [*experiments.registered(), *experiments.registered(by_others=True)]:
        assert {"measured", "numeric", "trained"} & set(ledger.find(claim).kinds), claim


def test_committed_timings_are_judged_as_the_rules_now_say():
    from reports.verdicts.experiments import guidelines, speed
    from reports.verdicts.experiments.timing import Comparison

    rules = {"flops.not_speed": speed.other_times} | {
        claim: guidelines.judge for claim in experiments.registered() if claim.startswith("shufflenetv2.g")
    }
    found, _ = findings.read()
    judged = [finding for claim in rules for finding in found.get(claim, ())]
    assert judged
    for finding in judged:
        comparisons = [Comparison(**kept) for kept in finding.data["comparisons"]]
        assert rules[finding.claim](comparisons, "here")[0] == finding.holds, finding.claim
