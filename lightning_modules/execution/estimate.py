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
    kind: str,
    *,
    images: int | None = None,
    layout: "torch.memory_format | None" = None,
    teacher: "nn.Module | None" = None,
) -> float:
    """Time one training step of a few images on this machine, in seconds an image.

    A copy of the network is trained, and no random number of the run's is drawn. kind: of device, "cuda" or "cpu".
    images: how many; None, as many as
    show the speed without keeping two cores for minutes. layout: of memory; None, channels_last. teacher: in evaluation,
    where the network learns from one.
    """
    import torch

    from lightning_modules.execution.allocator import keep_freed_memory
    from lightning_modules.execution.settings import laid_out
    from lightning_modules.losses import losses

    layout = layout or torch.channels_last
    keep_freed_memory()
    device = torch.device(kind)
    images = images or (16 if device.type == "cuda" or resolution <= 32 else 2)
    with torch.random.fork_rng():
        trained = laid_out(copy.deepcopy(network), layout, device)
        batch = torch.randn(images, 3, resolution, resolution, device=device).to(memory_format=layout)
        taught_by = laid_out(copy.deepcopy(teacher), layout, device) if teacher else None
        labels = torch.zeros(images, dtype=torch.long, device=device)

        def step() -> float:
            begun = time.perf_counter()
            if taught_by:
                with torch.no_grad():
                    taught_by(batch)
            losses(trained(batch), labels, share_done=0)[-1].backward()
            if device.type == "cuda":
                torch.cuda.synchronize()
            return time.perf_counter() - begun

        step()  # warms up
        return min(step() for _ in range(3)) / images
