"""What a run will take on this machine. Imports torch only where it times a network."""

import time
from typing import TYPE_CHECKING

from lightning_modules.configuration import Configuration

if TYPE_CHECKING:
    import torch


def images_worth(epochs: int, train_images: int, curve_test_images: int, test_images: int) -> float:
    """A run's work, in training images: a forward pass costs about a third of a training step."""
    return epochs * (train_images + curve_test_images / 3) + test_images / 3


def duration(seconds: float) -> str:
    """In words, to the precision of an estimate: "about 4 minutes"."""
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 1.5 * length:
            return f"about {seconds / length:.0f} {unit}"
    return "about a second" if seconds < 1.5 else f"about {seconds:.0f} seconds"


def seconds_per_image(
    configuration: Configuration, images: int | None = None, layout: "torch.memory_format | None" = None
) -> float:
    """Time of one training step of a few images on this machine, per image; draws no random number of the run's.

    layout: of memory; None, channels_last. images: how many; None, as many as show the speed without keeping two cores for minutes.
    """
    import torch

    from lightning_modules.execution.allocator import keep_freed_memory
    from lightning_modules.losses import losses

    layout = layout or torch.channels_last
    keep_freed_memory()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    images = images or (16 if device.type == "cuda" or configuration.resolution <= 32 else 2)
    with torch.random.fork_rng():
        network = configuration.build().to(device, memory_format=layout)
        batch = torch.randn(images, 3, configuration.resolution, configuration.resolution, device=device)
        batch = batch.to(memory_format=layout)
        teacher = Configuration(**configuration.teacher).build() if configuration.teacher else None
        if teacher:
            teacher.to(device, memory_format=layout).eval()
        labels = torch.zeros(images, dtype=torch.long, device=device)

        def step() -> float:
            begun = time.perf_counter()
            if teacher:
                with torch.no_grad():
                    teacher(batch)
            losses(network(batch), labels, share_done=0)[-1].backward()
            if device.type == "cuda":
                torch.cuda.synchronize()
            return time.perf_counter() - begun

        step()  # warms up
        return min(step() for _ in range(3)) / images
