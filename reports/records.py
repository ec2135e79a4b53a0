"""Records of finished runs: read, checked one by one, and never averaged where they contradict each other.

A record is one JSON object, format 1: a line of `reports/records/<study>.jsonl` (committed) or a file
`runs/<run id>/record.json` (left by a run on this machine). `read` is all that the reports know of the runs.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

FORMAT = 1
CURVES = ("train_loss", "train_error", "test_error", "lr", "images_per_second")
ERROR_TOLERANCE = 0.01  # percentage points: room for a writer that rounds to two decimals

NUMBER, OPTIONAL_TEXT = (int, float), (str, type(None))
FIELDS: dict[str, type | tuple[type, ...]] = {
    "run_id": str, "study": OPTIONAL_TEXT, "variant": OPTIONAL_TEXT, "arch": str, "knobs": dict,
    "dataset": str, "recipe": str, "budget": str, "seed": int, "config": dict,
    "parameters": int, "mult_adds": int, "test": dict, "best": (dict, type(None)), "curve": dict,
    "curve_test_images": (int, type(None)), "budget_spent": dict, "machine": dict, "versions": dict,
    "git": dict, "wall_seconds": NUMBER, "finished": str, "resumed": int, "wandb": OPTIONAL_TEXT,
    "test.images": int, "test.errors": int, "test.error": NUMBER, "test.loss": NUMBER,
    "curve.epoch": list, **{f"curve.{name}": list for name in CURVES},
    "budget_spent.epochs": int, "budget_spent.train_images": int,
    "budget_spent.of_epochs": int, "budget_spent.of_images": int,
    "machine.device": str, "machine.kind": str, "machine.devices": int, "machine.images_per_device": int,
    "git.commit": OPTIONAL_TEXT, "git.dirty": (bool, type(None)),
}  # fmt: skip


@dataclass(frozen=True)
class Record:
    """One finished run. Errors are percentages of the test images; `facts` is the whole JSON object."""

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
        found: dict[str, list[Record]] = {}
        for path in [*sorted(folder.glob("*.jsonl")), *sorted(folder.glob("*/record.json"))]:
            good, complaints = read_file(path)
            warnings += complaints
            for record in good:
                found.setdefault(record.run_id, []).append(record)
        for run_id, same_run in found.items():
            candidates = [kept[run_id], *same_run] if kept.get(run_id) else same_run
            if _agree(candidates):
                kept.setdefault(run_id, candidates[0])
                continue
            results = ", ".join(f"{record.error:.2f} % in {record.where}" for record in candidates)
            outcome = "the first is kept" if kept.get(run_id) else "all left out"
            warnings.append(f"run {run_id}: records contradict each other ({results}); {outcome}")
            kept.setdefault(run_id, None)
    return [record for record in kept.values() if record], warnings


def _agree(records: list[Record]) -> bool:
    return len({(record.errors, record.images) for record in records}) == 1


def read_file(path: Path) -> tuple[list[Record], list[str]]:
    """The records of a `.jsonl` or `.json` file, and one line for each that had to be skipped."""
    # without the folders above, so that a page that quotes a warning doesn't depend on the machine
    name = f"{path.parent.name}/{path.name}"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return [], [f"{name}: skipped, cannot be read as text ({error})"]
    found, warnings = [], []
    for number, line in enumerate(text.split("\n") if path.suffix == ".jsonl" else [text], start=1):
        if path.suffix == ".jsonl" and not line.strip():
            continue
        try:
            found.append(parse(line, f"{name}:{number}"))
        except json.JSONDecodeError as error:
            place = f"{name}:{number + error.lineno - 1}"
            warnings.append(f"{place}: skipped, not valid JSON ({error.msg} at column {error.colno})")
        except ValueError as error:
            warnings.append(f"{name}:{number}: skipped, {error}")
    return found, warnings


def parse(text: str, where: str) -> Record:
    """Turn one JSON text into a record. Raises ValueError with what is wrong, in one line."""
    facts = json.loads(text)
    if not isinstance(facts, dict) or "format" not in facts:
        raise ValueError("not a record of this project (no field 'format')")
    if facts["format"] != FORMAT:
        raise ValueError(f"format {facts['format']!r} is unknown here; this version reads format {FORMAT}")
    for name, kinds in FIELDS.items():
        _check_field(facts, name, kinds)
    test, curve = facts["test"], facts["curve"]
    if not 0 <= test["errors"] <= test["images"] or test["images"] == 0:
        raise ValueError(f"{test['errors']} errors in {test['images']} test images are impossible")
    error = 100 * test["errors"] / test["images"]
    if not math.isclose(error, test["error"], abs_tol=ERROR_TOLERANCE):
        raise ValueError(
            f"test.error is {test['error']}, but {test['errors']} of {test['images']} are {error:.2f} %"
        )
    if facts["machine"]["devices"] < 1 or facts["machine"]["images_per_device"] < 1:
        raise ValueError(
            f"machine.devices is {facts['machine']['devices']} and machine.images_per_device is "
            f"{facts['machine']['images_per_device']}; both are at least 1"
        )
    if not all(type(epoch) is int for epoch in curve["epoch"]):
        raise ValueError("curve.epoch holds something that is no whole number")
    for name in CURVES:
        if len(curve[name]) != len(curve["epoch"]):
            raise ValueError(f"curve.{name} has {len(curve[name])} values for {len(curve['epoch'])} epochs")
        if not all(value is None or _is_number(value) for value in curve[name]):
            raise ValueError(f"curve.{name} holds something that is no number")
    return Record(
        facts["run_id"], facts["variant"], facts["budget"], facts["dataset"], facts["seed"],
        test["errors"], test["images"], where, facts,
    )  # fmt: skip


def _check_field(facts: dict, name: str, kinds: type | tuple[type, ...]) -> None:
    parent, _, leaf = name.rpartition(".")
    holder = facts[parent] if parent else facts
    if leaf not in holder:
        raise ValueError(f"the field '{name}' is missing")
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    value = holder[leaf]
    # bool is a subclass of int: `"seed": true` must not pass for a number
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        expected = " or ".join("null" if kind is type(None) else kind.__name__ for kind in kinds)
        raise ValueError(f"the field '{name}' is {value!r}, expected {expected}")


def _is_number(value: object) -> bool:
    return isinstance(value, NUMBER) and not isinstance(value, bool)
