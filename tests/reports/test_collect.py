"""Taking finished runs into the committed records."""

import json
import multiprocessing
from pathlib import Path

import pytest

from lightning_modules.configuration import resolve
from reports.runs import collect as collecting
from reports.runs import records
from reports.runs.collect import Committed, collect
from sweeps import study as studies
from tests.reports.conftest import facts_of, run_id, sealed


@pytest.fixture
def finish(tmp_path):
    """`finish(facts, …)`: leave the records of finished runs, on a machine; returns its folder of runs."""

    def finish(*records, machine="here"):
        for facts in records:
            folder = tmp_path / machine / "runs" / facts["run_id"]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "record.json").write_text(json.dumps(facts, indent=2))
        return tmp_path / machine / "runs"

    return finish


def test_collects_in_declared_order_and_again_changes_nothing(study, tmp_path, facts, finish):
    runs = finish(facts("wide", 1, 5000), facts("wide", 0, 5100), facts("thin", 2, 6000))
    target = tmp_path / "records" / "made_up.jsonl"
    collect([runs], target.parent)
    lines = target.read_text().splitlines()
    assert [json.loads(line)["run_id"] for line in lines] == [
        run_id("thin", 2),
        run_id("wide", 0),
        run_id("wide", 1),
    ]
    assert json.loads(lines[1]) == facts("wide", 0, 5100)
    before = target.read_bytes()
    assert collect([runs], target.parent) == (["0 new records, 3 in all"], [])
    assert target.read_bytes() == before
    assert {path.name for path in target.parent.iterdir()} - {".made_up.lock"} == {"made_up.jsonl"}
    said, _ = collect([finish(facts("thin", 0, 6100))], target.parent)
    assert said[0] == "made_up: 1 new, 4 in all"
    assert target.read_text().index(run_id("thin", 0)) < target.read_text().index(run_id("thin", 2))


def test_what_another_command_has_added_meanwhile_stays(study, tmp_path, facts, finish):
    folder = tmp_path / "records"
    before = Committed(folder)
    collect([finish(facts("wide", 0, 5000))], folder)
    before.add(records.read([finish(facts("thin", 0, 6000), machine="there")])[0])
    assert [record.run_id for record in records.read([folder])[0]] == [run_id("thin", 0), run_id("wide", 0)]
    assert set(before.of_run) == {run_id("thin", 0), run_id("wide", 0)}


def test_two_collects_at_once_lose_nothing(study, tmp_path, facts, finish):
    """Ten rounds of two processes, started together, that each take four machines' runs into one file."""
    fork = multiprocessing.get_context("fork")  # a child has the made-up study, too
    runs = {
        name: [finish(facts(name, seed, 5000), machine=f"{name}{seed}") for seed in range(4)]
        for name in ("wide", "thin")
    }

    def work(folders: list[Path], target: Path, together) -> None:
        together.wait()
        for folder in folders:
            collect([folder], target)

    for turn in range(10):
        target, together = tmp_path / f"records{turn}", fork.Barrier(2)
        both = [fork.Process(target=work, args=(folders, target, together)) for folders in runs.values()]
        for process in both:
            process.start()
        for process in both:
            process.join(60)
        assert [process.exitcode for process in both] == [0, 0]
        found, warnings = records.read([target])
        assert (len(found), warnings) == (8, [])
        assert [path.name for path in target.glob("[!.]*")] == ["made_up.jsonl"]


def of_no_study(errors: int) -> dict:
    """The record of a run that the made-up study doesn't declare, or no longer does."""
    return facts_of(
        resolve("densenet", {"depth": 28}, dataset="cifar10", budget="mini", seed=0), errors, None, None
    )


def test_run_of_no_study_stays(study, tmp_path, finish):
    said, _ = collect([finish(of_no_study(5000))], tmp_path / "records")
    assert "1 finished run of no study" in said[-1]
    assert not (tmp_path / "records").exists()


def test_committed_record_of_an_older_configuration_is_kept(study, tmp_path, facts, finish, write_records):
    old = of_no_study(7000)
    folder = write_records(old)
    collect([finish(facts("wide", 0, 5000))], folder)
    ids = [json.loads(line)["run_id"] for line in (folder / "made_up.jsonl").read_text().splitlines()]
    assert ids == [run_id("wide", 0), old["run_id"]]


def test_refuses_to_rewrite_what_it_cannot_read(study, facts, finish, write_records):
    folder = write_records(facts("wide", 0, 5000), '{"format": 1')
    before = (folder / "made_up.jsonl").read_bytes()
    with pytest.raises(ValueError, match="made_up.jsonl:2: skipped, not valid JSON.*mend or delete"):
        collect([finish(facts("wide", 1, 5000))], folder)
    assert (folder / "made_up.jsonl").read_bytes() == before


def test_a_committed_record_stands_against_another_result(study, facts, finish, write_records):
    folder = write_records(facts("wide", 0, 5000))
    runs = finish(facts("wide", 0, 5100), facts("thin", 0, 6000))
    said, warnings = collect([runs], folder)
    assert said == ["made_up: 1 new, 2 in all", "1 new record, 2 in all"]
    assert warnings == [
        (
            f"run {run_id('wide', 0)}: records contradict each other (50.00 % in records/made_up.jsonl:1, 51.00 % in "
            f"{runs}/{run_id('wide', 0)}/record.json:1); the one in records/made_up.jsonl:1 stays: delete the wrong one"
        )
    ]
    kept = [json.loads(line) for line in (folder / "made_up.jsonl").read_text().splitlines()]
    assert kept == [facts("thin", 0, 6000), facts("wide", 0, 5000)]


def test_machines_are_merged_and_their_contradictions_left_out(study, tmp_path, facts, finish):
    here = finish(facts("wide", 0, 5000), facts("wide", 1, 5000))
    there = finish(facts("wide", 0, 5000), facts("wide", 1, 5100), facts("wide", 2, 5200), machine="there")
    (there / "torn").mkdir()
    (there / "torn" / "record.json").write_text('{"format": 1')
    (tmp_path / "nothing").mkdir()
    said, warnings = collect([here, there, tmp_path / "nothing"], tmp_path / "records")
    assert said[-1] == "2 new records, 2 in all"
    assert warnings == [
        f"{there}/torn/record.json:1: skipped, not valid JSON (Expecting ',' delimiter at column 13)",
        f"{tmp_path}/nothing: holds no record (expected <run>/record.json or *.jsonl)",
        (
            f"run {run_id('wide', 1)}: records contradict each other (50.00 % in {here}/{run_id('wide', 1)}/record.json:1, 51.00 % in "
            f"{there}/{run_id('wide', 1)}/record.json:1); none is taken: delete the wrong one"
        ),
    ]
    with pytest.raises(ValueError, match="nowhere is neither a folder"):
        collect([here, tmp_path / "nowhere"], tmp_path / "records")


def test_one_result_from_two_commits_is_said(study, tmp_path, facts, finish):
    other = facts("wide", 0, 5000)
    other["git"]["commit"] = "fedcba9876" * 4
    here, there = finish(facts("wide", 0, 5000)), finish(sealed(other), machine="there")
    _, warnings = collect([here, there], tmp_path / "records")
    assert warnings == [
        (
            f"run {run_id('wide', 0)}: different commits gave the same result (01234567 in {here}/{run_id('wide', 0)}/record.json:1, "
            f"fedcba98 in {there}/{run_id('wide', 0)}/record.json:1); the first is kept"
        )
    ]
    assert json.loads((tmp_path / "records" / "made_up.jsonl").read_text()) == facts("wide", 0, 5000)


def test_a_run_of_two_studies_goes_to_the_one_that_it_was_made_for(monkeypatch, tmp_path):
    declared = {"first": {"shared": 0}, "second": {"shared": 0}}
    monkeypatch.setattr(studies, "names", lambda: [*declared])
    monkeypatch.setattr(collecting, "_order", declared.__getitem__)
    committed = Committed(tmp_path)
    assert committed.study_of("shared", "second") == "second"
    assert committed.study_of("shared", "other") == committed.study_of("shared", None) == "first"
    assert committed.study_of("unknown", "second") is None
