"""Run every missing cell of a study, or all that the programme needs, on this machine.

    uv run -m sweeps.local densenet_bc_compression --budget smoke
    uv run -m sweeps.local --programme

The programme (`sweeps/programme.toml`) runs at the lowest priority, in its own order: where a look decides a line, or
eight seeds don't, it goes on to the next. What is done is read from disk, so the same command goes on after any interruption, and several launchers can
share one folder, also from several machines: a cell that one of them runs is left alone by the others, which
come back to it at the end in case it was dropped.
"""

import argparse
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from tqdm import tqdm

from architectures.spelling import number_of
from lightning_modules.commands import as_typed, refuse
from lightning_modules.console import browsing
from lightning_modules.execution import environment, run_lock
from lightning_modules.execution.estimate import duration
from lightning_modules.exit_codes import BUSY, DONE, FAILED, TERMINATED
from sweeps import options as launch_options
from sweeps import order, programme, state, unfinished
from sweeps.costs import Costs
from sweeps.slots import LOWEST_PRIORITY, Running, Slot, gpus, make_slots
from sweeps.study import Cell

REFRESH_SECONDS = 1
# Operations of a step, 200 kernels say, that keep a GPU of 20 TFLOP/s busy for as long as the host takes to launch them.
FILLS_A_GPU = 200e9


def main(argv: list[str]) -> int:
    environment.print_anything()
    try:
        options = parse(argv)
        if options.programme:
            return run_programme(options)
        cells = launch_options.cells(options, lambda: "paper" if gpus() else "smoke")
        runs = state.missing(cells, options.runs_dir)
        if not runs:
            line = (
                f"nothing is missing: {number_of(len(cells), 'run')} asked for, every one with a record here or in reports/records; "
                "`uv run -m reports` makes the report, other seeds (--seeds 3,4,5) add to it"
            )
            print(as_typed(line))
            return DONE
        slots = make_slots(options)
        print(
            f"{number_of(len(runs), 'run')} missing at budget {options.budget}; {len(slots)} side by side",
            flush=True,
        )
        say_browsing(options)
        say_idle(runs, options)
        return Launcher(lambda: runs, slots, options).run()
    except ValueError as error:
        return refuse("sweeps.local", error)


def run_programme(options: argparse.Namespace) -> int:
    """Run what the lines of the plan need, until each has ended by its rule."""
    os.nice(LOWEST_PRIORITY)
    lines = programme.read()
    records = state.records(options.runs_dir)
    missing = programme.needed(lines, records)
    if not missing:
        line = (
            "nothing is missing: every line of the programme has ended; `uv run -m reports` makes the pages"
        )
        print(as_typed(line))
        return DONE
    slots = make_slots(options)
    print(
        f"The programme of {number_of(len(lines), 'line')} needs {number_of(len(missing), 'run')} now; {len(slots)} side by side, at the lowest "
        "priority. A look may ask for more, or end a line.",
        flush=True,
    )

    say_browsing(options)

    def source() -> list[Cell]:
        for run_id in state.finished(options.runs_dir) - records.keys():
            records[run_id] = state.read(options.runs_dir / run_id / "record.json")
        return programme.needed(lines, records)

    return Launcher(source, slots, options).run()


def say_browsing(options: argparse.Namespace) -> None:
    if not options.no_wandb:
        print(as_typed(browsing(options.runs_dir)), flush=True)


def say_idle(cells: list[Cell], options: argparse.Namespace) -> None:
    """Say where one run on a GPU would leave most of it idle."""
    if not gpus() or options.per_gpu > 1 or options.jobs:
        return
    costs = Costs(cells, options.runs_dir, timing=False)
    if median(map(costs.operations_of_a_step, cells)) < FILLS_A_GPU:
        print(
            "Steps so small leave a GPU waiting for the host: --per-gpu 2, 3 or 4 runs several side by side, and the bar "
            "tells which is fastest.",
            flush=True,
        )


def parse(argv: list[str]) -> argparse.Namespace:
    parser = launch_options.parser("sweeps.local", __doc__)
    add = parser.add_argument
    add(
        "--jobs",
        type=int,
        metavar="N",
        help="runs side by side (default: one per GPU; on a CPU one per core)",
    )
    add("--devices", type=launch_options.names, metavar="0,1", help="GPUs to use (default: all)")
    add("--per-gpu", type=int, default=1, metavar="K", help="runs side by side on each GPU (default: 1)")
    add(
        "--cold",
        action="store_true",
        help="every run imports for itself, 5 s of a core (default on Linux: forks of a process that has)",
    )
    add(
        "--programme",
        action="store_true",
        help="all lines of sweeps/programme.toml, in its order, and no study",
    )
    options = parser.parse_args(argv)
    if options.programme and (
        strange := [
            name for name in ("study", "budget", "datasets", "variants", "seeds") if getattr(options, name)
        ]
    ):
        raise ValueError(f"the programme fixes its runs; leave out the {strange[0]}")
    for name in ("jobs", "per_gpu"):
        if (value := getattr(options, name)) is not None and value < 1:
            raise ValueError(f"--{name.replace('_', '-')} must be 1 or more, not {value}")
    return options


class Launcher:
    """Run cells in slots, show one overall progress, and go on when a cell fails.

    source: the cells that are needed as far as is known, in order; asked again whenever a run has ended, so that what
    the runs say may decide what comes next.
    """

    def __init__(
        self, source: Callable[[], list[Cell]], slots: list[Slot], options: argparse.Namespace
    ) -> None:
        self.source, self.slots, self.options, self.runs = source, slots, options, options.runs_dir
        self.cells: dict[str, Cell] = {cell.run_id: cell for cell in source()}  # all that were ever needed
        self.taken: set[str] = set()
        self.postponed: deque[Cell] = deque()  # another launcher is at them
        self.running: dict[str, Running] = {}
        self.codes: dict[str, int] = {}
        self.repeated: set[str] = set()  # killed once, and begun again
        self.seconds: dict[str, float] = {}  # that runs are expected to take
        self.begun, self.busy = time.monotonic(), 0.0  # busy: seconds of all slots
        self.ended = threading.Condition()
        self.stopped = threading.Event()

    def run(self) -> int:
        signal.signal(signal.SIGTERM, lambda *_: self.stop())
        signal.signal(signal.SIGINT, lambda *_: self.stop())
        with ThreadPoolExecutor(len(self.slots)) as pool:
            workers = [pool.submit(self.work, slot) for slot in self.slots]
            self.show_progress(lambda: all(worker.done() for worker in workers))
            for worker in workers:
                worker.result()  # raises what it died of
        for slot in self.slots:
            slot.close()
        return self.conclude()

    def work(self, slot: Slot) -> None:
        """Run one cell after another in a slot until no more are needed."""
        while chosen := self.next_cell():
            cell, wait = chosen
            try:
                code = self.code_elsewhere(cell, wait)
                if code is None:
                    code = self.start(cell, slot, wait)
                if self.was_killed(cell, code):
                    tqdm.write(
                        f"{state.title(cell)}: killed by {signal.Signals(-code).name}; once more",
                        file=sys.stderr,
                    )
                    code = self.start(cell, slot, wait)
            except OSError as error:
                tqdm.write(f"{state.title(cell)}: {error}", file=sys.stderr)
                code = FAILED
            with self.ended:
                if code == BUSY:
                    self.postponed.append(cell)
                else:
                    self.codes[cell.run_id] = code
                self.taken.discard(cell.run_id)
                self.ended.notify_all()

    def next_cell(self) -> tuple[Cell, bool] | None:
        """Return the next cell, and whether to wait for another launcher that is at it, as for those left to the end.

        Waits itself while runs are under way that may decide that more are needed; None when that is over.
        """
        with self.ended:
            while not self.stopped.is_set():
                cells = self.source()
                self.cells |= {cell.run_id: cell for cell in cells if cell.run_id not in self.cells}
                busy = {cell.run_id for cell in self.postponed} | self.taken
                fresh = [c for c in cells if c.run_id not in self.codes and c.run_id not in busy]
                if fresh or self.postponed:
                    cell = self.choose(fresh) if fresh else self.postponed.popleft()
                    self.taken.add(cell.run_id)
                    return cell, not fresh
                if not self.taken:
                    return None
                while not self.ended.wait(REFRESH_SECONDS) and not self.stopped.is_set():
                    pass
        return None

    def choose(self, cells: list[Cell]) -> Cell:
        """Return the cell to begin now."""
        if unknown := [cell for cell in cells if cell.run_id not in self.seconds]:
            costs = Costs(unknown, self.runs, timing=False)
            self.seconds |= {cell.run_id: costs.of(cell) for cell in unknown}
        under_way = [
            self.seconds[run_id] * (1 - unfinished.fraction(self.runs / run_id))
            for run_id in self.taken
            if run_id in self.seconds
        ]
        return order.next_cell(cells, lambda cell: self.seconds[cell.run_id], under_way, len(self.slots))

    def code_elsewhere(self, cell: Cell, wait: bool) -> int | None:
        """Return what another launcher has made of the cell since this one began, as an exit code; None if nothing."""
        if self.recorded(cell):
            return DONE
        return BUSY if not wait and not run_lock.free(self.runs / cell.run_id) else None

    def recorded(self, cell: Cell) -> bool:
        return (self.runs / cell.run_id / "record.json").exists()

    def start(self, cell: Cell, slot: Slot, wait: bool) -> int:
        more = ["--no-wandb"] * self.options.no_wandb + ["--wait"] * wait
        log = state.log(cell, self.runs)
        log.parent.mkdir(parents=True, exist_ok=True)
        begun = time.monotonic()
        process = slot.start(state.command(cell, self.runs, self.options.data_dir, *more), log)
        self.running[cell.run_id] = process
        if self.stopped.is_set():
            process.terminate()
        try:
            code = process.wait()
        finally:
            del self.running[cell.run_id]
            with self.ended:
                self.busy += time.monotonic() - begun
        # A run that diverged has failed, and yet has its result.
        return DONE if self.recorded(cell) else code

    def was_killed(self, cell: Cell, code: int) -> bool:
        """Return whether a run ended by a signal that wasn't this launcher's, for the first time: for lack of memory, say."""
        if code >= 0 or self.stopped.is_set() or cell.run_id in self.repeated:
            return False
        self.repeated.add(cell.run_id)
        return True

    def show_progress(self, over: Callable[[], bool]) -> None:
        """Show one bar in units of runs until all is over; fractions of the runs under way count."""
        bar = tqdm(
            total=len(self.cells),
            bar_format="{percentage:3.0f} %|{bar:24}| {elapsed}, {remaining} left  {postfix}",
            dynamic_ncols=True,
            disable=None,  # where there is no screen, finished runs are still named
        )
        told: set[str] = set()
        last = False
        while not last:
            last = over()
            for run_id in [run_id for run_id in dict(self.codes) if run_id not in told]:
                told.add(run_id)
                cell = self.cells[run_id]
                tqdm.write(f"{len(told):4d}/{len(self.cells)}  {state.title(cell)}: {self.outcome(cell)}")
                sys.stdout.flush()
            under_way = {
                self.cells[run_id]: unfinished.fraction(self.runs / run_id) for run_id in list(self.running)
            }
            bar.total, bar.n = len(self.cells), len(told) + sum(under_way.values())
            now = ", ".join(f"{cell.variant}/{cell.seed} {share:.0%}" for cell, share in under_way.items())
            bar.set_postfix_str(f"{len(told)}/{len(self.cells)} done; {now}")
            if not last:
                time.sleep(REFRESH_SECONDS / 10 if self.stopped.is_set() or over() else REFRESH_SECONDS)
        bar.close()

    def outcome(self, cell: Cell) -> str:
        code = self.codes[cell.run_id]
        if code == TERMINATED:
            return "stopped, progress saved"
        if code:
            return f"FAILED (exit code {code}), see {state.log(cell, self.runs)}"
        try:
            record = state.read(self.runs / cell.run_id / "record.json")
        except ValueError as error:
            return f"record damaged: {error}"
        if record.diverged:
            return f"diverged in epoch {record.diverged}"
        return f"test error {record.error:.2f} %{', did not start' * record.did_not_start}"

    def stop(self) -> None:
        """Start no new run, and have those under way save and stop: SIGTERM or Ctrl-C."""
        self.stopped.set()
        for process in list(self.running.values()):
            process.terminate()

    def conclude(self) -> int:
        elapsed = time.monotonic() - self.begun
        share = self.busy / (elapsed * len(self.slots))
        print(
            f"{number_of(len(self.slots), 'slot')} busy {share:.0%} of {duration(elapsed).removeprefix('about ')}"
        )
        if self.stopped.is_set():
            print("stopped; the runs under way have saved, and the same command goes on", file=sys.stderr)
            return TERMINATED
        failed = [
            cell
            for run_id, cell in self.cells.items()
            # What another launcher has finished since is done.
            if self.codes.get(run_id, DONE) != DONE and not self.recorded(cell)
        ]
        if failed:
            print(f"{len(failed)} of {number_of(len(self.cells), 'run')} failed:", file=sys.stderr)
            for cell in failed:
                print(f"  {state.title(cell)}: {state.log(cell, self.runs)}", file=sys.stderr)
            return FAILED
        print(as_typed("all done; `uv run -m reports` makes the report"))
        return DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
