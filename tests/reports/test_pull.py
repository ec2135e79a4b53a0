"""Taking records from W&B, through its real client and a loopback server, and from folders of offline runs."""

import json
from pathlib import Path

import pytest

from lightning_modules import tracking
from lightning_modules.configuration import resolve
from reports import __main__
from reports.runs import records
from reports.runs.collect import Committed, summary
from reports.runs.pull import is_folder, offline, pull
from tests.reports.conftest import diverged, facts_of, run_id, sealed


@pytest.fixture
def track(server):
    """`track(id, facts, state="finished", …)`: leave a run on the server as its client would."""

    def track(name, facts, state="finished", config=None, summary=None, record=None):
        run = server.run("team", "made-up", name)
        run["state"] = state
        config = {"run_id": facts["run_id"]} if config is None else config
        run["config"] = {key: {"value": value} for key, value in config.items()}
        if summary is None:
            summary = {"test_errors": facts["test"]["errors"], "test_images": facts["test"]["images"]}
            summary["machine"] = facts["machine"]
        run["summary"] = summary
        if record != "":
            server.store(run, "record.json", (record or json.dumps(facts)).encode())

    return track


def test_finished_runs_are_fetched_once_with_their_link(study, tmp_path, facts, server, track):
    for seed in range(3):
        track(f"own{seed}", facts("wide", seed, 5000 + seed))
    linked = facts("thin", 0, 6000) | {"wandb": "https://wandb.ai/first"}
    track("sweeps", linked)  # a sweep found it done: the link is that of the run that trained
    folder, said = tmp_path / "records", []
    assert pull("team/made-up", Committed(folder), said.append) == {"made_up": 4}
    found, warnings = records.read([folder])
    assert said == warnings == []
    assert [(r.run_id, r.errors) for r in found] == [
        (run_id("thin", 0), 6000), (run_id("wide", 0), 5000), (run_id("wide", 1), 5001), (run_id("wide", 2), 5002)
    ]  # fmt: skip
    assert found[1].as_dict() == facts("wide", 0, 5000) | {"wandb": f"{server.url}/team/made-up/runs/own0"}
    assert found[0].wandb == "https://wandb.ai/first"

    before, asked = (folder / "made_up.jsonl").read_bytes(), list(server.asked)
    assert pull("team/made-up", Committed(folder), said.append) == {} and said == []
    assert (folder / "made_up.jsonl").read_bytes() == before
    assert server.asked.count("Runs") > asked.count("Runs")
    assert server.asked.count("RunFiles") == asked.count("RunFiles") == 4


def test_a_diverged_run_is_fetched_too(study, tmp_path, facts, track):
    burst = diverged(facts("wide", 0, 5000), 2)
    config = {"run_id": burst["run_id"], "dataset": "cifar10", "classes": 10}
    track("burst", burst, state="failed", config=config, summary={"diverged": 2})
    for count in ({"made_up": 1}, {}):
        assert pull("team/made-up", Committed(tmp_path / "records"), pytest.fail) == count
    ((record,), _) = records.read([tmp_path / "records"])
    assert (record.diverged, record.test) == (2, None)


def test_what_is_no_finished_run_of_this_project_is_named_and_left_out(study, tmp_path, facts, track):
    track("good", facts("wide", 0, 5000))
    track("alien", facts("wide", 1, 5000), config={"lr": 0.1})
    track("crash", facts("wide", 1, 5000), state="crashed")
    track("going", facts("wide", 1, 5000), state="running", summary={})
    track("empty", facts("wide", 1, 5000), summary={"test_error": 1.0})
    track("older", facts("wide", 2, 5000), record="")
    track("torn", facts("thin", 0, 5000), record='{"format": 1')
    track("false", facts("thin", 1, 5000), record=json.dumps(facts("thin", 1, 4000)))
    track("other", facts("thin", 2, 5000), record=json.dumps(facts("wide", 0, 5000)))
    stranger = resolve("densenet", {"depth": 28}, dataset="cifar10", budget="mini", seed=0)
    track("alone", facts_of(stranger, 5000, None, None))
    said = []
    counts = pull("team/made-up", Committed(tmp_path / "records"), said.append)
    assert counts == {"made_up": 1, "": 1}
    reasons = dict(line.removeprefix("W&B team/made-up/").split(": skipped, ") for line in said)
    assert reasons.pop("torn").startswith("its record.json is damaged: ")
    assert reasons == {
        "alien": "not a run of this project (its config has no run_id)",
        "crash": "not finished but crashed",
        "going": "not finished but running",
        "empty": "finished without a result in its summary",
        "older": "it carries no record.json (tracked by an older version, or deleted there)",
        "false": "its record.json and its summary contradict each other",
        "other": "its record.json and its summary contradict each other",
    }


def test_contradictions_are_named_and_nothing_is_overwritten(study, tmp_path, facts, track, write_records):
    folder = write_records(facts("wide", 0, 5000))
    before = (folder / "made_up.jsonl").read_bytes()
    track("again", facts("wide", 0, 5100))
    track("one", facts("thin", 0, 6000))
    track("two", facts("thin", 0, 6001))
    said = []
    assert pull("team/made-up", Committed(folder), said.append) == {}
    assert (folder / "made_up.jsonl").read_bytes() == before
    assert len(said) == 2 and set(said) == {
        (
            f"run {run_id('thin', 0)}: records contradict each other (60.00 % in W&B team/made-up/one, 60.01 % in "
            "W&B team/made-up/two); none is taken: delete the wrong one"
        ),
        (
            f"run {run_id('wide', 0)}: records contradict each other (50.00 % in records/made_up.jsonl:1, 51.00 % in "
            "W&B team/made-up/again); the one in records/made_up.jsonl:1 stays: delete the wrong one"
        ),
    }


def test_the_same_run_of_another_machine_is_a_repeat(study, tmp_path, facts, track, write_records):
    folder = write_records(facts("wide", 0, 5000))
    before = (folder / "made_up.jsonl").read_bytes()
    for name, errors, device in (
        ("there", 5030, "Soroban"),
        ("there again", 5030, "Soroban"),
        ("here", 5000, "Abacus"),
    ):
        repeat = facts("wide", 0, errors)
        track(name, sealed(repeat | {"machine": repeat["machine"] | {"device": device}}))
    committed = Committed(folder)
    assert pull("team/made-up", committed, pytest.fail) == {}
    assert summary(committed, {})[-1] == "1 repeat of runs on other machines: in records/repeats/"
    assert (folder / "made_up.jsonl").read_bytes() == before
    ((repeat,), _) = records.repeats([folder])
    assert (repeat.errors, repeat.machine["device"]) == (5030, "Soroban")
    assert pull("team/made-up", Committed(folder), pytest.fail) == {}


def test_what_was_fetched_before_an_interruption_is_kept(study, tmp_path, facts, track, monkeypatch):
    for seed in range(3):
        track(f"own{seed}", facts("wide", seed, 5000))
    folder, fetch = tmp_path / "records", pull.__globals__["_fetch"]
    fetched = []

    def interrupted(tracked):
        if len(fetched) == 2:
            raise KeyboardInterrupt
        fetched.append(tracked.run_id)
        return fetch(tracked)

    monkeypatch.setitem(pull.__globals__, "_fetch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pull("team/made-up", Committed(folder), pytest.fail)
    assert [record.run_id for record in records.read([folder])[0]] == [run_id("wide", 0), run_id("wide", 1)]
    monkeypatch.setitem(pull.__globals__, "_fetch", fetch)
    assert pull("team/made-up", Committed(folder), pytest.fail) == {"made_up": 1}


def test_a_server_that_fails_ends_the_pull_in_one_line(study, tmp_path, facts, track, server):
    for seed in range(3):
        track(f"wide{seed}", facts("wide", seed, 5000))
    server.stored.clear()
    said = []
    with pytest.raises(ValueError, match="cannot get at W&B's team/made-up .*; 0 new records are committed"):
        pull("team/made-up", Committed(tmp_path / "records"), said.append)
    assert len(said) == 2 and "wide0: skipped this time, " in said[0]


def test_without_a_key_nothing_is_asked(study, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    with pytest.raises(ValueError, match="`uv run wandb login`.* WANDB_API_KEY"):
        pull("team/made-up", Committed(tmp_path), pytest.fail)
    with pytest.raises(ValueError, match="neither ENTITY/PROJECT nor a folder"):
        pull("made-up", Committed(tmp_path), pytest.fail)


# Folders of offline runs


@pytest.fixture
def offline_run(tmp_path):
    """`offline_run(name, facts)`: a folder as W&B leaves it offline, `facts` None for a run that didn't end."""

    def make(name, facts):
        folder = tmp_path / "saved" / facts_id(facts) / "wandb" / f"offline-run-20260102_{name}"
        (folder / "files").mkdir(parents=True)
        (folder / f"run-{name.split('-')[1]}.wandb").write_bytes(b":W&B")
        if facts:
            (folder / "files" / "record.json").write_text(json.dumps(facts, indent=1))
        return folder

    def facts_id(facts):
        return facts["run_id"] if facts else "unknown"

    return make


def test_offline_folders(study, tmp_path, facts, offline_run):
    whole = offline_run("1-wide0", facts("wide", 0, 5000))
    offline_run("1-wide1", None)  # interrupted, and gone on with:
    offline_run("2-wide1", facts("wide", 1, 5100))
    never = offline_run("1-thin0", None)
    torn = offline_run("1-thin1", facts("thin", 1, 6000))
    (torn / "files" / "record.json").write_text('{"format": 1')
    found, complaints = offline([tmp_path / "saved"])
    errors = {record.run_id: record.errors for record in found}
    assert errors == {run_id("wide", 0): 5000, run_id("wide", 1): 5100} and len(found) == 2
    assert len(complaints) == 2
    skipped = f"{never}/run-thin0.wandb: skipped, no record.json beside it, and none in the log: "
    assert f"{skipped}not a run of this project (its config has no run_id)" in complaints
    assert any(line.startswith(f"{torn}/files/record.json:1: skipped, not valid JSON") for line in complaints)
    assert len(offline([whole])[0]) == 1
    with pytest.raises(ValueError, match="holds no run of W&B's"):
        offline([whole / "files"])


@pytest.fixture
def log_of(tmp_path, monkeypatch):
    """`log_of(name, config, summary)`: the log alone of an offline run, as W&B's own client writes it."""
    import wandb

    def write(name: str, config: dict, summary: dict):
        folder = tmp_path / "tracked" / name
        folder.mkdir(parents=True)
        run = wandb.init(mode="offline", dir=folder, id=name, config=config)
        run.summary.update(summary)
        run.finish()
        (log,) = folder.rglob("*.wandb")
        return log.rename(folder / log.name)

    monkeypatch.setenv("WANDB_SILENT", "true")
    yield write
    wandb.teardown()


def test_a_log_alone_has_the_record(study, tmp_path, facts, log_of):
    longest = resolve("densenet", {"depth": 22}, dataset="cifar10", budget="paper", seed=0, epochs=650)
    made = [facts("wide", 0, 5000), facts_of(longest, 5000, None, None)]
    logs = [
        log_of(f"own{number}", {"run_id": record["run_id"]}, tracking.logged(record))
        for number, record in enumerate(made)
    ]
    older = {"finished": "2026-01-02T03:04:05Z", "test_errors": 5000, "git_commit": None, "machine": {}}
    log_of("older", {"run_id": "a", "study": "made_up", "arch": "densenet"}, older)
    log_of("going", {"run_id": "a"}, {})
    log_of("alien", {"lr": 1}, {"finished": "yesterday"})
    forged = tracking.logged(made[0] | {"seed": 7})
    log_of("false", {"run_id": "a"}, forged)
    found, complaints = offline([tmp_path / "tracked"])
    assert sorted(record.run_id for record in found) == sorted(facts["run_id"] for facts in made)
    assert {record.run_id: record.as_dict() for record in found} == {facts["run_id"]: facts for facts in made}
    reasons = {
        Path(line.partition(":")[0]).stem: line.rpartition("none in the log: ")[2] for line in complaints
    }
    lacking = reasons.pop("run-older")
    assert lacking.startswith("an older version's log, which doesn't hold the record's variant, plan, ")
    assert lacking.endswith("wall_seconds, resumed, digest")
    assert reasons == {
        "run-going": "not finished (its state is finished)",
        "run-alien": "not a run of this project (its config has no run_id)",
        "run-false": "its seed is 7, and seed of its config another",
    }
    assert is_folder(str(logs[0])) and [record.run_id for record in offline(logs[:1])[0]] == [
        run_id("wide", 0)
    ]


def test_an_empty_folder_of_that_name_does_not_hide_a_project(tmp_path, facts, offline_run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "me" / "convnets").mkdir(parents=True)
    saved = offline_run("1-wide0", facts("wide", 0, 5000)).relative_to(tmp_path)
    places = ["me/convnets", "no/where", str(tmp_path / "me"), str(saved), str(saved.parent)]
    assert [is_folder(place) for place in places] == [False, False, True, True, True]


def test_the_command_takes_folders(study, tmp_path, facts, offline_run, monkeypatch, capsys):
    monkeypatch.setattr(__main__, "RECORDS", (tmp_path / "records", tmp_path / "runs"))
    one = offline_run("1-wide0", facts("wide", 0, 5000))
    link = "https://wandb.ai/me/convnets/runs/1"
    two = offline_run("1-thin0", facts("thin", 0, 6000) | {"wandb": link})
    assert __main__.main(["pull", str(one), str(two)]) == 0
    assert capsys.readouterr().out == "made_up: 2 new, 2 in all\n2 new records, 2 in all\n"
    assert __main__.main(["why", "made_up/thin", "--records", str(tmp_path / "records")]) == 0
    told = capsys.readouterr().out
    assert (
        f"run {run_id('thin', 0)}, records/made_up.jsonl:1, finished 2026" in told
        and f"\n    {link}\n" in told
    )
    assert __main__.main(["pull", str(tmp_path / "nowhere")]) == 2
    assert "neither ENTITY/PROJECT nor a folder" in capsys.readouterr().err
