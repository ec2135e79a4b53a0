"""CPU time of what must answer at once, and of the start that every run pays.

    uv run -m benchmarks.start_up [rounds]

Each is a process of its own; user and system time, whatever else the machine does.
"""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.table import Target, spread
from reports.pages import markdown

ROOT = Path(__file__).parent.parent
# What is started, and how many seconds it may take.
COMMANDS = {
    "run.py --help": (["run.py", "--help"], Target(0.3, at_least=False)),
    "run.py --list": (["run.py", "--list"], Target(0.3, at_least=False)),
    "run.py --arch densenet_bc --help": (["run.py", "--arch", "densenet_bc", "--help"], Target(0.3, at_least=False)),
    "uv run -m sweeps list": (["-m", "sweeps", "list"], Target(1.0, at_least=False)),
    "import torch": (["-c", "import torch"], None),
    "import of all that trains": (["-c", "import lightning_modules.training, wandb"], None),
}  # fmt: skip


def seconds(arguments: list[str]) -> float:
    before = os.times()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main(rounds: int = 5) -> None:
    rows = []
    for name, (arguments, target) in COMMANDS.items():
        samples = [seconds(arguments) for _ in range(rounds)]
        rows.append([f"`{name}`", spread(samples, 2), target.verdict(samples) if target else "—"])
    columns = ("command", "s of CPU: median (min–max)", "wanted, s")
    print(markdown.table(columns, rows, right=columns[1:2]))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
