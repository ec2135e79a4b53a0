"""The W&B side of a run. The record is the truth; W&B mirrors it.

Only the logger made here touches wandb in the training process: a second `wandb.init` breaks DDP.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.utilities.exceptions import SIGTERMException

from lightning_modules.configuration import WANDB_PROJECT, Configuration, Run
from lightning_modules.execution import environment
from lightning_modules.record import write


def mode() -> str:
    """Online with a key, offline without one, or as WANDB_MODE says; never a prompt, never a wait for a login."""
    return os.environ.get("WANDB_MODE") or ("online" if environment.has_wandb_key() else "offline")


def logger(run: Run, folder: Path, counts: dict) -> WandbLogger:
    """Start tracking a run: its id is the configuration's hash, its config flat and complete.

    Under `wandb agent` the id is the sweep's; the hash stands in the config as `run_id` in any case.
    """
    os.environ["WANDB_MODE"] = mode()
    os.environ.setdefault(
        "WANDB_SILENT", "true"
    )  # its lines would break the progress bar; run.py says where to look
    configuration = run.configuration
    tracker = WandbLogger(
        project=os.environ.get("WANDB_PROJECT", WANDB_PROJECT),
        name=f"{run.title} {configuration.dataset} seed {configuration.seed}",
        group=run.study,
        id=None if environment.in_sweep() else configuration.run_id,
        resume="allow",
        save_dir=folder,
        config=flat(run) | counts,
    )
    tracker._wandb_init.pop("anonymous")  # Lightning passes it, and wandb warns that it means nothing
    return tracker


def flat(run: Run) -> dict:
    """Return the configuration as W&B groups by it: knobs and recipe under their own names, no nesting."""
    configuration = run.configuration
    values = configuration.as_dict()
    knobs, recipe = values.pop("knobs"), values.pop("recipe")
    if configuration.teacher:
        values["teacher"] = Configuration(**configuration.teacher).run_id
    return {
        "run_id": configuration.run_id,
        "study": run.study,
        "variant": run.variant,
        **{k: v for k, v in values.items() if k != "recipe_name"},
        "recipe": configuration.recipe_name,
        **recipe,
        **knobs,
    }


def url(tracker: WandbLogger) -> str | None:
    """Where the run can be looked at; None while it is offline."""
    return tracker.experiment.url or None


def finish(tracker: WandbLogger, record: dict) -> None:
    """Put the headline into the run's summary and the whole record among its files, and close it; failed if it diverged.

    As a file, because it is the same on W&B and in the folder of an offline run, where nothing else of W&B's can be
    read without sending it (the log of transactions has no reader in Python), and is got one run at a time.
    """
    test = record["test"] or {}
    summary = {
        "test_error": test.get("error"),
        "test_errors": test.get("errors"),
        "test_images": test.get("images"),
        "diverged": record["diverged"],
        "finished": record["finished"],
        "git_commit": record["git"]["commit"],
        "git_dirty": record["git"]["dirty"],
        "wall_seconds": record["wall_seconds"],
        "machine": record["machine"],
        "versions": record["versions"],
    }
    tracker.experiment.summary.update({name: value for name, value in summary.items() if value is not None})
    copy = Path(tracker.experiment.dir) / "record.json"  # `reports/pull.py` reads it there
    write(record, copy)
    tracker.experiment.save(copy, base_path=copy.parent, policy="now")
    tracker.experiment.finish(exit_code=0 if test else 1)


@contextmanager
def closing(tracker: WandbLogger | None) -> Iterator[None]:
    """Close the run when what is done within ends in an exception; W&B would take it for finished otherwise.

    A run that was told to stop is queued again by its sweep, and the next free agent goes on under its id; one that
    failed is not.
    """
    try:
        yield
    except BaseException as error:
        stopped = isinstance(error, SIGTERMException)
        if tracker and tracker._experiment is not None:  # the run has begun, and this is the first process
            if stopped and environment.in_sweep():
                tracker.experiment.mark_preempting()
            tracker.experiment.finish(exit_code=128 + signal.SIGTERM if stopped else 1)
        raise


def mirror(run: Run, record: dict, folder: Path) -> None:
    """Give a sweep's run the curve and the headline of a run that had finished before the sweep came to it."""
    counts = {name: record[name] for name in ("parameters", "mult_adds")}
    tracker = logger(run, folder, counts)
    curve = record["curve"]
    for row in zip(*curve.values(), strict=True):
        metrics = dict(zip(curve, row, strict=True))
        tracker.log_metrics(metrics, step=metrics["epoch"])
    finish(tracker, record)
