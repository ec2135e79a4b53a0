"""What a run will take on this machine: from finished runs like it, or else from timing a few steps. Imports torch only for that."""

import copy
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_modules import finished
from lightning_modules.configuration import Configuration
from lightning_modules.data import catalogue
from lightning_modules.record import Record

if TYPE_CHECKING:
    import torch
    from torch import nn

FORWARD = 1 / 3  # of a training step's time, where it isn't measured
LONGEST_STEP = 3.0  # seconds


@dataclass(frozen=True)
class Pace:
    """Seconds that an image takes, in training and in evaluation; `runs`: how many finished runs tell it."""

    training: float
    evaluation: float
    runs: int = 0

    def seconds(self, epochs: int, train_images: int, curve_test_images: int, test_images: int) -> float:
        """Return what a run of so many images takes."""
        trained, shown = epochs * train_images, epochs * curve_test_images + test_images
        return trained * self.training + shown * self.evaluation

    def on(self, devices: int) -> "Pace":
        """Return the pace of so many devices, among which the images are shared."""
        return Pace(self.training / devices, self.evaluation / devices, self.runs)

    def __str__(self) -> str:
        return f"by {self.runs} finished {'run' if self.runs == 1 else 'runs'} like it" if self.runs else ""


def images_worth(epochs: int, train_images: int, curve_test_images: int, test_images: int) -> float:
    """Return a run's work, in training images: a forward pass costs about a third of a training step."""
    return epochs * (train_images + curve_test_images * FORWARD) + test_images * FORWARD


def duration(seconds: float) -> str:
    """Return a time in words, to the precision of an estimate: "about 4 minutes"."""
    for unit, length in (("years", 365.25 * 86_400), ("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 1.5 * length:
            return f"about {seconds / length:,.0f} {unit}"
    return "about a second" if seconds < 1.5 else f"about {seconds:.0f} seconds"


def of_like_runs(configuration: Configuration, machine: Mapping[str, Any], runs: Path) -> Pace | None:
    """Return the pace of the finished runs in a folder that had the same work and the same machine; None without any.

    machine: as `machine.describe` tells it.
    """
    paces = []
    for path in runs.glob("*/record.json"):
        try:
            if f'"{configuration.arch}"' in path.read_text(encoding="utf-8"):
                record = finished.read(path)
                if _is_like(record, configuration, machine):
                    paces.append(_pace(record))
        except (OSError, ValueError):
            continue  # damaged, or just being written: others may tell
    if not paces:
        return None
    training = statistics.median(paces)
    return Pace(training, training * FORWARD, len(paces))


def _is_like(record: Record, configuration: Configuration, machine: Mapping[str, Any]) -> bool:
    def work(config: Mapping[str, Any]) -> tuple:
        teacher = config.get("teacher") or {}
        own = tuple(config[name] for name in ("arch", "knobs", "dataset", "resolution"))
        return (*own, config["recipe"]["batch_size"], teacher.get("arch"), teacher.get("knobs"))

    same_machine = all(record.machine.get(name) == value for name, value in machine.items())
    return not record.diverged and same_machine and work(record.config) == work(configuration.as_dict())


def _pace(record: Record) -> float:
    """Seconds of a training image, of all that the run took."""
    config = Configuration(**record.config)
    tests = catalogue.find(config.dataset).test_images
    return record.wall_seconds / images_worth(
        config.epochs, config.train_images, config.curve_test_images, tests
    )


def timed(
    network: "nn.Module",
    resolution: int,
    device: str,
    *,
    images: int | None = None,
    layout: "torch.memory_format | None" = None,
    precision: str = "32-true",
    deterministic: bool = False,
    teacher: "nn.Module | None" = None,
) -> Pace:
    """Time a few training steps and forward passes on this machine, by the image of this device.

    A copy of the network is trained, and no random number of the run's is drawn. device: as torch names it, "cuda:1".
    images: of a step; a CPU that would take long over them takes fewer. None: few. layout: of memory; None,
    channels_last. precision: of `configuration.PRECISIONS`. teacher: in evaluation, where the network learns from one.
    """
    import torch

    from lightning_modules.execution.allocator import keep_freed_memory
    from lightning_modules.execution.machine import autocast, set_precision
    from lightning_modules.execution.settings import laid_out
    from lightning_modules.losses import losses

    layout = layout or torch.channels_last
    keep_freed_memory()
    set_precision(precision)
    where = torch.device(device)
    on_gpu = where.type == "cuda"
    few = 16 if on_gpu or resolution <= 32 else 2
    tuned = torch.backends.cudnn.flags(  # as in the run
        enabled=True,
        benchmark=not deterministic,
        deterministic=deterministic,
        allow_tf32=torch.backends.cudnn.allow_tf32,
    )
    with torch.random.fork_rng(devices=[where] if on_gpu else []), tuned:
        trained = laid_out(copy.deepcopy(network), layout, where)
        taught_by = laid_out(copy.deepcopy(teacher), layout, where) if teacher else None

        def shown(images: int) -> "torch.Tensor":
            batch = torch.randn(images, 3, resolution, resolution, device=where)
            return batch.to(memory_format=layout)

        def step(batch: "torch.Tensor") -> None:
            labels = torch.zeros(len(batch), dtype=torch.long, device=where)
            with autocast(precision, where.type):
                if taught_by:
                    with torch.no_grad():
                        taught_by(batch)
                loss = losses(trained(batch), labels, share_done=0)[-1]
            loss.backward()

        def answer(batch: "torch.Tensor") -> None:
            with autocast(precision, where.type), torch.no_grad():
                trained(batch)

        def seconds(work: Callable[["torch.Tensor"], None], batch: "torch.Tensor", times: int) -> float:
            taken = []
            for _ in range(times):
                begun = time.perf_counter()
                work(batch)
                if on_gpu:
                    torch.cuda.synchronize(where)
                taken.append(time.perf_counter() - begun)
            return min(taken) / len(batch)

        batch = shown(images if on_gpu and images else few)
        step(batch)  # warms up
        training = seconds(step, batch, 1)
        if images and not on_gpu:
            batch = shown(max(1, min(images, int(LONGEST_STEP / training))))
        training = seconds(step, batch, 3)
        trained.eval()
        return Pace(training, seconds(answer, batch, 2))
