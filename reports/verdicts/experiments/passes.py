"""What is timed: passes through networks, prepared as one would use them, in the memory layout that runs train in."""

from collections.abc import Callable, Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

import architectures
from architectures.counting import count
from lightning_modules.execution.machine import describe
from reports.verdicts.experiments.timing import Times, in_turns, stopwatch

# As ShuffleNet v2 timed: an image on a phone's core, 8 on a GPU.
BATCH = {"cpu": 1, "cuda": 8}


def images(count: int, channels: int, side: int, device: str) -> Tensor:
    """Return random images, (count, channels, side, side); no time depends on what they show."""
    made = torch.randn(count, channels, side, side, device=device)
    return made.to(memory_format=torch.channels_last)


def deployed(network: nn.Module, device: str) -> nn.Module:
    """Prepare a network for inference as phones do it: every normalisation that follows a convolution becomes part of it."""
    network.eval()
    for sequence in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
        for (name, layer), (following, norm) in pairwise(list(sequence.named_children())):
            if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                sequence.add_module(name, fuse_conv_bn_eval(layer, norm))
                sequence.add_module(following, nn.Identity())
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs


def imagenet(arch: str, device: str, **knobs) -> nn.Module:
    """Return a network of 1,000 classes with random weights, `deployed`."""
    return deployed(architectures.build(arch, stem="imagenet", num_classes=1000, **knobs), device)


def forward(network: nn.Module, batch: Tensor) -> Callable[[], None]:
    """Return a forward pass without gradients."""

    @torch.inference_mode()
    def run() -> None:
        network(batch)

    return run


def time_inference(
    networks: Mapping[str, nn.Module], device: str, resolution: int, rounds: int
) -> tuple[Times, dict[str, int]]:
    """Time forward passes in turns; returns with them the multiply-adds of an image."""
    batch = images(BATCH[device], 3, resolution, device)
    mult_adds = {name: count(network, resolution).mult_adds for name, network in networks.items()}
    with stopwatch(device) as watch:
        times = in_turns({name: forward(network, batch) for name, network in networks.items()}, rounds, watch)
    return times, mult_adds


def training(network: nn.Module, batch: Tensor) -> Callable[[], None]:
    """Return a step of training: forward, loss and backward; the update of the weights is left out."""
    network.to(batch.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    labels = torch.zeros(len(batch), dtype=torch.long, device=batch.device)

    def run() -> None:
        network.zero_grad()
        functional.cross_entropy(network(batch), labels).backward()

    return run


def here(device: str, batch: int | None = None) -> str:
    """Say where it was timed, in words, for the evidence: times hold for a machine."""

    name = describe(device, 1, 1, "32-true")["device"]
    where = name if device == "cuda" else f"one thread of a CPU ({name})"
    return f"on {where}, batch {batch or BATCH[device]}"
