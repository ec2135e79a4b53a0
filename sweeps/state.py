"""What has been done of a study: read from disk, so that any launcher, here or elsewhere, goes on from there."""

import itertools
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from lightning_modules.finished import read
from lightning_modules.record import Record
from sweeps.study import Cell

PROGRAM = Path(__file__).parent.parent / "run.py"
RECORDS = Path(__file__).parent.parent / "reports" / "records"


def missing(cells: Iterable[Cell], runs: Path) -> list[Cell]:
    """Return the cells without a record in `runs` or among the committed ones, each training once."""
    by_id = {cell.run_id: cell for cell in cells}
    done = finished(runs) | committed()
    return [cell for run_id, cell in by_id.items() if run_id not in done]


def records(runs: Path) -> dict[str, Record]:
    """Return the records in `runs` and the committed ones, which stand against repetitions, by run id.

    Raises ValueError, in one line, for one that doesn't prove itself.
    """
    records = [read(runs / name / "record.json") for name in sorted(finished(runs))]
    for path in sorted(RECORDS.glob("*.jsonl")):
        records += [_parse(line, path) for line in path.read_text(encoding="utf-8").splitlines()]
    return {record.run_id: record for record in records}


def readable_records(runs: Path) -> Iterator[Record]:
    """Yield the same records but for damaged ones, for estimates, which do without any."""
    for name in sorted(finished(runs)):
        with suppress(ValueError, OSError):
            yield read(runs / name / "record.json")
    for path in sorted(RECORDS.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError):
                yield _parse(line, path)


def _parse(text: str, path: Path) -> Record:
    try:
        return Record.parse(text, str(path))
    except ValueError as error:
        raise ValueError(f"{path} is no record to go by ({error}); delete it to run again") from error


def finished(runs: Path) -> set[str]:
    """Return the ids of the runs that left a record in `runs`."""
    try:
        # Only folders that exist are looked into: a study may have ten thousand cells, and the disk be far away.
        with os.scandir(runs) as folders:
            return {entry.name for entry in folders if os.path.exists(f"{entry.path}/record.json")}
    except FileNotFoundError:
        return set()


def committed() -> set[str]:
    """Return the ids of the runs whose records came with the project; elsewhere a repetition would only contradict them."""
    texts = (path.read_text(encoding="utf-8") for path in RECORDS.glob("*.jsonl"))
    return {run_id for text in texts for run_id in re.findall(r'"run_id": "(\w+)"', text)}


def command(cell: Cell, runs: Path, data: Path, *more: str) -> list[str]:
    """Return run.py's arguments for a cell, without the interpreter."""
    fields = ("study", "variant", "dataset", "seed", "budget")
    named = {f"--{name}": str(getattr(cell, name)) for name in fields}
    named |= {"--runs-dir": str(runs), "--data-dir": str(data)}
    return [str(PROGRAM), *itertools.chain(*named.items()), *cell.options, *more]


def title(cell: Cell) -> str:
    """Return a cell in words."""
    return f"{cell.variant} on {cell.dataset}, seed {cell.seed} ({cell.run_id})"


def log(cell: Cell, runs: Path) -> Path:
    """Return where a launcher puts what a run says."""
    return runs / cell.run_id / "log.txt"
