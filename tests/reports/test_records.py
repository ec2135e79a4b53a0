"""Reading records: what is taken, what is left out, and whether the warning says where and why."""

import json
import tracemalloc
from pathlib import Path

import pytest

from reports import records
from reports.facts import parsed


def test_complete_record(write_records, facts):
    found, warnings = records.read([write_records(facts("wide", 0, 5123))])
    assert warnings == []
    assert [(r.run_id, r.error, r.where) for r in found] == [
        ("wide-smoke-0", 51.23, "records/made_up.jsonl:1")
    ]


def test_records_of_runs_are_read_too(tmp_path, facts):
    (tmp_path / "runs" / "abc").mkdir(parents=True)
    text = json.dumps(facts("wide", 0, 5123), indent=2)
    (tmp_path / "runs" / "abc" / "record.json").write_text(text)
    (tmp_path / "runs" / "abc" / "other.json").write_text("no record")
    found, warnings = records.read([tmp_path / "runs", tmp_path / "nowhere"])
    assert (len(found), warnings) == (1, [])


def without(field):
    def damage(facts):
        holder = facts
        *parents, leaf = field.split(".")
        for parent in parents:
            holder = holder[parent]
        del holder[leaf]

    return damage


def setting(field, value):
    def damage(facts):
        holder = facts
        *parents, leaf = field.split(".")
        for parent in parents:
            holder = holder[parent]
        holder[leaf] = value

    return damage


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (without("run_id"), "the field 'run_id' is missing"),
        (without("test"), "the field 'test' is missing"),
        (without("test.errors"), "the field 'test.errors' is missing"),
        (without("curve.test_error"), "the field 'curve.test_error' is missing"),
        (without("git.commit"), "the field 'git.commit' is missing"),
        (without("format"), "not a record of this project"),
        (setting("format", 2), "format 2 is unknown"),
        (setting("seed", True), "the field 'seed' is True, expected int"),
        (setting("test.errors", "5123"), "the field 'test.errors' is '5123', expected int"),
        (setting("test.errors", 5124), "test.error is 51.23, but 5124 of 10000 are 51.24 %"),
        (setting("test.error", float("nan")), "test.error is nan"),
        (setting("test.error", 10**400), "test.error is 1000"),
        (setting("test.images", 0), "impossible"),
        (setting("test.errors", -1), "impossible"),
        (setting("curve.test_error", [50.0]), "curve.test_error has 1 values for 2 epochs"),
        (setting("curve.test_error", [50.0, "a"]), "curve.test_error holds something that is no number"),
        (setting("machine.images_per_device", 0), "machine.images_per_device is 0"),
        (setting("curve.epoch", ["one", "two"]), "curve.epoch holds something that is no whole number"),
    ],
)
def test_damaged_record_is_named_and_the_rest_read(write_records, facts, damage, complaint):
    bad = facts("wide", 0, 5123)
    damage(bad)
    found, warnings = records.read([write_records(facts("thin", 0, 6000), bad, facts("thin", 1, 6100))])
    assert [record.run_id for record in found] == ["thin-smoke-0", "thin-smoke-1"]
    assert len(warnings) == 1
    assert warnings[0].startswith("records/made_up.jsonl:2: skipped, ") and complaint in warnings[0]
    assert "\n" not in warnings[0]


@pytest.mark.parametrize("line", ['{"format": 1,', "[]", "3", "null", '"text"', "{}"])
def test_foreign_line(write_records, facts, line):
    found, warnings = records.read([write_records(line, facts("thin", 0, 6000))])
    assert len(found) == 1
    assert len(warnings) == 1 and warnings[0].startswith("records/made_up.jsonl:1: skipped, ")


def test_file_that_is_no_text(write_records, tmp_path):
    folder = write_records()
    (folder / "noise.jsonl").write_bytes(b"\xff\xfe\x00")
    found, warnings = records.read([folder])
    assert found == [] and warnings[0].startswith("records/noise.jsonl:1: skipped, cannot be read as text")


def test_line_cut_off_by_a_crash(write_records, facts):
    text = json.dumps(facts("wide", 0, 5123))
    found, warnings = records.read([write_records(text, text[: len(text) // 2])])
    assert len(found) == 1 and "made_up.jsonl:2: skipped, not valid JSON" in warnings[0]


def test_duplicates_are_merged(write_records, facts):
    folder = write_records(facts("wide", 0, 5123), facts("wide", 0, 5123))
    found, warnings = records.read([folder, folder])
    assert (len(found), warnings) == (1, [])


def test_contradicting_records_are_left_out_and_named(write_records, facts):
    folder = write_records(facts("wide", 0, 5123), facts("wide", 1, 5000), facts("wide", 0, 5122))
    found, warnings = records.read([folder])
    assert [record.run_id for record in found] == ["wide-smoke-1"]
    assert len(warnings) == 1
    for part in ("wide-smoke-0", "51.23 % in records/made_up.jsonl:1", "51.22 % in records/made_up.jsonl:3"):
        assert part in warnings[0]


def test_a_committed_record_stands_against_a_repetition_on_another_machine(tmp_path, facts):
    committed, runs = tmp_path / "records", tmp_path / "runs"
    for folder, line in ((committed, facts("wide", 0, 5123)), (runs, facts("wide", 0, 5100))):
        folder.mkdir()
        (folder / "made_up.jsonl").write_text(json.dumps(line))
    found, warnings = records.read([committed, runs])
    assert [record.errors for record in found] == [5123]
    assert len(warnings) == 1 and "51.00 % in runs" in warnings[0] and "the first is kept" in warnings[0]


def test_values_missing_from_a_curve_are_allowed(write_records, facts):
    diverged = facts("wide", 0, 9000)
    diverged["curve"]["train_loss"] = [float("nan"), None]
    diverged["test"]["loss"] = float("nan")
    found, warnings = records.read([write_records(diverged)])
    assert (len(found), warnings) == (1, [])


def test_one_result_from_two_commits_is_said(tmp_path, facts):
    other = facts("wide", 0, 5123)
    other["git"]["commit"] = None
    for machine, line in (("here", facts("wide", 0, 5123)), ("there", other)):
        (tmp_path / machine / "run").mkdir(parents=True)
        (tmp_path / machine / "run" / "record.json").write_text(json.dumps(line))
    found, warnings = records.read([tmp_path / "here", tmp_path / "there"])
    assert [record.facts["git"]["commit"][:8] for record in found] == ["01234567"]
    assert warnings == [
        (
            "run wide-smoke-0: different commits gave the same result (01234567 in here/run/record.json:1, unknown in "
            "there/run/record.json:1); the first is kept"
        )
    ]


def test_facts_are_read_again_where_they_stand(write_records, facts):
    folder = write_records(facts("thin", 0, 6000), "", "{}", facts("wide", 0, 5123))
    thin, wide = records.read([folder])[0]
    assert dict(wide.facts) == facts("wide", 0, 5123) and list(wide.facts) == list(facts("wide", 0, 5123))
    assert wide.facts["curve"] == facts("wide", 0, 5123)["curve"] and len(wide.facts) == len(
        facts("wide", 0, 5123)
    )
    assert thin.facts["machine"] is wide.facts["machine"]  # held once

    write_records(facts("wide", 0, 5123), facts("thin", 0, 6001))
    assert thin.facts["machine"]["device"] == "Abacus"
    with pytest.raises(ValueError, match="made_up.jsonl changed while it was in use"):
        thin.facts["config"]


def test_only_the_headline_stays_in_memory(write_records, facts):
    """100,000 records must fit: a curve of 300 epochs alone takes some 60 KB."""
    long = facts("wide", 0, 5123)
    long["curve"] = {name: [1.5 + epoch for epoch in range(300)] for name in long["curve"]}
    long["curve"]["epoch"] = list(range(300))
    folder = write_records(*(long | {"run_id": f"run{number}"} for number in range(50)))
    tracemalloc.start()
    found, warnings = records.read([folder])
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(found), warnings) == (50, [])
    assert held / len(found) < 3_000


@pytest.mark.parametrize("text", ["[" * 100_000, '{"format": 1e999}'])
def test_text_that_would_break_a_parser(write_records, facts, text):
    found, warnings = records.read([write_records(text, facts("thin", 0, 6000))])
    assert len(found) == 1 and len(warnings) == 1 and warnings[0].startswith("records/made_up.jsonl:1: ")


@pytest.mark.parametrize(
    "text", [b'{"a": [1, 2.5, -0.0, 1e-300, "\xc3\xa9"]}', b'{"a": NaN, "b": -Infinity}']
)
def test_json_is_read_as_the_standard_library_does(text):
    assert repr(parsed(text)) == repr(json.loads(text))


def test_committed_records_are_read_as_the_standard_library_does():
    for path in sorted((Path(records.__file__).parent / "records").glob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            assert parsed(line) == json.loads(line)
