"""Processes that train one run wait for each other, and refuse what isn't one run."""

import os
import signal
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from lightning_modules.callbacks import one_run
from lightning_modules.callbacks.one_run import OneRun, UnlikeProcesses
from lightning_modules.execution import environment

ROOT = Path(__file__).parents[2]
TWO_TASKS = {"SLURM_NTASKS": "2", "SLURM_NNODES": "1", "SLURM_JOB_NAME": "study", "SLURM_STEP_ID": "0"}


def test_tasks_of_srun_are_processes_of_one_run_however_they_were_asked_for():
    variables = dict(TWO_TASKS)
    environment.settle_cluster(variables)
    assert variables["SLURM_NTASKS_PER_NODE"] == "2" and environment.processes(variables) == (2, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"SLURM_STEP_ID": None}, "put srun before the command"),
        ({"SLURM_NTASKS": "3", "SLURM_NNODES": "2"}, "as many tasks on every node"),
    ],
)
def test_tasks_that_cannot_be_one_run_are_refused(changes, message):
    variables = {name: value for name, value in (TWO_TASKS | changes).items() if value is not None}
    with pytest.raises(ValueError, match=message):
        environment.settle_cluster(variables)


def test_in_a_sweep_every_task_has_runs_of_its_own(monkeypatch):
    monkeypatch.setenv("WANDB_SWEEP_ID", "sweep")
    variables = TWO_TASKS | {"SLURM_PROCID": "1", "HOME": "there"}
    environment.settle_cluster(variables)
    assert variables == {"HOME": "there"}


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"run": "b"}, r"differ in their run \(a, b\).*a job of one task"),
        ({"code": "d"}, "differ in their code"),
        ({"evaluations": "dense"}, r"differ in their evaluations \(none, dense\)"),
    ],
)
def test_what_was_asked_differently_is_refused(monkeypatch, others, message):
    def gather(asked, mine):
        asked[:] = [mine, mine | others]

    monkeypatch.setattr(one_run.torch.distributed, "all_gather_object", gather)
    together = OneRun(run="a", evaluations="", code="c")
    together.expect(SimpleNamespace(world_size=2), timedelta(minutes=1))
    with pytest.raises(UnlikeProcesses, match=message):
        together.setup(SimpleNamespace(world_size=2), None, "fit")
    assert not together.waiting


def test_a_wait_is_announced_and_signals_end_it(monkeypatch, capfd):
    monkeypatch.setattr(one_run, "ANNOUNCED_AFTER", 0.0)
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(number) for number in numbers]
    # What whoever started the tests has them ignore (nohup) stays so.
    ending = [signal.SIG_IGN if handler == signal.SIG_IGN else signal.SIG_DFL for handler in before]
    together = OneRun(run="a")
    together.expect(SimpleNamespace(world_size=3), timedelta(minutes=10))
    assert [signal.getsignal(number) for number in numbers] == ending
    together.timer.join()
    together.release()
    assert [signal.getsignal(number) for number in numbers] == before
    assert "waiting for 2 other processes of this run, at most 10 minutes" in capfd.readouterr().err


def test_a_process_alone_waits_for_nobody():
    together = OneRun(run="a")
    together.expect(SimpleNamespace(world_size=1), timedelta(minutes=10))
    together.setup(SimpleNamespace(world_size=1), None, "fit")
    assert not together.waiting


def task(folder: Path, rank: int, seed: int, port: int, timeout: float = 60) -> subprocess.Popen:
    """A task of srun's, by its variables, on the tiny data set."""
    code = (
        "import sys; from datetime import timedelta; sys.argv[0] = 'tests/tiny.py'\n"
        "from lightning_modules import training\n"
        f"training.TIMEOUT = timedelta(seconds={timeout})\n"
        "import runpy; runpy.run_path('tests/tiny.py', run_name='__main__')"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, "--arch", "resnet", "--depth", "8", "--dataset", "tiny", "--no-wandb",
         "--seed", str(seed), "--epochs", "1", "--accelerator", "cpu", "--data-dir", str(folder / "data"),
         "--runs-dir", str(folder / "runs")],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=os.environ | TWO_TASKS | {
            "SLURM_JOB_ID": "4711", "SLURM_NODEID": "0", "SLURM_NODELIST": "localhost", "SLURM_PROCID": str(rank),
            "SLURM_LOCALID": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "",
        },
    )  # fmt: skip


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.mark.slow
def test_two_tasks_with_a_cell_each_are_refused_both(tmp_path, port):
    tasks = [task(tmp_path, rank, seed=rank, port=port) for rank in (0, 1)]
    for one in tasks:
        output, _ = one.communicate(timeout=300)
        assert one.returncode == 2 and "Traceback" not in output, output
        assert "differ in their run (" in output
    assert not list(tmp_path.glob("runs/*/record.json"))


@pytest.mark.slow
def test_a_process_that_never_comes_is_waited_for_aloud_and_not_for_ever(tmp_path, port):
    output, _ = (waiting := task(tmp_path, 0, seed=0, port=port, timeout=12)).communicate(timeout=300)
    assert waiting.returncode == 1 and "Traceback" not in output, output
    assert "waiting for 1 other process of this run" in output and "not all of the 2 processes" in output


@pytest.mark.slow
def test_a_waiting_process_obeys_sigterm(tmp_path, port):
    waiting = task(tmp_path, 0, seed=0, port=port, timeout=600)
    for line in waiting.stdout:
        if "waiting for" in line:
            break
    waiting.terminate()
    started = time.monotonic()
    waiting.communicate(timeout=60)
    assert waiting.returncode in (-signal.SIGTERM, 143) and time.monotonic() - started < 10
