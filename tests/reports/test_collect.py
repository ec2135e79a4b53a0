"""Taking finished runs into the committed records."""

import json

import pytest

from reports.collect import collect


@pytest.fixture
def finish(tmp_path):
    """`finish(facts)`: leave the record of a finished run; returns the folder of runs."""

    def finish(*records):
        for facts in records:
            folder = tmp_path / "runs" / facts["run_id"]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "record.json").write_text(json.dumps(facts, indent=2))
        return tmp_path / "runs"

    return finish


def test_collects_in_declared_order_and_again_changes_nothing(study, tmp_path, facts, finish):
    runs = finish(facts("wide", 1, 5000), facts("wide", 0, 5100), facts("thin", 2, 6000))
    target = tmp_path / "records" / "made_up.jsonl"
    collect(runs, target.parent)
    lines = target.read_text().splitlines()
    assert [json.loads(line)["run_id"] for line in lines] == ["thin-smoke-2", "wide-smoke-0", "wide-smoke-1"]
    assert json.loads(lines[1]) == facts("wide", 0, 5100)
    before = target.read_bytes()
    said = collect(runs, target.parent)
    assert target.read_bytes() == before and said == ["made_up: 0 new, 3 in all"]
    assert sorted(path.name for path in target.parent.iterdir()) == ["made_up.jsonl"]
    collect(finish(facts("thin", 0, 6100)), target.parent)
    assert target.read_text().index("thin-smoke-0") < target.read_text().index("thin-smoke-2")


def test_run_of_no_study_stays(study, tmp_path, facts, finish):
    said = collect(finish(facts("stranger", 0, 5000)), tmp_path / "records")
    assert "1 finished runs belong to no study" in said[-1]
    assert not (tmp_path / "records").exists()


def test_committed_record_of_an_older_configuration_is_kept(study, tmp_path, facts, finish, write_records):
    folder = write_records(facts("old", 0, 7000))
    collect(finish(facts("wide", 0, 5000)), folder)
    ids = [json.loads(line)["run_id"] for line in (folder / "made_up.jsonl").read_text().splitlines()]
    assert ids == ["wide-smoke-0", "old-smoke-0"]


def test_refuses_to_rewrite_what_it_cannot_read(study, facts, finish, write_records):
    folder = write_records(facts("wide", 0, 5000), '{"format": 1')
    before = (folder / "made_up.jsonl").read_bytes()
    with pytest.raises(ValueError, match="made_up.jsonl:2: skipped, not valid JSON.*mend or delete"):
        collect(finish(facts("wide", 1, 5000)), folder)
    assert (folder / "made_up.jsonl").read_bytes() == before


def test_refuses_a_contradiction(study, facts, finish, write_records):
    folder = write_records(facts("wide", 0, 5000))
    with pytest.raises(ValueError, match="wide-smoke-0: 51.00 % .* contradicts 50.00 %"):
        collect(finish(facts("wide", 0, 5100)), folder)
