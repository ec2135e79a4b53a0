"""Reading records: what is taken, what is left out, and whether the warning says where and why."""

import json

import pytest

from reports.runs import records
from tests.reports.conftest import diverged, run_id, sealed


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
        (setting("format", 4), "format 4 is unknown"),
        (setting("seed", True), "the field 'seed' is True, expected int"),
        (setting("test.errors", "5123"), "the field 'test.errors' is '5123', expected int"),
        (setting("test.errors", 5124), "test.error is 51.23, but 5124 of 10000 are 51.24 %"),
        (setting("test.error", float("nan")), "NaN is no number"),
        (setting("test.error", 10**400), "00… is no number that a run has"),
        (setting("test.images", 0), "0 test images were counted; CIFAR-10 has 10,000"),
        (setting("test.errors", -1), "impossible"),
        (setting("curve.curve_test_error", [50.0]), "curve.curve_test_error has 1 values for 8 epochs"),
        (
            setting("curve.curve_test_error", [50.0] * 7 + ["a"]),
            "curve.curve_test_error holds something that is no number",
        ),
        (setting("machine.images_per_device", 0), "its machine.images_per_device is 0, expected 1 or more"),
        (setting("curve.epoch", ["one", "two"]), "its curve hasn't the 8 epochs of its training"),
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


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("curve.train_loss", [2.0] * 7 + [float("nan")], "NaN is no number"),
        ("curve.train_loss", [2.0] * 7 + [float("inf")], "Infinity is no number"),
        ("curve.train_loss", [2.0] * 7 + [None], "curve.train_loss holds something that is no number"),
        ("test.loss", float("nan"), "NaN is no number"),
        ("test.loss", None, "the field 'test.loss' is None, expected float or int"),
    ],
)
def test_values_missing_or_not_finite_are_refused_in_one_line(write_records, facts, field, value, complaint):
    bad = facts("wide", 0, 9000)
    setting(field, value)(bad)
    found, warnings = records.read([write_records(sealed(bad))])
    assert (found, warnings) == ([], [f"records/made_up.jsonl:1: skipped, {complaint}"])


def test_a_run_that_diverged_has_no_test_and_counts_as_guessing(write_records, facts):
    found, warnings = records.read([write_records(diverged(facts("wide", 0, 5000), 2))])
    assert (found[0].error, found[0].diverged, warnings) == (90.0, 2, [])


def test_one_result_from_two_commits_is_said(tmp_path, facts):
    other = facts("wide", 0, 5123)
    other["git"]["commit"] = None
    for machine, line in (("here", facts("wide", 0, 5123)), ("there", sealed(other))):
        (tmp_path / machine / "run").mkdir(parents=True)
        (tmp_path / machine / "run" / "record.json").write_text(json.dumps(line))
    found, warnings = records.read([tmp_path / "here", tmp_path / "there"])
    assert [record.git["commit"][:8] for record in found] == ["01234567"]
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
