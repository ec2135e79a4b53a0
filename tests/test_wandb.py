"""The real W&B client and agent against a loopback server: a sweep's cells run, and what W&B holds is the record."""

import io
import shutil
import signal

import pytest
import torch


def test_two_agents_run_every_cell_once_and_w_and_b_holds_the_records(world):
    world.cell("--study", "tiny", "--variant", "plain", "--budget", "smoke", "--no-wandb")
    (finished_before,) = world.records()
    sweep = world.sweep("smoke", seed={"values": [0]})
    agents = [world.agent(sweep), world.agent(sweep)]
    for agent in agents:
        output, _ = agent.communicate(timeout=600)
        assert agent.returncode == 0, output

    records = world.records()
    assert sorted(record["variant"] for record in records.values()) == ["0.50", "plain", "residual"]
    runs = world.read_back(sweep)
    assert sorted(config["run_id"] for _, _, config, _, _ in runs) == sorted(records)  # each once
    for _, state, config, summary, history in runs:
        assert state == "finished"
        record = records[config["run_id"]]
        assert record["resumed"] == 0
        for name in ("study", "variant", "dataset", "seed", "budget", "parameters", "mult_adds"):
            assert config[name] == record[name] and type(config[name]) is type(record[name]), name
        assert config["depth"] == 8 and config["lr"] == 0.1  # resolved knobs and recipe, flat
        assert not [value for value in config.values() if isinstance(value, dict)]
        assert summary["test_error"] == record["test"]["error"]
        assert (summary["test_errors"], summary["test_images"]) == (record["test"]["errors"], 103)
        assert summary["machine"] == record["machine"] and summary["wall_seconds"] == record["wall_seconds"]
        assert [summary[f"test_{name}"] for name in ("loss", "top5_error")] == [
            record["test"][name] for name in ("loss", "top5_error")
        ]
        for name, curve in record["curve"].items():
            assert [row[name] for row in history if name in row] == pytest.approx(curve), name
        # a cell that was done before the sweep came to it gives its result all the same
        assert bool(record["wandb"]) == (record["run_id"] != finished_before)

    pulled = world.pull(sweep.rpartition("/")[0])
    assert sorted(pulled) == sorted(records)
    for run_id, record in records.items():
        link = pulled[run_id].pop("wandb")
        assert link == record.pop("wandb") or (run_id == finished_before and "/runs/" in link)
        assert pulled[run_id] == record


def test_one_run_by_hand_is_online_under_its_own_id(world):
    output = world.cell("--study", "tiny", "--variant", "plain", "--budget", "smoke", "--log-model")
    (record,) = world.records().values()
    assert record["wandb"].endswith(record["run_id"]) and f"W&B: {record['wandb']}" in output
    assert f"wandb leet {world.path}/runs/wandb` browses the runs here" in output
    ((_, run),) = world.server.runs.items()
    assert (run["name"], run["displayName"]) == (record["run_id"], "tiny/plain s0")
    assert (run["group"], run["jobType"], run["tags"]) == ("tiny/plain", "train", ["smoke", "tiny", "plain"])
    config = {name: said["value"] for name, said in run["config"].items()}
    assert (config["epochs"], config["recipe_epochs"], config["study"]) == (2, 164, "tiny")
    assert [row["trainer/global_step"] for row in run["history"]] == [1, 2]  # one batch an epoch
    model = world.server.artifacts[f"model-{record['run_id']}"]
    assert model["artifactTypeName"] == "model" and model["committed"]
    weights = torch.load(
        io.BytesIO(world.server.stored[f"/storage/model-{record['run_id']}/model.ckpt"]), weights_only=True
    )
    assert weights["global_step"] == 2


@pytest.mark.slow
def test_a_teachers_run_is_called_that(world):
    world.cell("--study", "distilled", "--variant", "student", "--budget", "smoke")
    assert {run["displayName"]: run["jobType"] for run in world.server.runs.values()} == {
        "distilled/student s0": "train",
        "distilled/teacher s0": "teacher",
    }


def test_an_offline_run_is_pulled_from_its_folder_and_from_w_and_b_once_sent(world):
    del world.environment["WANDB_API_KEY"]
    world.cell("--study", "tiny", "--variant", "plain", "--budget", "smoke")
    ((run_id, record),) = world.records().items()
    (folder,) = world.path.glob("runs/wandb/offline-run-*")
    saved = folder.rename(world.path / folder.name)  # all that was saved of another machine
    shutil.rmtree(world.path / "runs")
    assert world.pull(saved) == {run_id: record}

    world.environment |= world.server.environment()
    world.run("wandb", "sync", str(saved))
    (tracked,) = world.server.runs.values()
    shutil.rmtree(world.path / "records")
    project = f"{tracked['entity']}/{tracked['project']}"
    (pulled,) = world.pull(project).values()
    assert pulled == record | {"wandb": f"{world.server.url}/{project}/runs/{run_id}"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "how"), [([], signal.SIGKILL), ([], signal.SIGTERM), (["-f"], signal.SIGTERM)]
)
def test_a_killed_agents_run_is_queued_again_and_resumed_under_its_id(world, flags, how):
    sweep = world.sweep("short", seed={"value": 0}, variant={"value": "plain"})
    agent = world.agent(*flags, sweep)
    world.reach(step=10)
    agent.send_signal(how)
    output, _ = agent.communicate(timeout=60)  # returns when its run is gone too: it holds the pipe
    assert "progress is saved" in output
    assert not world.records()
    ((first, state, _, _, _),) = world.read_back(sweep)
    assert state == "preempted"

    output, _ = world.agent(*flags, sweep).communicate(timeout=600)
    assert "Going on where it was interrupted" in output
    ((again, state, _, summary, history),) = world.read_back(sweep)
    (record,) = world.records().values()
    assert (again, state) == (first, "finished") and record["resumed"] == 1
    assert summary["test_errors"] == record["test"]["errors"]
    epochs, steps = ([row for row in history if name in row] for name in ("train_loss", "train_loss_step"))
    assert [row["epoch"] for row in epochs] == list(range(1, 31))
    assert [row["trainer/global_step"] for row in epochs] == list(range(2, 61, 2))  # two batches an epoch
    assert [row["trainer/global_step"] for row in steps] == [50] and "lr_step" in steps[0]


@pytest.mark.slow
def test_a_failing_cell_does_not_end_the_agent(world):
    studies = {"values": ["diverging", "tiny"]}
    sweep = world.sweep("smoke", study=studies, seed={"value": 0}, variant={"value": "plain"})
    output, _ = world.agent(sweep).communicate(timeout=600)
    assert "the loss became" in output
    states = {config["study"]: state for _, state, config, _, _ in world.read_back(sweep)}
    assert states == {"diverging": "failed", "tiny": "finished"}
    assert {record["diverged"] for record in world.pull(sweep.rpartition("/")[0]).values()} == {2, None}
