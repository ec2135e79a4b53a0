"""Run every missing cell of a study on this machine.

    python -m sweeps.local densenet_bc_compression --budget smoke

What is done is read from disk, so the same command goes on after any interruption, and several launchers can
share one folder: a cell that one of them runs is left alone by the others.
"""

import argparse
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from sweeps import study as studies
from sweeps.study import Cell

ROOT = Path(__file__).parent.parent
PROGRAM = ROOT / "run.py"
RECORDS = ROOT / "reports" / "records"
DONE, FAILED, BAD_INPUT, BUSY, TERMINATED = 0, 1, 2, 3, 143  # run.py's exit codes, and this program's


def main(argv: list[str]) -> int:
    try:
        options = parse(argv)
        cells = wanted(options)
        runs = missing(cells, options.runs_dir)
        if not runs:
            print(
                f"nothing is missing: all {len(cells)} runs have records, here or in reports/records; "
                "`python -m reports` makes the report, other seeds (--seeds 3,4,5) add to it"
            )
            return DONE
        return Launcher(runs, slots(options), options).run()
    except ValueError as error:
        print(f"sweeps.local: {error}", file=sys.stderr)
        return BAD_INPUT


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sweeps.local",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("study", help=", ".join(studies.names()))
    add("--budget", choices=studies.BUDGETS, help="default: paper with a GPU, smoke without")
    add("--datasets", type=_names, metavar="A,B", help="default: the study's")
    add("--variants", type=_names, metavar="A,B", help="default: all")
    add("--seeds", type=_numbers, metavar="0,1", help="default: the study's")
    add(
        "--jobs",
        type=int,
        metavar="N",
        help="runs side by side (default: one per GPU; on a CPU one per core)",
    )
    add("--devices", type=_names, metavar="0,1", help="GPUs to use (default: all)")
    add("--runs-dir", type=Path, default=Path("runs"), metavar="DIR")
    add("--data-dir", type=Path, default=Path("data"), metavar="DIR")
    add("--no-wandb", action="store_true", help="no W&B at all")
    options = parser.parse_args(argv)
    if options.jobs is not None and options.jobs < 1:
        raise ValueError(f"--jobs must be 1 or more, not {options.jobs}")
    return options


def wanted(options: argparse.Namespace) -> list[Cell]:
    """The cells that the options ask for; the seed varies slowest."""
    study = studies.read(options.study)
    if options.budget is None:
        options.budget = "paper" if gpus() else "smoke"
    return studies.cells(
        study, options.budget, datasets=options.datasets, variants=options.variants, seeds=options.seeds
    )


def missing(cells: list[Cell], runs: Path) -> list[Cell]:
    """Those without a record in `runs` or among the committed ones, each training once."""
    by_id = {cell.run_id: cell for cell in cells}
    done = committed() | {run_id for run_id in by_id if (runs / run_id / "record.json").exists()}
    return [cell for run_id, cell in by_id.items() if run_id not in done]


def committed() -> set[str]:
    """Ids of the runs whose records came with the project; elsewhere a repetition would only contradict them."""
    texts = (path.read_text(encoding="utf-8") for path in RECORDS.glob("*.jsonl"))
    return {run_id for text in texts for run_id in re.findall(r'"run_id": "(\w+)"', text)}


@dataclass(frozen=True)
class Slot:
    """A place for one run: its environment."""

    environment: dict[str, str]


def slots(options: argparse.Namespace) -> list[Slot]:
    """One per GPU, or on a CPU one per core with one thread each: more threads than cores cost up to seven times."""
    devices = options.devices or gpus()
    if devices:
        jobs = options.jobs or len(devices)
        return [Slot({"CUDA_VISIBLE_DEVICES": devices[i % len(devices)]}) for i in range(jobs)]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    jobs = options.jobs or cores
    return [Slot({"OMP_NUM_THREADS": str(max(1, cores // jobs))})] * jobs


def gpus() -> list[str]:
    import torch

    return [str(index) for index in range(torch.cuda.device_count())]


class Launcher:
    """Runs cells in slots, shows one overall progress, and goes on when a cell fails."""

    def __init__(self, cells: list[Cell], slots: list[Slot], options: argparse.Namespace) -> None:
        self.cells, self.options = cells, options
        self.free: queue.SimpleQueue[Slot] = queue.SimpleQueue()
        for slot in slots:
            self.free.put(slot)
        self.jobs = len(slots)
        self.running: dict[str, subprocess.Popen] = {}
        self.codes: dict[str, int] = {}
        self.stopped = threading.Event()

    def run(self) -> int:
        signal.signal(signal.SIGTERM, lambda *_: self.stop())
        signal.signal(signal.SIGINT, lambda *_: self.stop())
        print(f"{len(self.cells)} runs are missing at budget {self.options.budget}; {self.jobs} side by side")
        with ThreadPoolExecutor(self.jobs) as pool:
            futures = [pool.submit(self.run_cell, cell) for cell in self.cells]
            self.show_progress()
            for future in futures:
                future.result()
        return self.conclude()

    def run_cell(self, cell: Cell) -> None:
        if self.stopped.is_set():
            return
        slot = self.free.get()
        try:
            log = self.log(cell)
            log.parent.mkdir(parents=True, exist_ok=True)
            with open(log, "a", encoding="utf-8") as output:
                # A session of its own, so that Ctrl-C reaches only the launcher, which lets the runs save.
                process = subprocess.Popen(
                    self.command(cell),
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    stdin=subprocess.DEVNULL,
                    env=os.environ | slot.environment,
                    start_new_session=True,
                )
            self.running[cell.run_id] = process
            if self.stopped.is_set():
                process.terminate()
            code = process.wait()
            self.running.pop(cell.run_id)
            self.codes[cell.run_id] = code
        except OSError as error:
            self.codes[cell.run_id] = FAILED
            tqdm.write(f"{_name(cell)}: {error}", file=sys.stderr)
        finally:
            self.free.put(slot)

    def command(self, cell: Cell) -> list[str]:
        options = self.options
        return [
            *(sys.executable, str(PROGRAM), "--study", cell.study, "--variant", cell.variant),
            *("--dataset", cell.dataset, "--seed", str(cell.seed), "--budget", cell.budget),
            *("--runs-dir", str(options.runs_dir), "--data-dir", str(options.data_dir)),
            *(["--no-wandb"] if options.no_wandb else []),
        ]

    def log(self, cell: Cell) -> Path:
        return self.options.runs_dir / cell.run_id / "log.txt"

    def show_progress(self) -> None:
        """One bar in units of runs; fractions of the runs under way count."""
        bar = tqdm(
            total=len(self.cells),
            bar_format="{percentage:3.0f} %|{bar:24}| {elapsed}, {remaining} left  {postfix}",
            dynamic_ncols=True,
            disable=None,  # where there is no screen, finished runs are still named
        )
        told: set[str] = set()
        while len(self.codes) < len(self.cells) and not (self.stopped.is_set() and not self.running):
            under_way = {cell: self.fraction(cell) for cell in self.cells if cell.run_id in self.running}
            for cell in self.cells:
                if cell.run_id in self.codes and cell.run_id not in told:
                    told.add(cell.run_id)
                    tqdm.write(f"{len(told):4d}/{len(self.cells)}  {_name(cell)}: {self.outcome(cell)}")
                    sys.stdout.flush()
            bar.n = len(told) + sum(under_way.values())
            now = ", ".join(f"{cell.variant}/{cell.seed} {share:.0%}" for cell, share in under_way.items())
            bar.set_postfix_str(f"{len(told)}/{len(self.cells)} done; {now}")
            self.stopped.wait(1)
        for cell in self.cells:
            if cell.run_id in self.codes and cell.run_id not in told:
                tqdm.write(f"{len(self.codes):4d}/{len(self.cells)}  {_name(cell)}: {self.outcome(cell)}")
        bar.close()

    def fraction(self, cell: Cell) -> float:
        try:
            progress = json.loads((self.options.runs_dir / cell.run_id / "progress.json").read_text())
            return progress["step"] / progress["steps"]
        except (OSError, ValueError, KeyError):
            return 0.0

    def outcome(self, cell: Cell) -> str:
        code = self.codes[cell.run_id]
        if code == BUSY:
            return "left to the process that is at it"
        if code == TERMINATED:
            return "stopped, progress saved"
        if code:
            return f"FAILED with exit code {code}, see {self.log(cell)}"
        record = json.loads((self.options.runs_dir / cell.run_id / "record.json").read_text(encoding="utf-8"))
        return f"test error {record['test']['error']:.2f} %"

    def stop(self) -> None:
        """SIGTERM or Ctrl-C: no new run starts, those under way save and stop."""
        self.stopped.set()
        for process in list(self.running.values()):
            process.terminate()

    def conclude(self) -> int:
        if self.stopped.is_set():
            print("stopped; the runs under way have saved, and the same command goes on", file=sys.stderr)
            return TERMINATED
        failed = [cell for cell in self.cells if self.codes.get(cell.run_id) not in (DONE, BUSY)]
        if failed:
            print(f"{len(failed)} of {len(self.cells)} runs failed:", file=sys.stderr)
            for cell in failed:
                print(f"  {_name(cell)}: {self.log(cell)}", file=sys.stderr)
            return FAILED
        print("all done; `python -m reports` makes the report")
        return DONE


def _name(cell: Cell) -> str:
    return f"{cell.variant} on {cell.dataset}, seed {cell.seed} ({cell.run_id})"


def _names(text: str) -> list[str]:
    return text.split(",")


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
