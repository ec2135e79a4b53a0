"""What a run will take on this machine. Imports torch only where it times a network."""

import copy
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import nn


def images_worth(epochs: int, train_images: int, curve_test_images: int, test_images: int) -> float:
    """Return a run's work, in training images: a forward pass costs about a third of a training step."""
    return epochs * (train_images + curve_test_images / 3) + test_images / 3


def duration(seconds: float) -> str:
    """Return a time in words, to the precision of an estimate: "about 4 minutes"."""
    for unit, length in (("years", 365.25 * 86_400), ("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 1.5 * length:
            return f"about {seconds / length:,.0f} {unit}"
    return "about a second" if seconds < 1.5 else f"about {seconds:.0f} seconds"


def seconds_per_image(
    network: "nn.Module",
    resolution: int,
    device: str,
    *,
    images: int | None = None,
    layout: "torch.memory_format | None" = None,
    precision: str = "32-true",
    deterministic: bool = False,
    teacher: "nn.Module | None" = None,
) -> float:
    """Time one training step on this machine, in seconds an image of this device.

    A copy of the network is trained, and no random number of the run's is drawn. device: as torch names it, "cuda:1".
    images: how many; None, as many as show the speed without keeping two cores for minutes. layout: of memory; None,
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
    images = images or (16 if on_gpu or resolution <= 32 else 2)
    tuned = torch.backends.cudnn.flags(  # as in the run
        enabled=True,
        benchmark=not deterministic,
        deterministic=deterministic,
        allow_tf32=torch.backends.cudnn.allow_tf32,
    )
    with torch.random.fork_rng(devices=[where] if on_gpu else []), tuned:
        trained = laid_out(copy.deepcopy(network), layout, where)
        batch = torch.randn(images, 3, resolution, resolution, device=where).to(memory_format=layout)
        taught_by = laid_out(copy.deepcopy(teacher), layout, where) if teacher else None
        labels = torch.zeros(images, dtype=torch.long, device=where)

        def step() -> float:
            begun = time.perf_counter()
            with autocast(precision, where.type):
                if taught_by:
                    with torch.no_grad():
                        taught_by(batch)
                loss = losses(trained(batch), labels, share_done=0)[-1]
            loss.backward()
            if on_gpu:
                torch.cuda.synchronize(where)
            return time.perf_counter() - begun

        step()  # warms up
        return min(step() for _ in range(3)) / images
