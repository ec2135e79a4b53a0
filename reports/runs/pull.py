"""`uv run -m reports pull`: records of runs that W&B tracked, from its server or from folders of offline runs.

Every finished run of this project keeps its whole record as a file beside W&B's own (`lightning_modules/tracking.py`).
Each is committed as soon as it is here, so that an interrupted pull loses nothing, and one that is committed already
isn't fetched again. Of the reports, only this module and `publish` talk to W&B.
"""

import dataclasses
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from lightning_modules.data import catalogue
from lightning_modules.execution.wandb_login import Unreachable, answering, refusal
from lightning_modules.record import Record
from reports.runs import logs, records
from reports.runs.collect import Committed, contradiction

if TYPE_CHECKING:
    from wandb.apis.public import Run

RECORD = "record.json"
LOG = ".wandb"  # of a run, which has a copy of the record
PROJECT = re.compile(r"[^/\s]+/[^/\s]+")  # ENTITY/PROJECT
PICTURES = "report-pictures"  # job type of the run that `reports.pages.publish` logs the pages' pictures by
PER_PAGE = 200  # runs to a request; each brings its configuration and summary
PATIENCE = 3  # downloads in a row that may fail before the server is given up


def is_folder(source: str) -> bool:
    """Return whether a place to pull from is on this disk. W&B's client may leave empty folders named ENTITY/PROJECT."""
    folder = Path(source)
    if folder.suffix == LOG and folder.is_file():
        return True
    return folder.is_dir() and (any(folder.rglob(f"*{LOG}")) or not PROJECT.fullmatch(source))


def offline(places: Iterable[Path]) -> tuple[list[Record], list[str]]:
    """Read the records in W&B's own folders, these or any below them, and a line for each run that has none.

    places: folders, or logs of runs. Where the log, the `.wandb` file, is alone, the record is read from it. Raises
    ValueError if a folder holds no run of W&B's.
    """
    runs: list[tuple[str, Path]] = []
    for place in places:
        logs_there = [place] if place.is_file() else sorted(place.rglob(f"*{LOG}"))
        if not logs_there:
            raise ValueError(f"{place} holds no run of W&B's (expected folders such as offline-run-*)")
        runs += [(log.stem, log) for log in logs_there]
    whole: set[str] = set()
    finished: list[Record] = []
    complaints: list[tuple[str, str]] = []
    for run, log in sorted(runs, key=lambda run: not _beside(run[1]).is_file()):
        if (path := _beside(log)).is_file():
            good, skipped = records.read_file(path, whole_path=True)
            finished += good
            complaints += [("", line) for line in skipped]
            whole.add(run)
        elif run not in whole:
            try:
                finished.append(logs.read(log))
                whole.add(run)
            except ValueError as error:
                complaints.append(
                    (run, f"{log}: skipped, no {RECORD} beside it, and none in the log: {error}")
                )
    # a run that was interrupted has gone on in another folder, and ended there
    return finished, [line for run, line in complaints if run not in whole]


def _beside(log: Path) -> Path:
    """Where the record lies beside a log."""
    return log.parent / "files" / RECORD


# From the server


@dataclass(frozen=True)
class Tracked:
    """A finished or diverged run of this project as W&B lists it; `errors` of `images` as its record counts them."""

    run_id: str
    errors: int
    images: int
    where: str
    run: "Run"

    @property
    def error(self) -> float:
        """Test error in per cent."""
        return 100 * self.errors / self.images

    @property
    def origin(self) -> tuple[None, str | None, int | None]:
        """Return what `Record.origin` is of its record, as far as the summary tells."""
        machine = self.run.summary.get("machine")
        device, devices = (
            machine.get(name) if hasattr(machine, "get") else None for name in ("device", "devices")
        )
        return (
            None,
            device if isinstance(device, str) else None,
            devices if isinstance(devices, int) else None,
        )


def pull(project: str, committed: Committed, warn: Callable[[str], None]) -> Counter[str]:
    """Take the missing records of a W&B project, `ENTITY/PROJECT`, into the committed ones, and repeats on other machines.

    Returns how many are new by study ("": runs that no study declares, not fetched). warn: told in one line of each
    run that is left out, and why. Raises ValueError, in one line; what has been taken by then stays.
    """
    if not PROJECT.fullmatch(project):
        raise ValueError(f"{project} is neither ENTITY/PROJECT nor a folder of W&B's runs")
    check_login()
    counts = Counter[str]()
    failed = 0
    try:
        for same_run in tqdm(_listed(project, warn), desc=project, unit="run", disable=None):
            run_id = same_run[0].run_id
            known = [*committed.of_run.get(run_id, []), *committed.repeats.get(run_id, [])]
            if records.contradict([*known, *same_run]):
                warn(contradiction(run_id, known, same_run))
                continue
            others = _by_machine(same_run, {record.origin[1:] for record in known})
            if others and committed.study_of(run_id, None) is None:
                if not known:
                    counts[""] += 1
                continue
            for of_machine in others:
                try:
                    record = _first_whole(of_machine, warn)
                    failed = 0
                except Unreachable as error:
                    failed += 1
                    if failed == PATIENCE:
                        raise
                    warn(f"{of_machine[0].where}: skipped this time, {error}")
                    continue
                if record:
                    added, complaints = committed.add([record])
                    counts.update(added.counts)
                    for complaint in complaints:
                        warn(complaint)
    except Unreachable as error:
        fetched = sum(count for study, count in counts.items() if study)
        raise ValueError(
            f"cannot get at W&B's {project} ({error}); {fetched} new records are committed, and the same command goes on"
        ) from error
    return counts


def _listed(project: str, warn: Callable[[str], None]) -> list[list[Tracked]]:
    """The finished runs of this project, those of one training together, in the order in which they began."""
    os.environ.setdefault("WANDB_SILENT", "true")
    import wandb

    by_run: dict[str, list[Tracked]] = {}
    with answering():
        for run in wandb.Api().runs(project, per_page=PER_PAGE, lazy=False):
            if run.job_type == PICTURES:
                continue
            where = f"W&B {project}/{run.id}"
            if reason := _unfit(run):
                warn(f"{where}: skipped, {reason}")
                continue
            tracked = Tracked(run.config["run_id"], *_result(run), where, run)
            by_run.setdefault(tracked.run_id, []).append(tracked)
    return list(by_run.values())


def _unfit(run: "Run") -> str | None:
    """Why it is no finished or diverged run of this project; None if it is one."""
    if not isinstance(run.config.get("run_id"), str):
        return "not a run of this project (its config has no run_id)"
    if not (run.state == "finished" or (run.state == "failed" and run.summary.get("diverged"))):
        return f"not finished but {run.state}"
    try:
        errors, images = _result(run)
    except (KeyError, TypeError, ValueError):
        return "finished without a result in its summary"
    if not (type(errors) is type(images) is int and 0 <= errors <= images > 0):
        return "finished without a result in its summary"
    return None


def _result(run: "Run") -> tuple[int, int]:
    """Errors and test images as the run's record counts them; one that diverged guesses. Raises KeyError and the like."""
    if run.summary.get("diverged"):
        images = catalogue.find(run.config["dataset"]).test_images
        return images - round(images / run.config["classes"]), images
    return run.summary["test_errors"], run.summary["test_images"]


def _by_machine(same_run: list[Tracked], known: set[tuple]) -> list[list[Tracked]]:
    """The runs of each device, in their order, but of those that are known; one whose summary names none counts as known."""
    machines: dict[tuple, list[Tracked]] = {}
    for tracked in same_run:
        if not known or (tracked.origin[1:] not in known and tracked.origin[1] is not None):
            machines.setdefault(tracked.origin[1:], []).append(tracked)
    return list(machines.values())


def _first_whole(same_run: list[Tracked], warn: Callable[[str], None]) -> Record | None:
    for tracked in same_run:
        try:
            return _fetch(tracked)
        except ValueError as error:
            warn(f"{tracked.where}: skipped, {error}")
    return None


def _fetch(tracked: Tracked) -> Record:
    """Download and check a record. Raises ValueError with what is wrong with it."""
    with answering(), tempfile.TemporaryDirectory() as folder:
        file = next(iter(tracked.run.files(names=[RECORD])), None)
        if file:
            file.download(root=folder).close()
            text = (Path(folder) / RECORD).read_bytes()
    if file is None:
        raise ValueError(f"it carries no {RECORD} (tracked by an older version, or deleted there)")
    try:
        record = Record.parse(text, tracked.where)
    except ValueError as error:
        raise ValueError(f"its {RECORD} is damaged: {error}") from error
    if (record.run_id, record.errors, record.images) != (tracked.run_id, tracked.errors, tracked.images):
        raise ValueError(f"its {RECORD} and its summary contradict each other")
    # It was sent later, or a sweep found it done.
    return record if record.wandb else dataclasses.replace(record, wandb=tracked.run.url)


def check_login() -> None:
    """Check that W&B's client gets at its server. Raises ValueError, in one line, if not."""
    if reason := refusal():
        raise ValueError(f"W&B cannot be used, because {reason}")
