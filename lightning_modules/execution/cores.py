"""The CPU: its name, and how many cores a process may use, which is not what the machine has."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path

OF_THIS_RUN = "RUN_CORES"  # set by launchers that share a machine out among runs
QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores(environment: Mapping[str, str] = os.environ) -> int:
    """Return the number of cores that this process may use: a container's quota counts, and a launcher's share."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cores = min(cores, int(environment.get(OF_THIS_RUN, cores)))
    try:
        quota, period = QUOTA.read_text().split()
        return max(1, min(cores, int(quota) // int(period)))
    except (OSError, ValueError):  # not Linux, or no quota ("max")
        return cores


def cpu_name() -> str:
    """Return the name of the CPU, as Linux has it, or else what Python knows of it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    except OSError:
        pass
    return platform.processor() or platform.machine()
