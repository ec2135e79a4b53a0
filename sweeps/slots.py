"""The slots of this machine for runs: as many as fill it and none more."""

import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import Protocol

from lightning_modules.execution import environment, gpu
from lightning_modules.execution.cores import OF_THIS_RUN, usable_cores
from sweeps.warm import WarmProcess, share_niceness

LOWEST_PRIORITY = 19  # of a process, as `nice` counts


class Running(Protocol):
    """A run under way."""

    def wait(self) -> int: ...

    def terminate(self) -> None: ...


class Slot:
    """A GPU or a share of the cores, for one run at a time, which may start warm."""

    def __init__(self, variables: dict[str, str], warm: bool = True) -> None:
        self.variables = variables
        self.warm = WarmProcess(self.environment) if warm else None

    @property
    def environment(self) -> dict[str, str]:
        """Return that of its runs. Within a SLURM job a run is no task of it: its processes are counted here."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
        return inherited | self.variables | {environment.ENDS_WITH_PARENT: "1"}

    def start(self, command: list[str], log: Path) -> Running:
        """Start a Python program with its arguments, its output appended to `log`."""
        if self.warm:
            return self.warm.start(command, log)
        with open(log, "a", encoding="utf-8") as output:
            # A session of its own, so that Ctrl-C reaches only the launcher, which lets the runs save.
            process = subprocess.Popen(
                [sys.executable, *command],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=self.environment,
                start_new_session=True,
            )
        share_niceness(process.pid)
        return process

    def close(self) -> None:
        """End what its runs start from: no more come."""
        if self.warm:
            self.warm.close()


def make_slots(options: Namespace) -> list[Slot]:
    """Return one slot per GPU, or on a CPU one per core; the threads of all together are no more than the cores.

    More threads than cores cost up to seven times. Raises ValueError for more runs than a machine can carry so.
    """
    devices, cores = options.devices or gpus(), usable_cores()
    jobs = options.jobs or (len(devices) * options.per_gpu if devices else cores)
    if not devices and jobs > cores:
        raise ValueError(f"--jobs {jobs} is more than this machine's {cores} cores")
    threads = max(1, cores // jobs)
    threads = min(threads, int(os.environ.get("OMP_NUM_THREADS") or threads))
    # Forks of a process that has imported so much are safe on Linux alone.
    warm = sys.platform == "linux" and not options.cold
    variables = {"OMP_NUM_THREADS": str(threads), OF_THIS_RUN: str(max(1, cores // jobs))}
    return [
        Slot(variables | ({"CUDA_VISIBLE_DEVICES": devices[job % len(devices)]} if devices else {}), warm)
        for job in range(jobs)
    ]


def gpus() -> list[str]:
    """Return the GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them; errors as `gpu.usable`."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if not gpu.usable():
        return []
    import torch

    number = torch.cuda.device_count()
    return visible.split(",")[:number] if visible else [str(index) for index in range(number)]
