"""Checkpoints on W&B, by its real client and the loopback server: evaluated, learnt from, and gone on with elsewhere."""

import json
import shutil
import signal

import pytest
import torch

from lightning_modules import tracking

CELL = ["--study", "tiny", "--variant", "plain", "--budget"]


def project(world) -> str:
    """ENTITY/PROJECT of the world's runs."""
    return "/".join(next(iter(world.server.runs))[:2])


def moved(world) -> None:
    """Go on as another machine: without the runs of this one, and without what it fetched."""
    shutil.rmtree(world.path / "runs")
    shutil.rmtree(world.path / "data" / "wandb", ignore_errors=True)


def test_a_run_s_final_checkpoint_is_evaluated_and_learnt_from_on_another_machine(world):
    world.cell("--arch", "resnet", "--depth", "8", "--dataset", "tiny", "--budget", "smoke", "--log-model")
    ((run_id, record),) = world.records().items()
    assert json.loads(world.server.stored[f"/storage/model-{run_id}/record.json"]) == record
    moved(world)
    address = f"wandb:{project(world)}/model-{run_id}"

    output = world.cell("--weights", address, "--evaluate")
    assert f"fetching {project(world)}/model-{run_id}:latest from W&B" in output
    assert f"{record['test']['error']:.2f} %" in output
    (fetched,) = world.path.glob("data/wandb/*/*/*/v0")
    assert sorted(path.name for path in fetched.iterdir()) == ["checkpoint.ckpt", "record.json"]
    assert not [*fetched.parent.glob("*.part*")]

    student = ["--arch", "plain", "--depth", "8", "--dataset", "tiny", "--budget", "smoke", "--no-wandb"]
    output = world.cell(*student, "--soft-weight", "0.5", "--teacher", f"{address}:v0")
    assert "fetching" not in output  # the same version is there
    (learnt,) = world.records().values()
    assert learnt["config"]["teacher"]["arch"] == "resnet"


@pytest.mark.slow
def test_a_stopped_run_goes_on_elsewhere_bit_for_bit(world):
    process = world.start_cell(*CELL, "short", "--log-model", "all")
    world.reach(step=10)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 143, output
    ((name, uploaded),) = world.server.artifacts.items()
    assert uploaded["committed"] and uploaded["ttlDurationSeconds"] == tracking.KEPT.total_seconds()
    moved(world)

    output = world.cell(*CELL, "short", "--resume-from", f"wandb:{project(world)}/{name}")
    assert "Going on where it was interrupted" in output
    ((run_id, resumed),) = world.records().items()
    assert resumed["resumed"] == 1
    weights = network(world, run_id)
    moved(world)
    world.cell(*CELL, "short", "--no-wandb")
    whole = world.records()[run_id]
    assert whole["test"] == resumed["test"]
    for curve in ("train_loss", "train_error", "curve_test_error"):
        assert whole["curve"][curve] == resumed["curve"][curve]
    assert all(torch.equal(tensor, weights[name]) for name, tensor in network(world, run_id).items())


def network(world, run_id: str) -> dict:
    path = world.path / "runs" / run_id / "checkpoint.ckpt"
    return torch.load(path, weights_only=True)["state_dict"]


@pytest.mark.slow
def test_what_cannot_be_fetched_is_refused_in_one_line(world):
    world.cell(*CELL, "smoke", "--log-model")
    ((run_id, _),) = world.records().items()
    shutil.copy(world.path / "runs" / run_id / "checkpoint.ckpt", world.path / "other.ckpt")
    good = f"wandb:{project(world)}/model-{run_id}"
    shutil.rmtree(world.path / "runs")

    def refused(*argv: str) -> str:
        process = world.start_cell(*argv)
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 2, output
        assert not world.records() and not [*world.path.glob("data/wandb/*/*/*/v*")]
        (line,) = [line for line in output.splitlines() if "run.py: " in line]
        return line

    evaluate = ("--evaluate", "--weights")
    assert "is no artifact of W&B's: write wandb:ENTITY/PROJECT/NAME" in refused(*evaluate, "wandb:model")
    assert "cannot be fetched" in refused(*evaluate, f"wandb:{project(world)}/nothing")
    assert "cannot be fetched" in refused(*evaluate, f"{good}:v7")
    other = (*CELL, "smoke", "--seed", "1", "--no-wandb", "--resume-from", str(world.path / "other.ckpt"))
    assert f"is of run {run_id}, and this is run" in refused(*other)

    path = f"/storage/model-{run_id}/model.ckpt"
    whole = world.server.stored[path]
    world.server.stored[path] = whole[:-1] + bytes([whole[-1] ^ 1])
    assert "cannot be fetched" in refused(*evaluate, good)
    world.server.stored[path] = whole
    del world.environment["WANDB_API_KEY"]
    assert "because its client has no login" in refused(*evaluate, good)
