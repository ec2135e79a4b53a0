"""The run that a distilled run learns from: trained first, as the cell of the study that it is.

It has its own id, folder and lock, so whoever comes to it first trains it, here or from another launcher, and the
others wait. A process of its own, so that it draws no random numbers of the student's and is no part of the launch
or the sweep that the student's process belongs to.
"""

import argparse
import signal
import subprocess
import sys
import time
from pathlib import Path

from lightning_modules.configuration import Configuration, Run
from lightning_modules.execution import environment
from lightning_modules.exit_codes import BUSY, DONE, FAILED, TERMINATED
from sweeps import state
from sweeps import study as studies
from sweeps.study import Cell

POLL_SECONDS = 1


def provide(student: Run, options: argparse.Namespace) -> int:
    """Train the teacher of a study's cell unless that has been done.

    options: run.py's; where it may run goes for the teacher too, but for the number of machines, which is one.
    Returns run.py's exit code of the teacher: 0 if it is there; BUSY if another process is at it.
    """
    assert student.configuration.teacher and student.study and student.variant
    teacher = Configuration(**student.configuration.teacher)
    if (options.runs_dir / teacher.run_id / "record.json").exists():
        return DONE
    variant = studies.read(student.study).variant(student.variant).teacher
    cell = Cell(student.study, variant, teacher.dataset, teacher.budget, teacher.seed, teacher.run_id)
    print(f"{student.variant} learns from {state.title(cell)}, which is trained first", flush=True)
    code = _run([sys.executable, *state.command(cell, options.runs_dir, options.data_dir, *_more(options))])
    if code not in (DONE, BUSY, TERMINATED):
        print(f"run.py: no teacher, because {state.title(cell)} failed", file=sys.stderr)
    return code


def wait(folder: Path | None) -> None:
    """Wait until the first process of this run has the teacher in `folder`; None: there is none.

    If the first process fails, what started this one ends it.
    """
    while folder and not (folder / "record.json").exists():
        time.sleep(POLL_SECONDS)


def _more(options: argparse.Namespace) -> list[str]:
    per_node, _ = environment.processes()
    valued = {
        "--precision": options.precision,
        "--accelerator": options.accelerator,
        "--strategy": options.strategy,
        "--devices": options.devices or str(per_node),
        "--micro-batch": options.micro_batch,
        "--workers": options.workers,
        "--logger": options.logger,
        "--log-model": options.log_model,
    }
    flags = {
        "--deterministic": options.deterministic,
        "--no-wandb": options.no_wandb,
    }
    flags["--wait"] = options.wait or environment.in_sweep()
    return [
        *(part for name, value in valued.items() if value is not None for part in (name, str(value))),
        *(name for name, given in flags.items() if given),
    ]


def _run(command: list[str]) -> int:
    """The exit code of the command, which is stopped when this process is told to: it saves, and so TERMINATED."""
    process, stopped = None, False

    def stop(*_) -> None:
        nonlocal stopped
        stopped = True
        if process:
            process.terminate()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        variables = environment.alone() | {environment.ENDS_WITH_PARENT: "1"}
        process = subprocess.Popen(command, env=variables, stdin=subprocess.DEVNULL)
        if stopped:
            process.terminate()
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if stopped:
        return TERMINATED
    return code if code >= 0 else FAILED
