"""No failure of W&B's stops, hangs or fails a training: real processes against a server that fails in every way."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.wandb_world import ROOT

pytestmark = pytest.mark.slow
PATIENCE = 90  # seconds, of which the project grants W&B at most a minute at a time


def lines(world, *argv: str):
    """Run the tiny study's cell; yields (line, seconds since the line before) as it prints them, then checks its end."""
    command = [sys.executable, str(ROOT / "tests" / "tiny.py"), "--study", "tiny", "--variant", "plain"]
    process = world.start(*command, *argv, *world.where)
    last = time.monotonic()
    for line in process.stdout:
        now = time.monotonic()
        yield line.rstrip(), now - last
        last = now
    assert process.wait(timeout=PATIENCE) == 0
    assert time.monotonic() - last < PATIENCE


def check(world, output: list[tuple[str, float]]) -> None:
    """The run has its record, was held up nowhere, and nothing was said in more than lines."""
    (record,) = world.records().values()
    assert record["test"]["images"] == 103
    assert "Traceback" not in "\n".join(line for line, _ in output)
    assert max(seconds for line, seconds in output if line.startswith(("W&B", "epoch", "done"))) < PATIENCE


@pytest.mark.parametrize("failure", [401, 500, "silent", "portal", "closed", "refused", "ignored"])
def test_with_a_key_and_no_server_a_run_is_offline_and_says_why(world, failure):
    if failure == "closed":
        world.server.close()
    elif failure in ("refused", "ignored"):  # the server answers, but makes no run
        getattr(world.server, failure).add("upsertBucket")
    else:
        world.server.failure = failure
    output = list(lines(world, "--budget", "smoke"))
    check(world, output)
    (why,) = [line for line, _ in output if line.startswith("W&B: offline, because ")]
    assert ("no run could be made" if failure in ("refused", "ignored") else "out of reach") in why
    (folder,) = world.path.glob("runs/wandb/offline-run-*")
    assert f"wandb sync {folder}` sends it" in output[-1][0]


@pytest.mark.parametrize("failure", [500, "silent", "closed", "killed client"])
def test_a_server_that_dies_in_mid_run_costs_a_line_and_what_it_missed_is_sent_later(world, failure):
    output = []
    for line, seconds in lines(world, "--budget", "short"):
        output.append((line, seconds))
        if line.startswith("epoch   2/30"):
            if failure == "closed":
                world.server.close()
            elif failure == "killed client":
                kill_client(world.path)
            else:
                world.server.failure = failure
    check(world, output)
    (folder,) = world.path.glob("runs/wandb/run-*")
    assert sum(f"wandb sync --include-online {folder}` sends the rest" in line for line, _ in output) == 1
    if failure not in ("closed", "killed client"):
        world.server.failure = None
        world.run("wandb", "sync", "--include-online", str(folder))
        (run,) = world.server.runs.values()
        (record,) = world.records().values()
        assert run["state"] == "finished" and run["summary"]["test_errors"] == record["test"]["errors"]
        assert [row["epoch"] for row in run["history"] if "train_loss" in row] == list(range(1, 31))


def kill_client(home: Path) -> None:
    """Kill the service of W&B's client that runs under this home."""
    for found in Path("/proc").glob("[0-9]*"):
        try:
            theirs = (found / "environ").read_bytes().split(b"\0")
            if (found / "comm").read_text().strip() == "wandb-core" and f"HOME={home}".encode() in theirs:
                os.kill(int(found.name), signal.SIGKILL)
        except OSError:  # ended meanwhile, or another user's
            continue


def test_an_interrupted_offline_run_names_all_its_folders(world):
    del world.environment["WANDB_API_KEY"]
    command = [sys.executable, str(ROOT / "tests" / "tiny.py"), "--study", "tiny", "--variant", "plain"]
    process = world.start(*command, "--budget", "short", *world.where)
    world.reach(step=10)
    process.terminate()
    assert process.wait(timeout=PATIENCE) == 143
    output = world.cell("--study", "tiny", "--variant", "plain", "--budget", "short")
    first, second = sorted(map(str, world.path.glob("runs/wandb/offline-run-*")))
    assert f"wandb sync {first} {second}` sends it" in output

    world.environment |= world.server.environment()
    world.run("wandb", "sync", str(world.path / "runs" / "wandb"))
    (run,) = world.server.runs.values()
    assert run["state"] == "finished"
    assert [row["epoch"] for row in run["history"] if "train_loss" in row] == list(range(1, 31))
    again = subprocess.run(
        [*command, "--budget", "short", *world.where],
        env=world.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "already done" in again.stdout and "W&B: offline" not in again.stdout
