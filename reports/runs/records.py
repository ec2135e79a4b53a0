"""Records of finished runs: read, checked one by one, and never averaged where they contradict each other.

A record is one JSON object, format 1: a line of `reports/records/<study>.jsonl` (committed) or a file
`runs/<run id>/record.json` (left by a run on this machine). `read` is all that the reports know of the runs.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lightning_modules.data.catalogue import DATASETS

FORMAT = 2
CURVES = ("train_loss", "train_error", "curve_test_error", "lr", "images_per_second")
ERROR_TOLERANCE = 0.01  # percentage points: room for a writer that rounds to two decimals

NUMBER, OPTIONAL_TEXT = (int, float), (str, type(None))
FIELDS: dict[str, type | tuple[type, ...]] = {
    "run_id": str, "study": OPTIONAL_TEXT, "variant": OPTIONAL_TEXT, "arch": str, "knobs": dict,
    "plan": OPTIONAL_TEXT, "dataset": str, "recipe": str, "budget": str, "seed": int, "config": dict,
    "parameters": int, "mult_adds": int,
    "diverged": (int, type(None)), "did_not_start": bool, "best": (dict, type(None)), "curve": dict,
    "curve_test_images": (int, type(None)), "budget_spent": dict, "machine": dict, "versions": dict,
    "git": dict, "wall_seconds": NUMBER, "finished": str, "resumed": int, "wandb": OPTIONAL_TEXT,
    "curve.epoch": list, **{f"curve.{name}": list for name in CURVES},
    "budget_spent.epochs": int, "budget_spent.train_images": int,
    "budget_spent.of_epochs": int, "budget_spent.of_images": int,
    "machine.device": str, "machine.kind": str, "machine.devices": int, "machine.images_per_device": int,
    "git.commit": OPTIONAL_TEXT, "git.dirty": (bool, type(None)),
}  # fmt: skip
# Of a run that diverged the record holds no test.
TESTED: dict[str, type | tuple[type, ...]] = {
    "test": dict, "test.images": int, "test.errors": int, "test.error": NUMBER, "test.loss": NUMBER,
}  # fmt: skip


# The same, taken apart once: (whole name, field that holds it, its own name, types).
def _parts(declared: dict) -> list[tuple]:
    return [
        (name, *name.rpartition(".")[::2], kinds if isinstance(kinds, tuple) else (kinds,))
        for name, kinds in declared.items()
    ]


_PARTS, _TESTED_PARTS = _parts(FIELDS), _parts(TESTED)


@dataclass(frozen=True, slots=True)
class Record:
    """One finished run, or one that diverged, which counts as guessing; `facts` is the whole JSON object.

    errors: of `images` test images; of a run that diverged those of an even guess.
    """

    run_id: str
    variant: str | None
    budget: str
    dataset: str
    seed: int
    errors: int
    images: int
    where: str
    facts: Mapping = field(repr=False, compare=False)

    @property
    def error(self) -> float:
        """Test error after the last epoch, in per cent."""
        return 100 * self.errors / self.images

    @property
    def diverged(self) -> int | None:
        """The epoch in which the loss was no number any more."""
        return self.facts["diverged"]

    @property
    def did_not_start(self) -> bool:
        """Whether it never learnt, so that no test may use it."""
        return self.facts["did_not_start"]


def read(folders: Iterable[Path]) -> tuple[list[Record], list[str]]:
    """Read all records below `folders`, in a fixed order, and say in warnings what was left out and why.

    Looks at `<folder>/*.jsonl` and `<folder>/*/record.json`; a folder that doesn't exist holds no records.
    Records of one run with the same result are merged (the first one stays). Where they have different numbers
    of test errors, the one of an earlier folder stays, so that a committed record stands against a repetition
    on another machine; within a folder nothing says which is right, and all are left out.
    """
    kept: dict[str, Record | None] = {}  # None: left out
    warnings: list[str] = []
    for folder in folders:
        found, complaints = read_all(folder)
        warnings += complaints
        for run_id, same_run in by_run(found).items():
            candidates = [kept[run_id], *same_run] if kept.get(run_id) else same_run
            if agree(candidates):
                kept.setdefault(run_id, candidates[0])
                if kept[run_id] and (remark := of_several_commits(candidates)):
                    warnings.append(f"run {run_id}: {remark}; the first is kept")
                continue
            results = ", ".join(f"{record.error:.2f} % in {record.where}" for record in candidates)
            outcome = "the first is kept" if kept.get(run_id) else "all left out"
            warnings.append(f"run {run_id}: records contradict each other ({results}); {outcome}")
            kept.setdefault(run_id, None)
    return [record for record in kept.values() if record], warnings


def read_all(folder: Path, whole_paths: bool = False) -> tuple[list[Record], list[str]]:
    """All records below one folder, duplicates and contradictions too, and a line for each that had to be skipped."""
    found, warnings = [], []
    for path in _files(folder):
        good, complaints = read_file(path, whole_paths)
        found += good
        warnings += complaints
    return found, warnings


def by_run(records: Iterable[Record]) -> dict[str, list[Record]]:
    """The records of each run, in the order in which they come."""
    grouped: dict[str, list[Record]] = {}
    for record in records:
        grouped.setdefault(record.run_id, []).append(record)
    return grouped


def agree(records: Iterable[Record]) -> bool:
    """Whether these records of one run have the same result."""
    return len({(record.errors, record.images) for record in records}) <= 1


def of_several_commits(records: Iterable[Record]) -> str | None:
    """What to say of records of one run that agree although different commits made them; None if one did."""
    commits = {record.facts["git"]["commit"]: record.where for record in reversed(list(records))}
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
    """The records of a `.jsonl` or `.json` file, and one line for each that had to be skipped.

    They name the file without the folders above, so that a page that quotes a warning doesn't depend on the machine,
    unless its whole path is asked for, which tells machines apart.
    """
    found, warnings = [], []
    name = str(path) if whole_path else "/".join(path.parts[-3 if path.name == "record.json" else -2 :])
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(file if path.suffix == ".jsonl" else [file.read()], start=1):
                if line.strip() or path.suffix != ".jsonl":
                    try:
                        found.append(parse(line.rstrip(b"\n"), f"{name}:{number}"))
                    except ValueError as error:
                        warnings.append(_skipped(name, number, error))
    except OSError as error:
        warnings.append(f"{name}: skipped, cannot be read ({error.strerror})")
    return found, warnings


def _skipped(name: str, number: int, error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        place = f"{name}:{number + error.lineno - 1}"
        return f"{place}: skipped, not valid JSON ({error.msg} at column {error.colno})"
    if isinstance(error, UnicodeDecodeError):
        return f"{name}:{number}: skipped, cannot be read as text ({error})"
    return f"{name}:{number}: skipped, {error}"


def parse(text: bytes, where: str) -> Record:
    """Turn one JSON text into a record. Raises ValueError with what is wrong, in one line."""
    try:
        facts = json.loads(text)
    except RecursionError:
        raise ValueError("not a record of this project (nested too deeply)") from None
    if not isinstance(facts, dict) or "format" not in facts:
        raise ValueError("not a record of this project (no field 'format')")
    if facts["format"] != FORMAT:
        raise ValueError(f"format {facts['format']!r} is unknown here; this version reads format {FORMAT}")
    for part in _PARTS:
        _check_field(facts, *part)
    if facts["diverged"] is None:
        for part in _TESTED_PARTS:
            _check_field(facts, *part)
        test = facts["test"]
    else:
        images = DATASETS[facts["dataset"]].test_images if facts["dataset"] in DATASETS else 1
        guessed = images - round(images / facts["config"]["classes"])
        test = {"images": images, "errors": guessed, "error": 100 * guessed / images}
    curve = facts["curve"]
    if not 0 <= test["errors"] <= test["images"] or test["images"] == 0:
        raise ValueError(f"{test['errors']} errors in {test['images']} test images are impossible")
    error = 100 * test["errors"] / test["images"]
    if not error - ERROR_TOLERANCE <= test["error"] <= error + ERROR_TOLERANCE:
        raise ValueError(
            f"test.error is {test['error']}, but {test['errors']} of {test['images']} are {error:.2f} %"
        )
    if facts["machine"]["devices"] < 1 or facts["machine"]["images_per_device"] < 1:
        raise ValueError(
            f"machine.devices is {facts['machine']['devices']} and machine.images_per_device is "
            f"{facts['machine']['images_per_device']}; both are at least 1"
        )
    # Sets of types: the values themselves are thousands, in each of many records.
    if not set(map(type, curve["epoch"])) <= {int}:
        raise ValueError("curve.epoch holds something that is no whole number")
    for name in CURVES:
        if len(curve[name]) != len(curve["epoch"]):
            raise ValueError(f"curve.{name} has {len(curve[name])} values for {len(curve['epoch'])} epochs")
        if not set(map(type, curve[name])) <= {int, float, type(None)}:
            raise ValueError(f"curve.{name} holds something that is no number")
    for name in ("study", "variant", "budget", "dataset"):
        facts[name] = facts[name] and sys.intern(facts[name])  # the same few words in every record
    return Record(
        facts["run_id"], facts["variant"], facts["budget"], facts["dataset"], facts["seed"],
        test["errors"], test["images"], where, facts,
    )  # fmt: skip


def _check_field(facts: dict, name: str, parent: str, leaf: str, kinds: tuple[type, ...]) -> None:
    holder = facts[parent] if parent else facts
    if leaf not in holder:
        raise ValueError(f"the field '{name}' is missing")
    value = holder[leaf]
    # bool is a subclass of int: `"seed": true` must not pass for a number
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        expected = " or ".join("null" if kind is type(None) else kind.__name__ for kind in kinds)
        raise ValueError(f"the field '{name}' is {value!r}, expected {expected}")
