"""Runs per hour of a sweep on this machine: forks of warm processes against a new process for every run.

    python -m benchmarks.sweep_throughput [runs] [rounds]

The tests' tiny study: 4 optimiser steps a run, so that little but the start is measured. The two take turns, so that
a busy machine slows both.
"""

import contextlib
import io
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from sweeps import local, slots, state
from tests import tiny


def seconds(folder: Path, runs: int, *more: str) -> float:
    """Of a whole sweep from the command to its end."""
    seeds = ",".join(map(str, range(runs)))
    arguments = ["tiny", "--variants", "plain", "--seeds", seeds, "--budget", "smoke", "--no-wandb", *more]
    arguments += ["--data-dir", str(folder / "data"), "--runs-dir", str(folder / "runs")]
    begun, said = time.perf_counter(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = local.main(arguments)
    if code:
        raise RuntimeError(said.getvalue())
    shutil.rmtree(folder / "runs")
    return time.perf_counter() - begun


def main(runs: int = 8, rounds: int = 3) -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the runs are too small for a GPU
    os.environ["PYTHONPATH"] = str(Path(__file__).parent.parent)
    state.PROGRAM = Path(tiny.__file__)
    ways = {"a new process for every run": ["--cold"], "forks of warm processes": []}
    taken: dict[str, list[float]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        tiny.install(Path(folder) / "data")
        for _ in range(rounds):
            for way, more in ways.items():
                taken[way].append(seconds(Path(folder), runs, *more))
    cold = statistics.median(next(iter(taken.values())))
    print(
        f"| {runs} runs of 4 steps on {slots.usable_cores()} cores, {rounds} rounds "
        "| runs per hour: median (min–max) | ratio |"
    )
    print("|---|---:|---:|")
    for way, times in taken.items():
        low, middle, high = (
            3600 * runs / value for value in (max(times), statistics.median(times), min(times))
        )
        print(f"| {way} | {middle:,.0f} ({low:,.0f}–{high:,.0f}) | {cold / statistics.median(times):.1f} |")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
