"""One run from its configuration to its record."""

import logging
import re
import signal
import sys
import time
import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger, Logger, TensorBoardLogger
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.utilities.exceptions import MisconfigurationException, SIGTERMException
from torch import nn

from architectures.counting import count
from lightning_modules import distillation, evaluator, files, provenance, record, tracking
from lightning_modules.callbacks.checkpointing import AtomicCheckpointIO, SaveProgress, StopOnSigterm
from lightning_modules.callbacks.one_run import OneRun, UnlikeProcesses
from lightning_modules.callbacks.progress import EpochLines, Progress, StepCurve
from lightning_modules.callbacks.uploading import UploadProgress
from lightning_modules.callbacks.weight_averaging import MovingAverage
from lightning_modules.classifier import Classifier, Diverged
from lightning_modules.configuration import Configuration, Run
from lightning_modules.data import data_module
from lightning_modules.execution import environment
from lightning_modules.execution.allocator import keep_freed_memory
from lightning_modules.execution.machine import (
    CannotRun,
    LightningPrecision,
    Machine,
    describe,
    set_precision,
)
from lightning_modules.protocols import PROTOCOLS
from lightning_modules.recipes import Recipe
from lightning_modules.weights import integrity

if TYPE_CHECKING:
    from lightning_modules.data.image_folder_module import ImageFolderDataModule
    from lightning_modules.data.module import CIFARDataModule

# How long a process waits for the others of its run. They load and evaluate at about the same pace.
TIMEOUT = timedelta(minutes=10)


class Terminated(RuntimeError):
    """SIGTERM came, and progress is saved."""


class LostProcess(RuntimeError):
    """Another process of this run is gone, so that this one cannot go on."""


def train(
    run: Run,
    folder: Path,
    machine: Machine,
    *,
    teacher: Path | None = None,
    counts: dict | None = None,
    before: Callable[[Classifier], None] | None = None,
) -> dict:
    """Train, or go on training, test, evaluate by the run's protocols and write `folder/record.json`.

    Returns the record, also of a run that diverged.

    teacher: the folder of the teacher's finished run, where the configuration has one. counts: as `counted` returns
    them; None, made here. before: called in the first process with what is to be trained, which it must not change.

    Raises:
        ValueError: the network, or its teacher, cannot be had as configured.
        DataError: the data cannot be had.
        CannotRun, Terminated, LostProcess: see there.
    """
    quieten()
    keep_freed_memory()
    configuration, git = run.configuration, provenance.git_state()
    counts = counts or counted(configuration, on_meta(configuration))
    pl.seed_everything(configuration.seed, verbose=False)
    precision = set_precision(configuration.precision)
    module = Classifier(configuration.as_dict(), machine.speed, machine.micro_batch)
    if configuration.teacher:
        assert teacher, "a configuration with a teacher comes with its folder"
        module.teacher = distillation.load(Configuration(**configuration.teacher), teacher)
    if before and environment.is_first_process():
        before(module)
    data = data_module(configuration, machine)
    data.obtain()  # before anything is started or tracked, so that missing data costs nothing
    checkpoint = folder / "checkpoint.ckpt"
    _check(checkpoint, configuration)
    if environment.is_first_process():
        files.remove_unfinished(folder)
    tracker = None
    if machine.wandb and environment.is_first_process():
        tracker = tracking.start(run, folder.parent, counts)
    module.started = time.monotonic()
    loggers = [
        EpochLines(configuration.epochs),
        *filter(None, [tracker, file_logger(machine.file_logger, folder)]),
    ]
    trainer, handler, diverged = None, signal.getsignal(signal.SIGTERM), None
    evaluated = ", ".join(run.evaluations)
    one_run = OneRun(run=configuration.run_id, evaluations=evaluated, code=provenance.sources())
    stop = StopOnSigterm()
    evaluations: dict[str, dict] = {}
    try:
        trainer = _trainer(configuration, folder, machine, loggers, checkpoint, precision, one_run, stop)
        if tracker and machine.log_model == "all":
            trainer.callbacks.append(UploadProgress(tracker, checkpoint))  # type: ignore[attr-defined]
        one_run.expect(trainer, TIMEOUT)
        begun = checkpoint if checkpoint.exists() else None
        with tracking.closing(tracker):
            try:
                trainer.fit(module, data, ckpt_path=begun, weights_only=True)
                trainer.test(module, data, verbose=False)
                assert module.tested
                _check_whole(module.tested["images"], trainer, data)
                for name in run.evaluations:
                    if trainer.is_global_zero:
                        print(f"evaluating by {PROTOCOLS[name].title}", flush=True)
                    evaluations[name] = evaluator.test_by_protocol(
                        name, module.network, configuration, machine, stop
                    )
            except Diverged as error:
                diverged = error.epoch
                if trainer.is_global_zero:
                    print(f"run.py: {error}", file=sys.stderr)
    except (MisconfigurationException, UnlikeProcesses) as error:
        raise CannotRun(" ".join(str(error).split())) from error
    except SIGTERMException as sigterm:
        raise Terminated from sigterm
    except RuntimeError as error:
        if trainer and trainer.world_size > 1 and (lost := _lost(trainer, error, one_run.waiting)):
            raise LostProcess(lost) from error
        raise
    finally:
        one_run.release()
        signal.signal(signal.SIGTERM, handler)
        if torch.distributed.is_initialized():
            # Its threads, alive as Python ends, now and then abort a process that has done all its work.
            torch.distributed.destroy_process_group()
    if not trainer.is_global_zero:
        return {}

    kind = trainer.strategy.root_device.type
    result = record.make(
        configuration,
        study=run.study,
        variant=run.variant,
        plan=run.plan,
        counts=counts,
        tested=module.tested,
        evaluations=evaluations,
        diverged=diverged,
        history=module.history,
        machine=describe(
            kind,
            trainer.world_size,
            module.images_at_a_time,
            configuration.precision,
            machine.speed,
        ),
        git=git,
        wall_seconds=module.seconds_before + time.monotonic() - module.started,
        resumed=module.resumed,
        wandb_url=tracking.url(tracker),
    )
    record.write(result, folder / "record.json")
    if tracker:
        tracking.finish(tracker, result, checkpoint if machine.log_model and not diverged else None)
    return result


def _check_whole(images: int, trainer: pl.Trainer, data: "CIFARDataModule | ImageFolderDataModule") -> None:
    """Raise AssertionError unless every test image was counted once, over all devices, or is known to be broken."""
    broken = torch.tensor(float(data.broken_test_images()), device=trainer.strategy.root_device)
    images += int(trainer.strategy.reduce(broken, reduce_op="sum"))
    if images != data.dataset.test_images:
        raise AssertionError(f"{images} of {data.dataset.test_images} test images were counted")


def _trainer(
    configuration: Configuration,
    folder: Path,
    machine: Machine,
    loggers: list,
    checkpoint: Path,
    precision: LightningPrecision,
    one_run: OneRun,
    stop: StopOnSigterm,
) -> pl.Trainer:
    recipe = Recipe.from_hyperparameters(configuration.recipe)
    averages = [] if recipe.weight_average is None else [MovingAverage(recipe.weight_average)]
    trainer = machine.trainer(
        precision=precision,
        benchmark=not machine.deterministic,
        max_epochs=configuration.epochs,
        logger=loggers,
        gradient_clip_val=recipe.gradient_clipping,
        callbacks=[
            Progress(folder / "progress.json"),
            StepCurve(),
            one_run,
            stop,
            SaveProgress(checkpoint),
            *averages,
        ],
        plugins=[AtomicCheckpointIO()],
        default_root_dir=folder,
        num_sanity_val_steps=0,
    )
    if isinstance(trainer.strategy, DDPStrategy):
        trainer.strategy._timeout = TIMEOUT
    batch = recipe.batch_size
    if batch % trainer.world_size:
        raise CannotRun(
            f"{trainer.world_size} devices cannot share a batch of {batch} evenly; "
            "choose --devices so that their number divides the batch"
        )
    if machine.micro_batch and trainer.world_size > 1:
        raise CannotRun("--micro-batch is for one device; leave it out, or --devices")
    if min(batch, configuration.train_images) // trainer.world_size == 1:
        _check_single_image(configuration)
    return trainer


def _check_single_image(configuration: Configuration) -> None:
    """Raises CannotRun if the network cannot be trained on one image at a time."""
    try:
        with torch.device("meta"):
            side = configuration.resolution
            configuration.build().train()(torch.empty(1, 3, side, side))
    except ValueError as error:
        raise CannotRun(
            "a device gets one image at a time, of which this network's batch normalisation has no variance; choose a "
            "larger --batch-size or fewer --devices"
        ) from error


def file_logger(name: str | None, folder: Path) -> Logger | None:
    """Return Lightning's own logger of that name, of `cli.FILE_LOGGERS`, which writes to `folder/<name>`; None for None."""
    if name is None:
        return None
    kind = {"csv": CSVLogger, "tensorboard": TensorBoardLogger}[name]
    return kind(folder, name=name, version="")


def _lost(trainer: pl.Trainer, error: RuntimeError, waiting: bool) -> str | None:
    """What is known of the process that is gone, or never came; None if the error is of another kind."""
    children = getattr(trainer.strategy.launcher, "procs", [])
    of_connection = isinstance(error, torch.distributed.DistError) or re.search(
        "peer|timed out", str(error), re.IGNORECASE
    )
    # A connection breaks a moment before the system tells that its other end has died.
    deadline = time.monotonic() + (2 if of_connection and children and not waiting else 0)
    while True:
        for rank, child in enumerate(children, start=1):
            if child.poll():
                return f"process {rank} of this run died (exit code {child.returncode})"
        if time.monotonic() >= deadline:
            break
        time.sleep(0.1)
    if of_connection:
        reason = str(error).strip().splitlines()[0]
        if waiting:
            return (
                f"not all of the {trainer.world_size} processes of this run came ({reason}); start all of them, or ask "
                "for fewer by --num-nodes and --devices"
            )
        return f"process {trainer.global_rank} has lost another process of this run ({reason})"
    return None


def on_meta(configuration: Configuration) -> nn.Module:
    """Build the network without its numbers. Raises ValueError, in one line, for impossible knobs."""
    with torch.device("meta"):
        return configuration.build()


def counted(configuration: Configuration, network: nn.Module) -> dict:
    """Return parameters, and multiply-adds of one image, of a network `on_meta`; errors as `count`."""
    with torch.device("meta"):
        counts = count(network, configuration.resolution)
    return {"parameters": counts.parameters, "mult_adds": counts.mult_adds}


def _check(checkpoint: Path, configuration: Configuration) -> None:
    """Raise CannotRun unless the checkpoint, if there is one, is undamaged and of this run."""
    if not checkpoint.exists():
        return
    try:
        integrity.verify(checkpoint)
        saved = torch.load(checkpoint, map_location="meta", weights_only=True)
        saved_id = Configuration(**saved["hyper_parameters"]["config"]).run_id
    except OSError as error:
        raise CannotRun(f"cannot read {checkpoint} ({error.strerror or error})") from error
    except Exception as error:  # torch raises many kinds for a damaged file
        reason = f" ({error})" if isinstance(error, integrity.Damaged) else ""
        raise CannotRun(f"{checkpoint} is damaged; delete it to start this run afresh{reason}") from error
    if saved_id != configuration.run_id:
        raise CannotRun(f"{checkpoint} is of run {saved_id}; delete it to start this run afresh")


def quieten() -> None:
    """Silence remarks of Lightning's that are wrong here: batches are made whole in memory, and every batch counts."""
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*Checkpoint directory .* exists and is not empty.*")
    warnings.filterwarnings("ignore", message=".*is not resumable.*")
    warnings.filterwarnings(
        "ignore", message=".*number of training batches.*is smaller than the logging interval.*"
    )
    warnings.filterwarnings("ignore", message=".*treespec, LeafSpec.*")
    # 1×1 kernels have the same numbers in the same places in either layout.
    warnings.filterwarnings("ignore", message=".*Grad strides do not match bucket view strides.*")
    warnings.filterwarnings("ignore", message=".*`srun` command is available.*")  # every run is one task
    for name in ("pytorch_lightning", "lightning_fabric", "pytorch_lightning.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # It says which process died before it kills the others, if they hang.
    logging.getLogger("lightning_fabric.strategies.launchers.subprocess_script").setLevel(logging.INFO)
