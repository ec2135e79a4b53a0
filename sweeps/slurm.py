"""Run every missing cell of a study on a SLURM cluster: one array, a job per cell.

    uv run -m sweeps.slurm densenet_bc_compression --partition gpu --gpus-per-run 1 --hours 24

A job that is preempted, or that its time limit ends, saves, is requeued and goes on where it stopped. What is
done or queued is read from disk and from the queue, so the same command again submits only what is missing. The
folders must be shared by all nodes. Needs submitit, which `uv run --extra slurm` brings.
"""

import argparse
import getpass
import subprocess
import sys
import time
from pathlib import Path

from architectures.spelling import number_of
from lightning_modules.commands import as_typed, refuse
from lightning_modules.execution import environment
from lightning_modules.exit_codes import DONE, FAILED
from sweeps import options as launch_options
from sweeps import state
from sweeps.study import Cell

POLL_SECONDS = 10


def main(argv: list[str]) -> int:
    environment.print_anything()
    try:
        options = parse(argv)
        cells = launch_options.cells(options, lambda: "paper" if options.gpus_per_run else "smoke")
        cells = state.missing(cells, options.runs_dir)
        waiting = queued()
        new = [cell for cell in cells if job(cell, options.runs_dir) not in waiting]
        if len(new) < len(cells):
            print(f"{len(cells) - len(new)} of the missing runs are queued or running already")
        if new:
            submit(new, options)
        elif not cells:
            print("nothing is missing")
        return conclude(cells, options.runs_dir) if options.wait else DONE
    except ValueError as error:
        return refuse("sweeps.slurm", error)


def parse(argv: list[str]) -> argparse.Namespace:
    parser = launch_options.parser("sweeps.slurm", __doc__)
    add = parser.add_argument
    add("--partition", required=True, metavar="NAME")
    add(
        "--gpus-per-run", type=int, default=1, metavar="N", help="on each node; they share the batch (0: CPU)"
    )
    add("--nodes-per-run", type=int, default=1, metavar="N")
    add("--cpus-per-gpu", type=int, default=4, metavar="N", help="per run, where it has no GPU (default: 4)")
    add("--hours", type=float, default=24, metavar="H", help="a job's time limit (default: 24)")
    add("--at-once", type=int, default=256, metavar="N", help="jobs that may run side by side")
    add(
        "--sbatch",
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        help="anything else that sbatch takes: --sbatch account=vision --sbatch qos=low",
    )
    add("--wait", action="store_true", help="stay until all jobs have ended; exit with 1 if a run failed")
    options = parser.parse_args(argv)
    options.runs_dir, options.data_dir = options.runs_dir.resolve(), options.data_dir.resolve()
    if wrong := [text for text in options.sbatch if "=" not in text]:
        raise ValueError(f"--sbatch {wrong[0]} is not of the form OPTION=VALUE")
    return options


def submit(cells: list[Cell], options: argparse.Namespace) -> None:
    """Submit one array. Raises ValueError, in one line, if submitit or SLURM won't have it."""
    try:
        import submitit

        from sweeps.slurm_task import Task
    except ModuleNotFoundError as error:
        raise ValueError(
            "submitit is missing: `uv run --extra slurm …`, or `pip install submitit`"
        ) from error
    try:
        # A day's limit would end a week's training seven times; it goes on from where it was each time.
        executor = submitit.SlurmExecutor(options.runs_dir / "slurm", max_num_timeout=1000)
        executor.update_parameters(
            job_name=options.study,
            partition=options.partition,
            time=max(1, round(60 * options.hours)),
            nodes=options.nodes_per_run,
            ntasks_per_node=max(1, options.gpus_per_run),
            gpus_per_node=options.gpus_per_run or None,
            cpus_per_task=options.cpus_per_gpu,
            array_parallelism=options.at_once,
            stderr_to_stdout=True,
            srun_args=["--kill-on-bad-exit=1", f"--cpus-per-task={options.cpus_per_gpu}"],
            additional_parameters={"requeue": True} | dict(text.split("=", 1) for text in options.sbatch),
        )
        tasks = []
        for cell in cells:
            log = state.log(cell, options.runs_dir)
            log.parent.mkdir(parents=True, exist_ok=True)
            more = ["--wait", *["--no-wandb"] * options.no_wandb]
            tasks.append(Task(state.command(cell, options.runs_dir, options.data_dir, *more), log))
        jobs = executor.submit_array(tasks)
    except (RuntimeError, submitit.core.utils.FailedJobError) as error:
        raise ValueError(" ".join(str(error).split())) from error
    for cell, submitted in zip(cells, jobs, strict=True):
        (options.runs_dir / cell.run_id / "slurm_job.txt").write_text(submitted.job_id)
    name = jobs[0].job_id.partition("_")[0]
    print(
        f"submitted {number_of(len(jobs), 'run')} at budget {options.budget} as job {name}; `squeue -j {name}` shows them"
    )
    print(as_typed(f"`uv run -m sweeps list {options.study}` shows what is done"), flush=True)


def job(cell: Cell, runs: Path) -> str | None:
    """Return the job that a cell was last submitted as; None: never."""
    try:
        return (runs / cell.run_id / "slurm_job.txt").read_text()
    except OSError:
        return None


def queued() -> set[str]:
    """Return the user's jobs that wait or run. Raises ValueError where there is no SLURM."""
    command = ["squeue", "--noheader", "--array", "--user", getpass.getuser(), "--format", "%i"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    except FileNotFoundError as error:
        raise ValueError("there is no SLURM here (no `squeue`)") from error
    except subprocess.SubprocessError as error:
        raise ValueError(f"squeue failed: {getattr(error, 'stderr', '') or error}".strip()) from error
    return set(done.stdout.split())


def conclude(cells: list[Cell], runs: Path) -> int:
    """Wait for the jobs of the cells, then name those that left no record."""
    jobs = {job(cell, runs) for cell in cells}
    while jobs & queued():
        time.sleep(POLL_SECONDS)
    failed = state.missing(cells, runs)
    if failed:
        print(f"{len(failed)} of {number_of(len(cells), 'run')} failed:", file=sys.stderr)
        for cell in failed:
            print(f"  {state.title(cell)}: {state.log(cell, runs)} (job {job(cell, runs)})", file=sys.stderr)
        return FAILED
    print(as_typed("all done; `uv run -m reports` makes the report"))
    return DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
