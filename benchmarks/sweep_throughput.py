"""Runs per hour of a sweep on this machine: forks of warm processes against a new process for every run.

    uv run -m benchmarks.sweep_throughput [rounds]

The tests' tiny study: 4 optimiser steps a run, so that little but the start is measured.
"""

import contextlib
import io
import os
import shutil
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from benchmarks.table import compared, take_turns
from sweeps import local, slots, state
from tests import tiny

RUNS = 16


def runs_per_hour(folder: Path, *more: str) -> float:
    """Run a whole sweep and return its speed, from the command to its end."""
    seeds = ",".join(map(str, range(RUNS)))
    arguments = ["tiny", "--variants", "plain", "--seeds", seeds, "--budget", "smoke", "--no-wandb", *more]
    arguments += ["--data-dir", str(folder / "data"), "--runs-dir", str(folder / "runs")]
    begun, output = time.perf_counter(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        code = local.main(arguments)
    if code:
        raise RuntimeError(output.getvalue())
    taken = time.perf_counter() - begun
    shutil.rmtree(folder / "runs")
    return 3600 * RUNS / taken


def main(rounds: int = 3) -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the runs are too small for a GPU
    os.environ["PYTHONPATH"] = str(Path(__file__).parent.parent)
    state.PROGRAM = Path(tiny.__file__)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tiny.install(folder / "data")
        ways = {
            "a new process for every run": partial(runs_per_hour, folder, "--cold"),
            "forks of warm processes": partial(runs_per_hour, folder),
        }
        samples = take_turns(ways, rounds)
    print(compared(f"{RUNS} runs of 4 steps on {slots.usable_cores()} cores", "runs per hour", samples))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
