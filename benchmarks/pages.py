"""Time of `uv run -m reports`: all pages and figures, with the committed counts and, as after a change of a network, without.

uv run -m benchmarks.pages [rounds]
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.table import Target
from reports.pages import markdown
from reports.verdicts import cache

ROOT = Path(__file__).parent.parent
TARGET = Target(20, at_least=False)
FORGETFUL = "from reports.verdicts import cache; cache.NAME = 'nothing.json'; from reports.__main__ import main; main({})"


def seconds(arguments: list[str]) -> tuple[float, float]:
    """Return the seconds of a command by the clock, and those of CPU."""
    before, begun = os.times(), time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    taken, after = time.perf_counter() - begun, os.times()
    return taken, after.children_user + after.children_system - before.children_user - before.children_system


def main(rounds: int = 3) -> None:
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory() as out:
        options = ["--out", out]
        for name, arguments in {
            f"with the committed `{cache.NAME}`": ["-m", "reports", *options],
            "counting every network anew": ["-c", FORGETFUL.format(options)],
        }.items():
            timings = [seconds(arguments) for _ in range(rounds)]
            clock, cpu = (statistics.median(values) for values in zip(*timings, strict=True))
            verdict = "—" if rows else TARGET.verdict([wall for wall, _ in timings])
            rows.append([name, f"{clock:.1f}", f"{cpu:.1f}", verdict])
    columns = ("all pages and figures", "s by the clock", "s of CPU", "wanted, s by the clock")
    print(markdown.table(columns, rows, right=columns[1:3]))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
