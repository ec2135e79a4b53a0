"""Reading records: what is taken, what is left out, and whether the warning says where and why."""

import json

import pytest

from reports.runs import records
from tests.reports.conftest import run_id


def test_complete_record(write_records, facts):
    found, warnings = records.read([write_records(facts("wide", 0, 5123))])
    assert warnings == []
    assert [(r.run_id, r.error, r.where) for r in found] == [
        (run_id("wide", 0), 51.23, "records/made_up.jsonl:1")
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
        (without("curve.curve_test_error"), "the field 'curve.curve_test_error' is missing"),
        (without("git.commit"), "the field 'git.commit' is missing"),
        (without("format"), "not a record of this project"),
        (setting("format", 3), "format 3 is unknown"),
        (setting("seed", True), "the field 'seed' is True, expected int"),
        (setting("test.errors", "5123"), "the field 'test.errors' is '5123', expected int"),
        (setting("test.errors", 5124), "test.error is 51.23, but 5124 of 10000 are 51.24 %"),
        (setting("test.error", float("nan")), "test.error is nan"),
        (setting("test.error", 10**400), "test.error is 1000"),
        (setting("test.images", 0), "impossible"),
        (setting("test.errors", -1), "impossible"),
        (setting("curve.curve_test_error", [50.0]), "curve.curve_test_error has 1 values for 2 epochs"),
        (
            setting("curve.curve_test_error", [50.0, "a"]),
            "curve.curve_test_error holds something that is no number",
        ),
        (setting("machine.images_per_device", 0), "machine.images_per_device is 0"),
        (setting("curve.epoch", ["one", "two"]), "curve.epoch holds something that is no whole number"),
    ],
)
def test_damaged_record_is_named_and_the_rest_read(write_records, facts, damage, complaint):
    bad = facts("wide", 0, 5123)
    damage(bad)
    found, warnings = records.read([write_records(facts("thin", 0, 6000), bad, facts("thin", 1, 6100))])
    assert [record.run_id for record in found] == [run_id("thin", 0), run_id("thin", 1)]
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
    assert [record.run_id for record in found] == [run_id("wide", 1)]
    assert len(warnings) == 1
    for part in (
        run_id("wide", 0),
        "51.23 % in records/made_up.jsonl:1",
        "51.22 % in records/made_up.jsonl:3",
    ):
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


def test_a_run_that_diverged_has_no_test_and_counts_as_guessing(write_records, facts):
    diverged = facts("wide", 0, 9000) | {"diverged": 2, "test": None}
    found, warnings = records.read([write_records(diverged)])
    assert (found[0].error, found[0].diverged, warnings) == (90.0, 2, [])


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
            f"run {run_id('wide', 0)}: different commits gave the same result (01234567 in here/run/record.json:1, unknown in "
            "there/run/record.json:1); the first is kept"
        )
    ]


@pytest.mark.parametrize("text", ["[" * 100_000, '{"format": 1e999}'])
def test_text_that_would_break_a_parser(write_records, facts, text):
    found, warnings = records.read([write_records(text, facts("thin", 0, 6000))])
    assert len(found) == 1 and len(warnings) == 1 and warnings[0].startswith("records/made_up.jsonl:1: ")
