"""The W&B side of a run. The record is the truth; W&B mirrors it, and nothing that goes wrong with it ends a training.

Only the logger made here touches wandb in the training process: a second `wandb.init` breaks DDP.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.utilities import rank_zero_only
from pytorch_lightning.utilities.exceptions import SIGTERMException
from tqdm import tqdm

from lightning_modules.callbacks.progress import STEP_METRICS
from lightning_modules.commands import as_typed
from lightning_modules.configuration import WANDB_PROJECT, Configuration, Run
from lightning_modules.console import browsing, offline_folders, sync_command
from lightning_modules.data.batches import in_epoch
from lightning_modules.execution import environment
from lightning_modules.execution.wandb_login import Unreachable, answering, refusal
from lightning_modules.record import write

if TYPE_CHECKING:
    from wandb.sdk.wandb_run import Run as WandbRun

INIT_SECONDS = 30  # for a run to be made on the server, which has just answered
KEPT = timedelta(days=14)  # a checkpoint of a run under way, on W&B
FINISH_SECONDS = 60  # for what is left to be sent at the end; the rest stays on disk


class Tracker(WandbLogger):
    """Lightning's logger for W&B, of a run that has begun: where it fails, the tracking ends, and not the training."""

    failed = False

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        if self.failed:
            return
        try:
            with answering():
                super().log_metrics(metrics, step)
        except Unreachable as error:
            self.failed = True
            say(f"W&B: tracking ends here, because its client failed ({error}); the training goes on")


def start(run: Run, runs_dir: Path, counts: dict) -> Tracker | None:
    """Begin tracking a run, in the first of its processes: online, else offline, else not at all, and say why.

    The run's id is the configuration's hash; under `wandb agent` it is the sweep's, and the hash stands in the config as
    `run_id` in any case. All runs of a runs folder share its `wandb/`. counts: parameters and multiply-adds, by those
    names. Returns None if nothing is tracked. Raises ValueError as `flat`.
    """
    import wandb

    config = flat(run, counts)
    os.environ.setdefault("WANDB_SILENT", "true")  # its lines would break the progress bar
    if os.environ.get("WANDB_MODE") == "disabled":
        return None
    reason = refusal()
    if reason is None:
        try:
            with answering():
                tracker = _begin(run, runs_dir, config, "online")
            say(f"W&B: {tracker.experiment.url}\n{browsing(runs_dir)}")
            return tracker
        except Unreachable as error:  # it refuses the project, or has just fallen silent
            reason = f"no run could be made on its server ({error})"
            with suppress(Exception):
                wandb.teardown()  # its service still holds the run's id
    try:
        with answering():
            tracker = _begin(run, runs_dir, config, "offline")
    except Unreachable as error:
        say(f"W&B: this run is not tracked, because {reason}, and offline its client fails ({error})")
        return None
    say(f"W&B: offline, because {reason}\n{browsing(runs_dir)}")
    return tracker


def _begin(run: Run, runs_dir: Path, config: dict, mode: Literal["online", "offline"]) -> Tracker:
    import wandb

    configuration = run.configuration
    experiment = wandb.init(
        project=os.environ.get("WANDB_PROJECT", WANDB_PROJECT),
        name=f"{run.title} s{configuration.seed}",
        group=run.title,
        job_type="teacher" if run.teaches else "train",
        tags=[configuration.budget, configuration.dataset, configuration.arch],
        id=None if environment.in_sweep() else configuration.run_id,
        resume="allow",
        dir=runs_dir,
        mode=mode,
        config=config,
        settings=wandb.Settings(
            init_timeout=INIT_SECONDS, finish_timeout=FINISH_SECONDS, finish_timeout_raises=True
        ),
    )
    for axis, names in (("trainer/global_step", STEP_METRICS), ("epoch", ["*"])):
        experiment.define_metric(axis)
        for name in names:
            experiment.define_metric(name, step_metric=axis)
    return Tracker(experiment=experiment, project=experiment.project)


def flat(run: Run, counts: dict) -> dict:
    """Return the configuration as W&B groups by it: knobs, recipe and counts under their own names, no nesting.

    The recipe's number of epochs is `recipe_epochs`, as the run has its own. Raises ValueError if two values would have
    one name.
    """
    configuration = run.configuration
    values = configuration.as_dict()
    knobs, recipe = values.pop("knobs"), values.pop("recipe")
    recipe["recipe_epochs"] = recipe.pop("epochs")
    values["recipe"] = values.pop("recipe_name")
    if configuration.teacher:
        values["teacher"] = Configuration(**configuration.teacher).run_id
    merged = {"run_id": configuration.run_id, "study": run.study, "variant": run.variant}
    for part in (values, recipe, knobs, counts):
        if doubled := merged.keys() & part.keys():
            raise ValueError(f"two values of a run are called {', '.join(sorted(doubled))}")
        merged |= part
    return merged


def url(tracker: Tracker | None) -> str | None:
    """Return where the run can be looked at; None while it is offline or isn't tracked."""
    return (tracker and tracker.experiment.url) or None


def summary(record: dict) -> dict:
    """Return what W&B shows of a finished run: `test_error`, `ten_crop/top1_error` …, and where and when it ran."""
    outcome = {f"test_{name}": value for name, value in (record["test"] or {}).items()}
    for protocol, counted in record.get("evaluations", {}).items():
        outcome[f"{protocol}/top1_error"] = counted["error"]
        outcome[f"{protocol}/top5_error"] = counted.get("top5_error")
    names = ("diverged", "finished", "wall_seconds", "machine", "versions")
    outcome |= {name: record[name] for name in names}
    outcome |= {f"git_{name}": record["git"][name] for name in ("commit", "dirty")}
    return {name: value for name, value in outcome.items() if value is not None}


def logged(record: dict) -> dict:
    """Return `summary` with the whole record as text, for `reports/runs/logs.py`: a log keeps no number's every digit."""
    return summary(record) | {"_record": json.dumps(record)}


def finish(tracker: Tracker, record: dict, model: Path | None = None) -> None:
    """Put the headline into the run's summary and the whole record among its files, and close it; failed if it diverged.

    As a file, because it is the same on W&B and in the folder of an offline run, and is got one run at a time.
    model: a checkpoint to upload as Lightning does, as the artifact `model-<id>`, with the record beside it.
    """
    experiment = tracker.experiment
    try:
        with answering():
            experiment.summary.update(logged(record))
            copy = Path(experiment.dir) / "record.json"  # `reports/runs/pull.py` reads it there
            write(record, copy)
            experiment.save(copy, base_path=copy.parent, policy="now")
            if model:
                _log_model(experiment, model, copy)
    except Unreachable as error:
        say(f"W&B: its client failed at the end of the run ({error}); the record has all of it")
    _close(tracker, exit_code=0 if record["test"] else 1)


def log_progress(tracker: Tracker, checkpoint: Path) -> None:
    """Upload the checkpoint of a run under way, from which it can go on elsewhere (`--resume-from`); kept for KEPT."""
    if tracker.failed:
        return
    try:
        with answering():
            _log_model(tracker.experiment, checkpoint)
    except Unreachable as error:
        say(f"W&B: a checkpoint was not uploaded ({error}); the training goes on")


def _log_model(experiment: "WandbRun", checkpoint: Path, record: Path | None = None) -> None:
    import wandb

    artifact = wandb.Artifact(f"model-{experiment.id}", type="model")
    artifact.add_file(str(checkpoint), name="model.ckpt")
    if record:
        artifact.add_file(str(record))
    else:
        artifact.ttl = KEPT
    experiment.log_artifact(artifact, aliases=["latest"])


def _close(tracker: Tracker, exit_code: int) -> None:
    """Close the run within FINISH_SECONDS; what the server has not taken by then is on disk."""
    import wandb

    experiment = tracker.experiment
    try:
        with answering():
            experiment.finish(exit_code=exit_code)
    except Unreachable as error:
        began = Path(experiment.dir).parent
        rest = sync_command([*offline_folders(began.parents[1], experiment.id), began])
        late = isinstance(error.__cause__, TimeoutError)
        reason = f"its server did not take everything within {FINISH_SECONDS} seconds" if late else error
        say(f"W&B: {reason}; {rest} sends the rest")
        with suppress(Exception):  # a dead client would be closed again, with a traceback, when Python ends
            wandb.teardown()


@contextmanager
def closing(tracker: Tracker | None) -> Iterator[None]:
    """Close the run when what is done within ends in an exception; W&B would take it for finished otherwise.

    A run that was told to stop is queued again by its sweep, and the next free agent goes on under its id; one that
    failed is not.
    """
    try:
        yield
    except BaseException as error:
        stopped = isinstance(error, SIGTERMException)
        if tracker:
            if stopped and environment.in_sweep():
                with suppress(Exception):
                    tracker.experiment.mark_preempting()
            _close(tracker, exit_code=128 + signal.SIGTERM if stopped else 1)
        raise


def mirror(run: Run, record: dict, runs_dir: Path) -> None:
    """Give a sweep's run the curve and the headline of a run that had finished before the sweep came to it."""
    tracker = start(run, runs_dir, {name: record[name] for name in ("parameters", "mult_adds")})
    if tracker is None:
        return
    configuration = run.configuration
    batch, devices = configuration.recipe["batch_size"], record["machine"]["devices"]
    batches = in_epoch(configuration.train_images, batch, devices)
    for row in zip(*record["curve"].values(), strict=True):
        metrics = dict(zip(record["curve"], row, strict=True))
        tracker.log_metrics(metrics, step=metrics["epoch"] * batches)
    finish(tracker, record)


def say(line: str) -> None:
    """Print a line above a progress bar."""
    tqdm.write(as_typed(line), file=sys.stdout)
    sys.stdout.flush()
