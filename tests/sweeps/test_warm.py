"""Runs as forks of a process that has imported everything: alike in all but the time that they take to start."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lightning_modules.execution import environment
from sweeps import warm
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs start warm on Linux alone")
ROOT = Path(__file__).parent.parent.parent
IMPORTS = list(warm.IMPORTS)
PROGRAM = """
import os, sys, time
print(os.getpid(), os.getppid(), *sys.argv[1:], __name__, repr(sys.stdin.read()), flush=True)
print("and an error", file=sys.stderr)
if "sleep" in sys.argv:
    {end_with_parent}
    print("asleep", flush=True)
    time.sleep(60)
sys.exit("fails" in sys.argv and 7)
"""
IMPORTING = """
import importlib, os, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
import torch
print(len(os.listdir("/proc/self/task")), torch.cuda.is_initialized())
"""
END_WITH_PARENT = "from lightning_modules.execution import environment; environment.end_with_parent()"


@pytest.fixture
def process(monkeypatch):
    monkeypatch.setattr(warm, "IMPORTS", ["json"])
    ours = {"PYTHONPATH": str(ROOT), environment.ENDS_WITH_PARENT: "1"}
    made = warm.WarmProcess(dict(os.environ) | ours)
    yield made
    made.close()


@pytest.fixture
def program(tmp_path) -> list[str]:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM.format(end_with_parent=END_WITH_PARENT))
    return [str(path)]


def asleep(log: Path) -> list[int]:
    """Waits until the run sleeps; its process and the one that it is a fork of."""
    wait_until(lambda: log.exists() and "asleep" in log.read_text())
    return [int(number) for number in log.read_text().split()[:2]]


def test_a_run_has_its_arguments_its_log_and_its_exit_code_and_the_next_is_a_fork_too(
    process, program, tmp_path
):
    log = tmp_path / "log.txt"
    assert process.start([*program, "--a", "b c"], log).wait() == 0
    assert process.start([*program, "fails"], log).wait() == 7
    first, error, second, _ = log.read_text().splitlines()
    assert first.endswith("--a b c __main__ ''") and error == "and an error"
    (pid, parent), (other_pid, same_parent) = first.split()[:2], second.split()[:2]
    assert pid != other_pid and parent == same_parent == str(process.process.pid)


def test_a_run_that_raises_fails_alone(process, program, tmp_path):
    log, broken = tmp_path / "log.txt", tmp_path / "broken.py"
    broken.write_text("raise LookupError('no such luck')")
    assert process.start([str(broken)], log).wait() == 1
    assert "LookupError: no such luck" in log.read_text()
    assert process.start(program, log).wait() == 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_gives_its_signal_and_the_next_one_runs(process, program, tmp_path, how):
    log = tmp_path / "log.txt"
    process.start([*program, "sleep"], log)
    pid, parent = asleep(log)
    if how == signal.SIGTERM:
        process.terminate()
    else:
        os.kill(pid, how)
    assert process.wait() == -how
    assert process.start(program, log).wait() == 0
    assert process.process.pid == parent


def test_a_run_ends_with_its_process_and_the_next_one_gets_another(process, program, tmp_path):
    log = tmp_path / "log.txt"
    process.start([*program, "sleep"], log)
    pid, parent = asleep(log)
    os.kill(parent, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    cmdline = Path(f"/proc/{pid}/cmdline")
    wait_until(lambda: not cmdline.exists() or not cmdline.read_bytes())
    assert process.start(program, log).wait() == 0
    assert process.process.pid != parent


def test_an_import_that_fails_is_told_in_the_log(process, program, tmp_path, monkeypatch):
    monkeypatch.setattr(warm, "IMPORTS", ["no_such_module"])
    assert process.start(program, tmp_path / "log.txt").wait() == 1
    assert "No module named 'no_such_module'" in (tmp_path / "log.txt").read_text()


@pytest.mark.slow
def test_the_imports_start_no_thread_and_leave_the_gpu_alone(process):
    """Neither is there any more after a fork."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING, *IMPORTS],
        env=process.environment | {"OMP_NUM_THREADS": "2"},
        text=True,
        capture_output=True,
        check=True,
    )
    assert done.stdout.split() == ["1", "False"]
