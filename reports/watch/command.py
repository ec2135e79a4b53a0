"""The options of `python -m reports watch`, and what it does; heavy imports come after their check."""

import argparse
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from lightning_modules.exit_codes import DONE
from sweeps import study as studies
from sweeps.options import names

LONGEST_INTERVAL = 86_400.0  # seconds


def add_options(add: Callable) -> None:
    """Add the options by argparse's `add_argument`."""
    add("study", nargs="?", metavar="STUDY", help="the study to watch")
    add("--programme", action="store_true", help="watch the planned programme, and no study")
    add("--budget", choices=studies.BUDGETS, help="default: those at which a run was begun")
    add("--datasets", type=names, metavar="A,B", help="default: the study's")
    add("--runs-dir", type=Path, default=Path("runs"), metavar="DIR")
    add("--out", type=Path, metavar="FILE", help="the page (default: STUDY.html in the runs' folder)")
    add("--interval", type=float, default=10.0, metavar="SECONDS", help="between two looks (default: 10)")
    add("--once", action="store_true", help="write the page and end")
    add("--serve", nargs="?", type=int, const=8000, metavar="PORT",
        help="serve the page on 127.0.0.1, for a browser here or behind an ssh tunnel (default: port 8000)")  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Write the page, serve it if asked, and keep it up to date until a signal comes. Raises ValueError, in one line."""
    if bool(options.study) == options.programme:
        raise ValueError(
            "say which study to watch, or --programme (`uv run -m sweeps list` names the studies)"
        )
    if options.programme and (options.budget or options.datasets):
        raise ValueError("the programme fixes its runs: leave out --budget and --datasets")
    if options.once and options.serve is not None:
        raise ValueError("--once ends at once: leave out --serve, or --once")
    if not 0 < options.interval <= LONGEST_INTERVAL:
        raise ValueError(f"--interval is a number of seconds above 0, not {options.interval:g}")
    page = options.out or options.runs_dir / f"{options.study or 'programme'}.html"
    if options.programme:
        title, look = "The programme", _look_at_programme()
    else:
        title, look = _look_at_study(options)

    from reports.watch.folder import RunsFolder
    from reports.watch.watching import served, tunnel, watch

    print(f"page: {page}", flush=True)
    with ExitStack() as stack:
        if options.serve is not None:
            address = stack.enter_context(served(page, options.serve))
            print(f"served at {address} (from another machine: {tunnel(address)})", flush=True)
        try:
            watch(title, look, RunsFolder(options.runs_dir), page, None if options.once else options.interval)
        except OSError as error:
            raise ValueError(f"cannot write {page} ({error.strerror}); choose another --out") from error
    return DONE


def _look_at_programme() -> Callable:
    from reports.watch import sections
    from sweeps import programme

    lines = programme.read()
    return lambda runs: sections.of_programme(lines, runs)


def _look_at_study(options: argparse.Namespace) -> tuple[str, Callable]:
    study = studies.read(options.study)
    datasets = options.datasets or study.datasets
    budgets = [options.budget] if options.budget else studies.BUDGETS
    studies.cells(study, budgets[0], datasets=datasets)  # raises for a data set that the study doesn't have

    from reports.watch import sections

    return study.title, lambda runs: sections.of_study(study, budgets, datasets, runs)
