"""The record: the JSON that a run leaves when it has finished or diverged, and the only thing that reports read.

A record is believed only if it proves itself: its configuration hashes to its id, what it says twice agrees, its images
are the catalogue's, its curve is as long as its training, its numbers are finite and in range, and its digest fits.
Nothing here imports torch.
"""

import hashlib
import json
import math
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_type_hints

from lightning_modules import files, protocols, provenance, recipes
from lightning_modules.configuration import Configuration
from lightning_modules.data import catalogue
from lightning_modules.json_fields import check_type, loads

FORMAT = 3
CURVE = ("epoch", "train_loss", "train_error", "curve_test_error", "lr", "images_per_second")
CHANCE_MARGIN = 2.0  # percentage points: a training error within it of chance has learnt nothing
BROKEN = 0.001  # share of an image folder's files that may be unreadable, and so not among the test images
TOLERANCE = 0.01  # percentage points: room for a writer that rounds to two decimals
_UNSEALED = ("digest", "wandb", "contributor")  # the others are found out later
_LEFT_OUT: dict[str, Any] = {"evaluations": {}, "contributor": None}  # not named where they say nothing

# What the parts of a record hold, beside what a newer version may add.
_PARTS: dict[str, dict[str, type | types.UnionType]] = {
    "test": {"images": int, "errors": int, "error": float, "loss": float},
    "curve": dict.fromkeys(CURVE, list),
    "budget_spent": {"epochs": int, "train_images": int, "of_epochs": int, "of_images": int},
    "machine": {
        "device": str, "kind": str, "devices": int, "images_per_device": int, "threads": int, "precision": str,
    },
    "best": {"epoch": int, "error": float},
    "git": {"commit": str | None, "dirty": bool | None},
}  # fmt: skip
_TOP5: dict[str, type] = {"top5_errors": int, "top5_error": float}  # of a test, where there are more classes


@dataclass(frozen=True, kw_only=True)
class Record:
    """One run: every field but `where` is a key of its JSON. Errors are in per cent, times in seconds.

    study, variant: what it was made for, None for a single run. plan: the hash of the programme's line that asked for
    it. config: `Configuration.as_dict()`, of which arch to seed and curve_test_images are the reader's short cuts. test:
    `ErrorCounter.result()` of all test images, once, after the last epoch; None of a run that diverged, in the epoch
    `diverged`. evaluations: the same of the same weights by other protocols (`protocols.BESIDE`). best: the epoch with
    the lowest error on all test images, which many papers print, never a headline here. curve: a list an epoch of each
    of `CURVE`, its test error on `curve_test_images`. git: the commit at the run's start. wall_seconds: over all
    interruptions, of which there were `resumed`. finished: in UTC. digest: `seal` of the rest. contributor: who sent it,
    if it came in a file of records. where: the file that it was read from.
    """

    format: int
    run_id: str
    study: str | None
    variant: str | None
    plan: str | None
    arch: str
    knobs: dict
    dataset: str
    recipe: str
    budget: str
    seed: int
    config: dict
    parameters: int
    mult_adds: int
    test: dict | None
    diverged: int | None
    did_not_start: bool
    best: dict | None
    curve: dict
    curve_test_images: int
    budget_spent: dict
    machine: dict
    versions: dict
    git: dict
    wall_seconds: float
    finished: str
    resumed: int
    wandb: str | None
    digest: str
    evaluations: dict = field(default_factory=dict)
    contributor: str | None = None
    where: str = field(default="", compare=False)

    def __hash__(self) -> int:
        return hash(self.run_id)  # not of the dictionaries, which equal records have alike

    @property
    def classes(self) -> int:
        return self.config["classes"]

    @property
    def images(self) -> int:
        """Return the test images that were counted; of a run that diverged, those that would have been."""
        return self.test["images"] if self.test else catalogue.find(self.dataset).test_images

    @property
    def errors(self) -> int:
        """Return the test images that were got wrong; of a run that diverged, as many as by guessing."""
        return self.test["errors"] if self.test else self.images - round(self.images / self.classes)

    @property
    def error(self) -> float:
        """Return the test error after the last epoch, in per cent."""
        return 100 * self.errors / self.images

    @property
    def origin(self) -> tuple[str | None, str, int]:
        """Return what tells the machines apart that made one run: who contributed it, device and number of devices."""
        return self.contributor, self.machine["device"], self.machine["devices"]

    def as_dict(self) -> dict:
        """Return the JSON object, without the fields of `_LEFT_OUT` that say nothing."""
        values = {name: getattr(self, name) for name in _types()}
        return {name: value for name, value in values.items() if name not in _LEFT_OUT or value}

    @classmethod
    def parse(cls, text: str | bytes, where: str) -> "Record":
        """Return the record in a JSON text. Raises ValueError, in one line, with what is wrong with it."""
        try:
            return cls._parse(text, where)
        except RecursionError:
            raise ValueError("not a record of this project (nested too deeply)") from None

    @classmethod
    def _parse(cls, text: str | bytes, where: str) -> "Record":
        values = loads(text)
        if not isinstance(values, dict) or "format" not in values:
            raise ValueError("not a record of this project (no field 'format')")
        if values["format"] != FORMAT:
            raise ValueError(
                f"format {values['format']!r} is unknown here; this version reads format {FORMAT}"
            )
        for name in values.keys() - _types().keys():
            raise ValueError(f"a record has no field {name!r}")
        for name, kind in _types().items():
            check_type(_LEFT_OUT | values, name, name, kind)
        for part, kinds in _PARTS.items():
            for name, kind in kinds.items() if values[part] is not None else ():
                check_type(values[part], name, f"{part}.{name}", kind)
        evaluations = values.get("evaluations", {})
        for name in evaluations:
            check_type(evaluations, name, f"evaluations.{name}", dict)
        for title, counted in _counted(values["test"], evaluations).items():
            of_five = _TOP5 if any(name in counted for name in _TOP5) else {}
            for name, kind in (_PARTS["test"] | of_five).items():
                check_type(counted, name, f"{title}.{name}", kind)
        json.dumps(values, ensure_ascii=False).encode()  # raises where a text holds half a character
        record = cls(**values, where=where)
        record.check()
        return record

    def check(self) -> None:
        """Raise ValueError, in one line, unless the record proves itself; see the module."""
        try:
            configuration = Configuration(**self.config)
            run_id = configuration.run_id
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"its config is none of this project's ({error})") from None
        if run_id != self.run_id:
            raise ValueError(f"its run_id is {self.run_id!r}, but its configuration is that of run {run_id}")
        for name in ("arch", "knobs", "dataset", "budget", "seed", "curve_test_images"):
            if getattr(self, name) != getattr(configuration, name):
                raise ValueError(f"its {name} is {getattr(self, name)!r}, and {name} of its config another")
        if self.recipe != configuration.recipe_name:
            raise ValueError(
                f"its recipe is {self.recipe!r}, and that of its config {configuration.recipe_name!r}"
            )
        data = catalogue.find(self.dataset)
        for title, stated, expected in (
            ("config.classes", configuration.classes, data.classes),
            ("config.stem", configuration.stem, data.stem),
            ("budget_spent.epochs", self.budget_spent["epochs"], configuration.epochs),
            ("budget_spent.train_images", self.budget_spent["train_images"], configuration.train_images),
            ("budget_spent.of_images", self.budget_spent["of_images"], data.train_images),
            ("machine.precision", self.machine["precision"], configuration.precision),
        ):
            if stated != expected or type(stated) is not type(expected):
                raise ValueError(f"its {title} is {stated!r}, but elsewhere it says {expected!r}")
        counts = {"parameters": self.parameters, "mult_adds": self.mult_adds} | {
            f"machine.{name}": self.machine[name] for name in ("devices", "images_per_device", "threads")
        }
        for title, count in counts.items():
            if count < 1:
                raise ValueError(f"its {title} is {count}, expected 1 or more")
        for title in ("wall_seconds", "resumed"):
            if getattr(self, title) < 0:
                raise ValueError(f"its {title} is {getattr(self, title)}, expected 0 or more")
        try:
            datetime.strptime(self.finished, provenance.TIME)
        except ValueError:
            raise ValueError(f"its finished is {self.finished!r}, expected a time in UTC") from None
        self._check_curve(configuration)
        self._check_test()
        if self.did_not_start != did_not_start(self.curve, self.classes):
            raise ValueError(f"its did_not_start is {self.did_not_start}, which its curve contradicts")
        if self.digest != seal(self.as_dict()):
            raise ValueError("its digest doesn't fit: it was changed after the run wrote it")

    def _check_curve(self, configuration: Configuration) -> None:
        epochs = self.diverged - 1 if self.diverged else configuration.epochs
        if self.diverged is not None and not 1 <= self.diverged <= configuration.epochs:
            raise ValueError(f"it diverged in epoch {self.diverged} of {configuration.epochs}")
        if self.curve["epoch"] != list(range(1, epochs + 1)):
            raise ValueError(f"its curve hasn't the {epochs} epochs of its training")
        for name in CURVE:
            if len(self.curve[name]) != epochs:
                raise ValueError(f"curve.{name} has {len(self.curve[name])} values for {epochs} epochs")
            # Sets of types: the values themselves are thousands, in each of many records.
            if not set(map(type, self.curve[name])) <= {int, float}:
                raise ValueError(f"curve.{name} holds something that is no number")
            highest = 100 if name.endswith("error") else math.inf
            if epochs and not 0 <= min(self.curve[name]) <= max(self.curve[name]) <= highest:
                raise ValueError(f"curve.{name} is out of range")
        if self.best != (best := best_epoch(self.curve, configuration)):
            raise ValueError(f"its best is {self.best}, and that of its curve {best}")

    def _check_test(self) -> None:
        if (self.test is None) != (self.diverged is not None):
            raise ValueError("a run has either a test or diverged")
        protocols.check_names(tuple(self.evaluations))
        if self.evaluations and not isinstance(catalogue.find(self.dataset), catalogue.FolderDataset):
            raise ValueError(f"{self.dataset} has images of one size, and no evaluations beside the test")
        if self.evaluations and self.test is None:
            raise ValueError("a run that diverged has no evaluations")
        for title, counted in _counted(self.test, self.evaluations).items():
            self._check_counts(title, counted)

    def _check_counts(self, title: str, counted: dict) -> None:
        images = counted["images"]
        data = catalogue.find(self.dataset)
        fewest = (
            data.test_images * (1 - BROKEN) if isinstance(data, catalogue.FolderDataset) else data.test_images
        )
        if not fewest <= images <= data.test_images:
            raise ValueError(f"{images:,} test images were counted; {data.title} has {data.test_images:,}")
        for name in ("", "top5_") if "top5_errors" in counted else ("",):
            errors = counted[f"{name}errors"]
            if not 0 <= errors <= images:
                raise ValueError(f"{errors} errors in {images} test images are impossible")
            if abs(counted[f"{name}error"] - 100 * errors / images) > TOLERANCE:
                raise ValueError(
                    f"{title}.{name}error is {counted[f'{name}error']}, but {errors} of {images} are "
                    f"{100 * errors / images:.2f} %"
                )
        if counted["loss"] < 0:
            raise ValueError(f"{title}.loss is at least 0")


def seal(values: Mapping) -> str:
    """Return the digest of a record's JSON object: SHA-256 of all but itself and `wandb`, in canonical form."""
    sealed = {name: value for name, value in values.items() if name not in _UNSEALED}
    text = json.dumps(sealed, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def make(
    configuration: Configuration,
    *,
    study: str | None,
    variant: str | None,
    plan: str | None = None,
    counts: dict,
    tested: dict | None,
    evaluations: Mapping[str, dict] = MappingProxyType({}),
    diverged: int | None = None,
    history: list[dict],
    machine: dict,
    git: dict,
    wall_seconds: float,
    resumed: int,
    wandb_url: str | None,
) -> dict:
    """Return the JSON object of a run's record, checked and sealed; arguments as the fields of `Record`.

    counts: {"parameters", "mult_adds"}; history: a row per epoch that ended, its keys `CURVE`. Raises as `parse`.
    """
    data = catalogue.find(configuration.dataset)
    curve = {name: [row[name] for row in history] for name in CURVE}
    values = {
        "format": FORMAT, "run_id": configuration.run_id, "study": study, "variant": variant, "plan": plan,
        "arch": configuration.arch, "knobs": configuration.knobs, "dataset": configuration.dataset,
        "recipe": configuration.recipe_name, "budget": configuration.budget, "seed": configuration.seed,
        "config": configuration.as_dict(), **counts, "test": tested, "diverged": diverged,
        "did_not_start": did_not_start(curve, configuration.classes),
        "best": best_epoch(curve, configuration),
        "curve": curve, "curve_test_images": configuration.curve_test_images,
        "budget_spent": {
            "epochs": configuration.epochs, "train_images": configuration.train_images,
            "of_epochs": recipes.find(configuration.recipe_name).epochs, "of_images": data.train_images,
        },
        "machine": machine, "versions": provenance.versions(), "git": git, "wall_seconds": round(wall_seconds, 1),
        "finished": provenance.now(), "resumed": resumed, "wandb": wandb_url,
    }  # fmt: skip
    if evaluations:
        values["evaluations"] = dict(evaluations)
    values = json.loads(json.dumps(values))  # as a reader will have them: tuples are lists
    values["digest"] = seal(values)
    Record.parse(json.dumps(values), where="")
    return values


def did_not_start(curve: dict, classes: int) -> bool:
    """Return whether a run never learnt: its recipe, not its network, decided its error, so no test may use it.

    It didn't if the mean loss of its first epoch exceeds 2 ln(classes), twice that of an even guess, or if its
    training error ends within two points of chance. A run that diverged before its first epoch ended has no curve,
    and is called diverged alone.
    """
    if not curve["epoch"]:
        return False
    chance = 100 - 100 / classes
    return (
        curve["train_loss"][0] > 2 * math.log(classes) or curve["train_error"][-1] >= chance - CHANCE_MARGIN
    )


def best_epoch(curve: dict, configuration: Configuration) -> dict | None:
    """Return the epoch with the lowest error, the first of several; None unless it is of all test images."""
    if configuration.curve_test_images != catalogue.find(configuration.dataset).test_images:
        return None
    epochs = zip(curve["epoch"], curve["curve_test_error"], strict=True)
    epoch, error = min(epochs, key=lambda row: row[1], default=(0, 0.0))
    return {"epoch": epoch, "error": error} if epoch else None


def write(record: dict, path: Path) -> None:
    """Write it whole or not at all: a record on disk is a whole record."""
    files.write(path, (json.dumps(record, indent=1) + "\n").encode())


@cache
def _types() -> dict[str, Any]:
    """Return the keys of a record's JSON object, with their types."""
    return {name: kind for name, kind in get_type_hints(Record).items() if name != "where"}


def _counted(test: dict | None, evaluations: Mapping[str, dict]) -> dict[str, dict]:
    """The test, if there is one, and the evaluations beside it, by their places in the record."""
    counted = {f"evaluations.{name}": part for name, part in evaluations.items()}
    return ({"test": test} if test is not None else {}) | counted
