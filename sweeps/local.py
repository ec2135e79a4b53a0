"""Run every missing cell of a study on this machine.

    python -m sweeps.local densenet_bc_compression --budget smoke

What is done is read from disk, so the same command goes on after any interruption, and several launchers can
share one folder, also from several machines: a cell that one of them runs is left alone by the others, which
come back to it at the end in case it was dropped.
"""

import argparse
import json
import queue
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from tqdm import tqdm

from lightning_modules import ownership
from sweeps import options as asked
from sweeps import state
from sweeps.slots import Running, Slot, gpus, slots
from sweeps.study import Cell

DONE, FAILED, BAD_INPUT, BUSY, TERMINATED = 0, 1, 2, 3, 143  # run.py's exit codes, and this program's
REFRESH_SECONDS = 1


def main(argv: list[str]) -> int:
    try:
        options = parse(argv)
        cells = asked.cells(options, lambda: "paper" if gpus() else "smoke")
        runs = state.missing(cells, options.runs_dir)
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
    parser = asked.parser("sweeps.local", __doc__)
    add = parser.add_argument
    add(
        "--jobs",
        type=int,
        metavar="N",
        help="runs side by side (default: one per GPU; on a CPU one per core)",
    )
    add("--devices", type=asked.names, metavar="0,1", help="GPUs to use (default: all)")
    add("--per-gpu", type=int, default=1, metavar="K", help="runs side by side on each GPU (default: 1)")
    add(
        "--cold",
        action="store_true",
        help="every run imports for itself, 5 s of a core (default on Linux: forks of a process that has)",
    )
    options = parser.parse_args(argv)
    for name in ("jobs", "per_gpu"):
        if (value := getattr(options, name)) is not None and value < 1:
            raise ValueError(f"--{name.replace('_', '-')} must be 1 or more, not {value}")
    return options


class Launcher:
    """Runs cells in slots, shows one overall progress, and goes on when a cell fails."""

    def __init__(self, cells: list[Cell], slots: list[Slot], options: argparse.Namespace) -> None:
        self.cells, self.options, self.runs = cells, options, options.runs_dir
        self.failed_before = {cell.run_id: state.failure(cell, self.runs) for cell in cells}
        self.slots = slots
        self.free: queue.SimpleQueue[Slot] = queue.SimpleQueue()
        for slot in slots:
            self.free.put(slot)
        self.pool = ThreadPoolExecutor(len(slots))
        self.running: dict[str, Running] = {}
        self.codes: dict[str, int] = {}
        self.stopped = threading.Event()

    def run(self) -> int:
        signal.signal(signal.SIGTERM, lambda *_: self.stop())
        signal.signal(signal.SIGINT, lambda *_: self.stop())
        print(
            f"{len(self.cells)} runs are missing at budget {self.options.budget}; {len(self.slots)} side by side",
            flush=True,
        )
        with self.pool:
            for cell in self.cells:
                self.pool.submit(self.run_cell, cell)
            self.show_progress()
        for slot in self.slots:
            slot.close()
        return self.conclude()

    def run_cell(self, cell: Cell, wait: bool = False) -> None:
        """Run a cell, unless another launcher does: then it comes up again after all others, and waits (`wait`)."""
        if self.stopped.is_set():
            return
        slot = self.free.get()
        try:
            code = self.found(cell, wait)
            if code is None:
                code = self.start(cell, slot, wait)
        except OSError as error:
            tqdm.write(f"{state.title(cell)}: {error}", file=sys.stderr)
            code = FAILED
        finally:
            self.free.put(slot)
        if code != BUSY:
            self.codes[cell.run_id] = code
        elif not self.stopped.is_set():
            self.pool.submit(self.run_cell, cell, wait=True)

    def found(self, cell: Cell, wait: bool) -> int | None:
        """What another launcher has made of the cell since this one began, as an exit code; None if nothing."""
        folder = self.runs / cell.run_id
        if (folder / "record.json").exists():
            return DONE
        if not wait and not ownership.free(folder):
            return BUSY
        return FAILED if state.failure(cell, self.runs) != self.failed_before[cell.run_id] else None

    def start(self, cell: Cell, slot: Slot, wait: bool) -> int:
        more = ["--no-wandb"] * self.options.no_wandb + ["--wait"] * wait
        log = state.log(cell, self.runs)
        log.parent.mkdir(parents=True, exist_ok=True)
        process = slot.start(state.command(cell, self.runs, self.options.data_dir, *more), log)
        self.running[cell.run_id] = process
        if self.stopped.is_set():
            process.terminate()
        try:
            return process.wait()
        finally:
            del self.running[cell.run_id]

    def show_progress(self) -> None:
        """One bar in units of runs; fractions of the runs under way count."""
        bar = tqdm(
            total=len(self.cells),
            bar_format="{percentage:3.0f} %|{bar:24}| {elapsed}, {remaining} left  {postfix}",
            dynamic_ncols=True,
            disable=None,  # where there is no screen, finished runs are still named
        )
        told: set[str] = set()
        over = False
        while not over:
            over = len(self.codes) == len(self.cells) or (self.stopped.is_set() and not self.running)
            under_way = {cell: self.fraction(cell) for cell in self.cells if cell.run_id in self.running}
            for cell in self.cells:
                if cell.run_id in self.codes and cell.run_id not in told:
                    told.add(cell.run_id)
                    tqdm.write(f"{len(told):4d}/{len(self.cells)}  {state.title(cell)}: {self.outcome(cell)}")
                    sys.stdout.flush()
            bar.n = len(told) + sum(under_way.values())
            now = ", ".join(f"{cell.variant}/{cell.seed} {share:.0%}" for cell, share in under_way.items())
            bar.set_postfix_str(f"{len(told)}/{len(self.cells)} done; {now}")
            if not over and self.stopped.wait(REFRESH_SECONDS):
                time.sleep(0.1)
        bar.close()

    def fraction(self, cell: Cell) -> float:
        try:
            progress = json.loads((self.runs / cell.run_id / "progress.json").read_text())
            return progress["step"] / progress["steps"]
        except (OSError, ValueError, KeyError):
            return 0.0

    def outcome(self, cell: Cell) -> str:
        code = self.codes[cell.run_id]
        if code == TERMINATED:
            return "stopped, progress saved"
        if code:
            reason = state.failure(cell, self.runs) or f"exit code {code}"
            return f"FAILED ({reason}), see {state.log(cell, self.runs)}"
        record = json.loads((self.runs / cell.run_id / "record.json").read_text(encoding="utf-8"))
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
        failed = [cell for cell in self.cells if self.codes[cell.run_id] != DONE]
        if failed:
            print(f"{len(failed)} of {len(self.cells)} runs failed:", file=sys.stderr)
            for cell in failed:
                print(f"  {state.title(cell)}: {state.log(cell, self.runs)}", file=sys.stderr)
            return FAILED
        print("all done; `python -m reports` makes the report")
        return DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
