"""The options of `python -m reports contribute` and `check`, and what they do: records that go from hand to hand."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from architectures.spelling import did_you_mean, number_of
from lightning_modules.commands import as_typed
from lightning_modules.exit_codes import BAD_INPUT, DONE
from sweeps import study as studies

REPORTS = Path(__file__).parents[1]
RECORDS = REPORTS / "records"
CONTRIBUTIONS = REPORTS / "contributions"  # files that nobody has taken in yet


def add_options_of_contribute(add: Callable) -> None:
    """Add the options by argparse's `add_argument`."""
    add("studies", nargs="*", metavar="STUDY", help="studies whose records are packed (default: all)")
    add("--by", required=True, metavar="NAME", help="your name, which the pages will show")
    add("--runs-dir", type=Path, default=REPORTS.parent / "runs", metavar="FOLDER")
    add("--out", type=Path, default=CONTRIBUTIONS, metavar="FOLDER", help="default: reports/contributions/")


def contribute(options: argparse.Namespace) -> int:
    """Pack the records of this machine that pass every check, and say what was left out. Raises ValueError in one line."""
    for name in options.studies:
        if name not in studies.names():
            raise ValueError(f"unknown study {name!r}{did_you_mean(name, studies.names())}")

    from reports.runs import contributions
    from reports.runs.collect import Committed

    contributions.check_name(options.by)
    print(f"checking the records in {options.runs_dir}", file=sys.stderr, flush=True)
    study_of = Committed(RECORDS).study_of
    path, packed = contributions.pack(options.runs_dir, options.studies, options.by, study_of, options.out)
    _warn(packed.refused)
    print(f"written: {path}", str(packed), sep="\n")
    return DONE


def add_options_of_check(add: Callable) -> None:
    """Add the options by argparse's `add_argument`."""
    add("files", nargs="*", type=Path, metavar="FILE", help="default: those in reports/contributions/")
    add("--records", type=Path, default=RECORDS, metavar="FOLDER", help="what they are held against")


def check(options: argparse.Namespace) -> int:
    """Print a line for each record that is refused, and a summary a file; returns 0, or 2 if anything was refused."""
    paths = options.files or sorted(CONTRIBUTIONS.glob("*.jsonl"))
    if not paths:
        print("no file of records waits in reports/contributions/")
        return DONE

    from reports.runs import contributions
    from reports.runs.collect import Committed

    committed = Committed(options.records)
    refused = 0
    for path in paths:
        print(f"checking {path}", file=sys.stderr, flush=True)
        try:
            judged = contributions.read(path, committed.study_of)
        except ValueError as error:
            refused += 1
            print(as_typed(str(error)))
            continue
        added = committed.additions(judged.records)
        lines = [*judged.refused, *added.refused]
        refused += len(lines)
        new, repeats = (sum(map(len, part.values())) for part in (added.new, added.repeats))
        print(*lines, f"{path}: {judged}", sep="\n")
        known = len(judged.records) - new - repeats - len(added.refused)
        print(
            f"{path}: {new} new, {known} known, {number_of(repeats, 'repeat')} on other machines, {len(lines)} refused"
        )
    return BAD_INPUT if refused else DONE


def _warn(warnings: list[str]) -> None:
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)
