"""One run in several processes: the same batches and counts as in one, stopped, killed and resumed together."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lightning_modules import configuration, training
from lightning_modules.classifier import Classifier
from lightning_modules.configuration import Run
from lightning_modules.data import preprocessing
from lightning_modules.data.catalogue import Dataset
from lightning_modules.data.module import CIFARDataModule
from lightning_modules.execution import environment
from lightning_modules.execution.machine import Machine
from tests import tiny
from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent
TWO = ["--accelerator", "cpu", "--devices", "2", "--strategy", "ddp"]
# Dropout, so that the random state matters, and two full batches and a smaller one in an epoch.
TRAINING = [
    "--arch",
    "densenet",
    "--depth",
    "10",
    "--dropout",
    "0.2",
    "--budget",
    "paper",
    "--batch-size",
    "80",
]


def start(tmp_path: Path, *arguments: str, launcher: tuple[str, ...] = ()) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, *launcher, str(ROOT / "tests" / "tiny.py"), "--dataset", "tiny", "--no-wandb",
         "--data-dir", str(tmp_path / "data"), "--runs-dir", str(tmp_path / "runs"), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip


def finish(process: subprocess.Popen) -> str:
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    return output


def only(tmp_path: Path, name: str) -> Path:
    (found,) = tmp_path.glob(f"runs/*/{name}")
    return found


def record(tmp_path: Path) -> dict:
    return json.loads(only(tmp_path, "record.json").read_text())


def children(process: subprocess.Popen) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def reach(tmp_path: Path, process: subprocess.Popen, step: int) -> None:
    """Wait until the run has trained so many steps."""

    def reached() -> bool:
        assert process.poll() is None, process.communicate()[0]
        try:
            return json.loads(only(tmp_path, "progress.json").read_text())["step"] >= step
        except (ValueError, OSError):
            return False

    wait_until(reached)


@pytest.fixture
def dataset(tmp_path, monkeypatch) -> Dataset:
    """The tiny data set, in this process."""
    monkeypatch.setattr(tiny.study, "FOLDER", tiny.study.FOLDER)
    monkeypatch.setitem(tiny.BUDGETS, "smoke", tiny.BUDGETS["smoke"])
    monkeypatch.setitem(tiny.DATASETS, "tiny", None)
    monkeypatch.setitem(tiny.RECIPES, "diverging", None)
    return tiny.install(tmp_path / "data")


def test_two_processes_count_what_one_counts_with_the_same_weights(tmp_path, dataset):
    output = finish(start(tmp_path, *TRAINING, "--epochs", "1", *TWO))
    assert output.count("epoch   1/1") == 1 and output.count("done: ") == 1  # only the first process speaks
    found = record(tmp_path)
    assert (found["machine"]["devices"], found["machine"]["images_per_device"]) == (2, 40)

    checkpoint = torch.load(only(tmp_path, "checkpoint.ckpt"), weights_only=True)
    module = Classifier(found["config"])
    module.load_state_dict(checkpoint["state_dict"])
    how = preprocessing.for_arrays(configuration.Configuration(**found["config"]))
    data = CIFARDataModule(dataset, tmp_path / "data", batch_size=80, seed=0, preprocessing=how)
    data.setup()
    module.eval()
    with torch.no_grad():
        errors = sum((module(x).argmax(1) != y).sum().item() for x, y in data.test_dataloader())
    assert (found["test"]["errors"], found["test"]["images"]) == (errors, 103)
    assert found["curve"]["curve_test_error"] == [100 * errors / 103]


def test_devices_that_cannot_share_the_batch_are_refused(tmp_path, dataset):
    asked = configuration.resolve(
        "resnet", {"depth": 8}, dataset="tiny", budget="smoke", seed=0, changes={"batch_size": 80}
    )
    machine = Machine(accelerator="cpu", devices=3, strategy="ddp", data_dir=tmp_path / "data", wandb=False)
    with pytest.raises(training.CannotRun, match="3 devices cannot share a batch of 80"):
        training.train(Run(asked), tmp_path, machine)


def test_parts_of_a_batch_are_for_one_device(tmp_path, dataset):
    asked = configuration.resolve("lenet5", {}, dataset="tiny", budget="smoke", seed=0)
    machine = Machine(
        "cpu", devices=2, strategy="ddp", data_dir=tmp_path / "data", wandb=False, micro_batch=16
    )
    with pytest.raises(
        training.CannotRun, match="--micro-batch is for one device; leave it out, or --devices"
    ):
        training.train(Run(asked), tmp_path, machine)


@pytest.mark.slow
def test_stopped_in_the_middle_it_goes_on_to_the_same_weights(tmp_path):
    arguments = [*TRAINING, "--epochs", "10", *TWO]
    (tmp_path / "whole").mkdir()
    finish(start(tmp_path / "whole", *arguments))
    for step, whom in ((7, lambda process: process.pid), (16, lambda process: children(process)[0])):
        process = start(tmp_path, *arguments)
        reach(tmp_path, process, step)
        os.kill(whom(process), signal.SIGTERM)  # to either of them
        output, _ = process.communicate(timeout=100)
        assert process.returncode == 143, output
        assert "progress is saved" in output
    finish(start(tmp_path, *arguments))
    expected, got = (
        torch.load(only(folder, "checkpoint.ckpt"), weights_only=True)["state_dict"]
        for folder in (tmp_path / "whole", tmp_path)
    )
    for name, value in expected.items():
        assert torch.equal(value, got[name]), name
    whole, resumed = record(tmp_path / "whole"), record(tmp_path)
    assert resumed["test"] == whole["test"] and resumed["resumed"] == 2
    for name in ("train_loss", "train_error", "curve_test_error"):
        assert resumed["curve"][name] == pytest.approx(whole["curve"][name]), name


@pytest.mark.slow
def test_it_goes_on_with_fewer_devices_and_with_more(tmp_path):
    arguments = [*TRAINING, "--epochs", "10", "--accelerator", "cpu", "--devices"]
    for step, devices in ((7, "2"), (16, "1")):
        process = start(tmp_path, *arguments, devices)
        reach(tmp_path, process, step)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=100)
        assert process.returncode == 143, output
    finish(start(tmp_path, *arguments, "2"))
    assert record(tmp_path)["resumed"] == 2 and record(tmp_path)["test"]["images"] == 103


@pytest.mark.slow
def test_a_killed_process_takes_the_run_down_and_it_resumes(tmp_path):
    arguments = [*TRAINING, "--epochs", "12", *TWO]
    process = start(tmp_path, *arguments)
    reach(tmp_path, process, 7)
    os.kill(children(process)[0], signal.SIGKILL)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1 and "Traceback" not in output, output
    assert "process 1 of this run died (exit code -9)" in output and "the same command goes on" in output

    process = start(tmp_path, *arguments)
    reach(tmp_path, process, 16)
    (other,) = children(process)
    process.kill()
    process.communicate(timeout=60)  # returns when the other one is gone too: it holds the pipe
    assert not running(other)

    assert "Going on where it was interrupted" in finish(start(tmp_path, *arguments))
    assert record(tmp_path)["resumed"] == 2 and record(tmp_path)["test"]["images"] == 103


@pytest.mark.slow
def test_torchrun_starts_the_processes(tmp_path):
    torchrun = ("-m", "torch.distributed.run", "--nproc-per-node", "2")
    arguments = [*TRAINING, "--epochs", "1", "--accelerator", "cpu"]
    output = finish(start(tmp_path, *arguments, launcher=torchrun))
    assert output.count("done: ") == 1
    assert record(tmp_path)["machine"]["devices"] == 2 and record(tmp_path)["test"]["images"] == 103
    assert finish(start(tmp_path, *arguments, launcher=torchrun)).count("already done") == 1


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, (1, 1)),
        ({"TORCHELASTIC_RUN_ID": "1", "LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "8"}, (4, 2)),
        ({"SLURM_NTASKS": "16", "SLURM_NNODES": "2", "SLURM_JOB_NAME": "study"}, (8, 2)),
        ({"SLURM_NTASKS": "16", "SLURM_NNODES": "2", "SLURM_JOB_NAME": "interactive"}, (1, 1)),
    ],
)
def test_processes_that_others_started_are_counted(variables, expected):
    assert environment.processes(variables) == expected
