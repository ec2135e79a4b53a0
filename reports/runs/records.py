"""Records of finished runs: read, checked one by one, and never averaged where they contradict each other.

A line of `reports/records/<study>.jsonl` (committed) or a file `runs/<run id>/record.json` (left by a run on this
machine). `read` is all that the reports know of the runs; what a record is stands in `lightning_modules/record.py`.
"""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from lightning_modules.record import Record

REPEATS = "repeats"  # folder, below that of the records


def read(folders: Iterable[Path]) -> tuple[list[Record], list[str]]:
    """Read all records below `folders`, in a fixed order, and say in warnings what was left out and why.

    Looks at `<folder>/*.jsonl` and `<folder>/*/record.json`; a folder that doesn't exist holds no records.
    Records of one run with the same result are merged (the first one stays), and so are those of several machines,
    which may differ. Where one machine has different numbers of test errors, the one of an earlier folder stays;
    within a folder nothing says which is right, and all are left out.
    """
    chosen: dict[str, Record | None] = {}  # None: left out
    warnings: list[str] = []
    for folder in folders:
        readable, complaints = read_all(folder)
        warnings += complaints
        for run_id, same_run in by_run(readable).items():
            earlier = chosen.get(run_id)
            candidates = [earlier, *same_run] if earlier else same_run
            if not contradict(candidates):
                chosen.setdefault(run_id, earlier or first(same_run))
                if chosen[run_id] and agree(candidates) and (remark := of_several_commits(candidates)):
                    warnings.append(f"run {run_id}: {remark}; the first is kept")
                continue
            results = ", ".join(f"{record.error:.2f} % in {record.where}" for record in candidates)
            outcome = "the first is kept" if earlier else "all left out"
            warnings.append(f"run {run_id}: records contradict each other ({results}); {outcome}")
            chosen.setdefault(run_id, None)
    return [record for record in chosen.values() if record], warnings


def read_all(folder: Path, whole_paths: bool = False) -> tuple[list[Record], list[str]]:
    """Read all records below one folder, duplicates and contradictions too, and a line for each that had to be skipped."""
    readable, warnings = [], []
    for path in _files(folder):
        good, complaints = read_file(path, whole_paths)
        readable += good
        warnings += complaints
    return readable, warnings


def repeats(folders: Iterable[Path]) -> tuple[list[Record], list[str]]:
    """Read the records of runs done again on other machines, which count as no further seed, as `read_all` does."""
    found = [read_all(folder / REPEATS) for folder in folders]
    return [record for good, _ in found for record in good], [line for _, lines in found for line in lines]


def by_run(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Return the records of each run, in the order in which they come."""
    grouped: dict[str, list[Record]] = {}
    for record in records:
        grouped.setdefault(record.run_id, []).append(record)
    return grouped


def agree(records: Iterable[Record]) -> bool:
    """Return whether these records of one run have the same result."""
    return len({(record.errors, record.images) for record in records}) <= 1


def contradict(records: Iterable[Record]) -> bool:
    """Return whether these records of one run give several results of one machine; those of several may differ."""
    by_origin: dict[tuple, list[Record]] = {}
    for record in records:
        by_origin.setdefault(record.origin, []).append(record)
    return not all(map(agree, by_origin.values()))


def first(records: Iterable[Record]) -> Record:
    """Return the record of one run that counts, whatever its result: that of the earliest to finish."""
    return min(records, key=lambda record: record.finished)


def of_several_commits(records: Iterable[Record]) -> str | None:
    """Return what to say of records of one run that agree although different commits made them; None if one did."""
    commits = {record.git["commit"]: record.where for record in reversed(list(records))}
    if len(commits) < 2:
        return None
    places = ", ".join(
        f"{(commit or 'unknown')[:8]} in {where}" for commit, where in reversed(commits.items())
    )
    return f"different commits gave the same result ({places})"


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.glob("*.jsonl"))
    try:
        # Not glob, which would list each of a hundred thousand folders.
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries)
    except OSError:
        return
    for name in names:
        if os.path.isfile(f"{folder}/{name}/record.json"):
            yield folder / name / "record.json"


def read_file(path: Path, whole_path: bool = False) -> tuple[list[Record], list[str]]:
    """Read the records of a `.jsonl` or `.json` file, and one line for each that had to be skipped.

    They name the file without the folders above, so that a page that quotes a warning doesn't depend on the machine,
    unless its whole path is asked for, which tells machines apart.
    """
    readable, warnings = [], []
    name = str(path) if whole_path else "/".join(path.parts[-3 if path.name == "record.json" else -2 :])
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(file if path.suffix == ".jsonl" else [file.read()], start=1):
                if line.strip() or path.suffix != ".jsonl":
                    try:
                        readable.append(Record.parse(line.rstrip(b"\n"), f"{name}:{number}"))
                    except ValueError as error:
                        warnings.append(_skipped(name, number, error))
    except OSError as error:
        warnings.append(f"{name}: skipped, cannot be read ({error.strerror})")
    return readable, warnings


def _skipped(name: str, number: int, error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        where = f"{name}:{number + error.lineno - 1}"
        return f"{where}: skipped, not valid JSON ({error.msg} at column {error.colno})"
    if isinstance(error, UnicodeDecodeError):
        return f"{name}:{number}: skipped, cannot be read as text ({error})"
    return f"{name}:{number}: skipped, {error}"
