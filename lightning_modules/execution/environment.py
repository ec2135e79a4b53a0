"""Who started this process, and what follows from it. Nothing heavy is imported."""

import ctypes
import io
import os
import signal
import sys
from collections.abc import Mapping, MutableMapping

ENDS_WITH_PARENT = "RUN_ENDS_WITH_PARENT"  # set by launchers that may be killed themselves
# Names of SLURM jobs in which the tasks are the user's to start, as Lightning sees it too.
INTERACTIVE = ("bash", "interactive")
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def is_first_process() -> bool:
    """Return whether this is the process that tracks and writes, of all that share the run."""
    names = ("LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "SLURM_PROCID")
    return all(os.environ.get(name, "0") == "0" for name in names)


def in_sweep() -> bool:
    """Return whether W&B counts this run to a sweep; its id is the sweep's then."""
    return "WANDB_SWEEP_ID" in os.environ


def settle_cluster(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let SLURM's variables say what this process is to its run, before Lightning reads them.

    In a sweep a task is an agent with runs of its own, so that its run is no part of the job. Elsewhere the tasks of a
    step are the processes of one run, also where srun was told only how many they are in all (`--ntasks`).

    Raises ValueError, in one line, where there are several tasks and srun didn't start them, or nodes have unlike shares.
    """
    if in_sweep():
        for name in [name for name in environment if name.startswith("SLURM_")]:
            del environment[name]
    tasks = int(environment.get("SLURM_NTASKS", "1"))
    if tasks == 1 or environment.get("SLURM_JOB_NAME") in INTERACTIVE:
        return
    if not any(name.startswith("SLURM_STEP") for name in environment):
        raise ValueError(
            f"this SLURM job has {tasks} tasks, but srun didn't start this process, so that the others never come: "
            "put srun before the command, or ask for --ntasks=1"
        )
    nodes = int(environment.get("SLURM_NNODES", "1"))
    if tasks % nodes:
        raise ValueError(
            f"{tasks} tasks on {nodes} nodes are unlike shares: ask for as many tasks on every node"
        )
    environment.setdefault("SLURM_NTASKS_PER_NODE", str(tasks // nodes))


def processes(environment: Mapping[str, str] = os.environ) -> tuple[int, int]:
    """Return the processes per node, and the nodes, that torchrun or srun have started for this run; (1, 1) otherwise."""
    if "TORCHELASTIC_RUN_ID" in environment:
        per_node = int(environment["LOCAL_WORLD_SIZE"])
        return per_node, int(environment["WORLD_SIZE"]) // per_node
    if "SLURM_NTASKS" in environment and environment.get("SLURM_JOB_NAME") not in INTERACTIVE:
        nodes = int(environment.get("SLURM_NNODES", "1"))
        return int(environment["SLURM_NTASKS"]) // nodes, nodes
    return 1, 1


def alone(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment for a separate run, which is no part of the launch and the sweep that this process is of."""
    names = ("RANK", "WORLD_SIZE", "NODE_RANK", "MASTER_ADDR", "MASTER_PORT", "WANDB_RUN_ID")
    prefixes = ("LOCAL_", "GROUP_", "ROLE_", "TORCHELASTIC_", "SLURM_", "WANDB_SWEEP_")
    return {
        name: value
        for name, value in environment.items()
        if name not in names and not name.startswith(prefixes)
    }


def print_anything() -> None:
    """Let signs that the console's encoding lacks, as cp1252 lacks "≤", be printed as "?" instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def end_with_parent() -> None:
    """Have the kernel signal this process when the one that started it is killed, on Linux; else it would train on unseen.

    A run that a launcher or a sweep's agent started saves and stops; a further process of a run is killed with its
    first, because it may hang in a collective, where Python handles no signal.
    """
    if os.environ.get("LOCAL_RANK", "0") != "0":
        how = signal.SIGKILL
    elif ENDS_WITH_PARENT in os.environ or "WANDB_SWEEP_PARAM_PATH" in os.environ:
        how = signal.SIGTERM
    else:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, how)
