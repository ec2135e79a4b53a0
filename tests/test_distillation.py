"""Whole distilled runs: the teacher comes first, once, whoever asks for it, and any of it can be stopped."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import run
from lightning_modules.execution.environment import alone
from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent
STUDENT = ("--study", "distilled", "--variant", "student")
TWO = ("--accelerator", "cpu", "--devices", "2", "--strategy", "ddp")
LAUNCH = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from sweeps import local, state
from tests import tiny
state.PROGRAM = Path({program!r})
tiny.install(Path({data!r}))
sys.exit(local.main(sys.argv[1:]))
"""


def start(tmp_path: Path, *arguments: str, launcher: tuple[str, ...] = ()) -> subprocess.Popen:
    folders = ["--data-dir", str(tmp_path / "data"), "--runs-dir", str(tmp_path / "runs"), "--no-wandb"]
    return subprocess.Popen(
        [sys.executable, *launcher, str(ROOT / "tests" / "tiny.py"), *folders, "--budget", "smoke", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def finish(process: subprocess.Popen) -> str:
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    return output


def records(tmp_path: Path) -> dict[str, dict]:
    found = [json.loads(path.read_text()) for path in (tmp_path / "runs").glob("*/record.json")]
    return {record["variant"]: record for record in found}


def test_a_cell_trains_its_teacher_first(tmp_path):
    output = finish(start(tmp_path, *STUDENT))
    assert "student learns from teacher on tiny, seed 0" in output
    assert output.index("distilled/teacher on Tiny") < output.index("distilled/student on Tiny")
    student, teacher = records(tmp_path)["student"], records(tmp_path)["teacher"]
    assert student["config"]["teacher"] == teacher["config"]
    assert student["config"]["recipe"]["soft_weight"] == 0.5


def test_the_environment_of_a_run_of_its_own_has_nothing_of_a_launch_or_a_sweep():
    ours = {"PATH": "/bin", "CUDA_VISIBLE_DEVICES": "1", "WANDB_MODE": "offline", "OMP_NUM_THREADS": "1"}
    launch = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2", "SLURM_NTASKS": "2", "MASTER_PORT": "1"}
    sweep = {"WANDB_SWEEP_ID": "s", "WANDB_SWEEP_PARAM_PATH": "p", "WANDB_RUN_ID": "r"}
    assert alone(ours | launch | sweep | {"TORCHELASTIC_RUN_ID": "x"}) == ours


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["--teacher", "runs/nothing", "--soft-weight", "0.5"], "runs/nothing holds no finished run"),
        (["--soft-weight", "0.5"], "name the teacher"),
    ],
)
def test_bad_input_names_the_remedy(argv, complaint, capsys):
    assert run.main(["--arch", "resnet", *argv]) == 2
    said = capsys.readouterr().err
    assert complaint in said and said.count("\n") == 1


@pytest.mark.slow
def test_two_launchers_train_one_teacher_once(tmp_path):
    script = LAUNCH.format(
        root=str(ROOT), program=str(ROOT / "tests" / "tiny.py"), data=str(tmp_path / "data")
    )
    options = ["--data-dir", str(tmp_path / "data"), "--runs-dir", str(tmp_path / "runs"), "--no-wandb"]
    command = [sys.executable, "-c", script, "distilled", "--budget", "smoke", "--jobs", "2", *options]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    launchers = [
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        for _ in range(2)
    ]
    for launcher in launchers:
        assert "all done" in finish(launcher)
    assert set(records(tmp_path)) == {"teacher", "student"}
    said = "".join(path.read_text() for path in (tmp_path / "runs").glob("*/log.txt"))
    assert said.count("evaluating on the whole test set") == 2  # each of both runs was trained once


@pytest.mark.slow
def test_stopped_while_the_teacher_trains_it_goes_on(tmp_path):
    process = start(tmp_path, *STUDENT)
    wait_until(lambda: list((tmp_path / "runs").glob("*/checkpoint.ckpt")))
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 143, output
    assert "student" not in records(tmp_path)
    finish(start(tmp_path, *STUDENT))
    assert set(records(tmp_path)) == {"teacher", "student"}


@pytest.mark.slow
def test_on_two_devices_the_student_is_taught_by_one_network(tmp_path):
    finish(start(tmp_path, *STUDENT, *TWO))
    student, teacher = records(tmp_path)["student"], records(tmp_path)["teacher"]
    assert student["machine"]["devices"] == teacher["machine"]["devices"] == 2
    saved = torch.load(tmp_path / "runs" / student["run_id"] / "checkpoint.ckpt", weights_only=True)
    assert not any("teacher" in name for name in saved["state_dict"])


@pytest.mark.slow
def test_torchruns_processes_wait_for_the_teacher(tmp_path):
    torchrun = ("-m", "torch.distributed.run", "--nproc-per-node", "2")
    arguments = (*STUDENT, "--accelerator", "cpu")
    finish(start(tmp_path, *arguments, launcher=torchrun))
    assert records(tmp_path)["student"]["machine"]["devices"] == 2
