"""One training step of our networks against torchvision's and timm's own, on one core or a GPU.

    uv run -m benchmarks.networks [rounds]

Both in the memory layout that suits them better, measured first; the same images, loss and no optimiser.
"""

import sys
import time
from collections.abc import Callable

import timm
import torch
import torchvision
from torch import nn
from torch.nn import functional

import architectures
from architectures.counting import count
from benchmarks.table import Target, compared, take_turns
from lightning_modules.execution import gpu
from lightning_modules.execution.allocator import keep_freed_memory
from lightning_modules.execution.settings import laid_out

# Ours, its knobs, and the counterpart. torchvision's AlexNet is the later one of 64 and 192 kernels.
PAIRS: dict[str, tuple[str, dict, Callable[[], nn.Module]]] = {
    "AlexNet": ("alexnet", {"groups": 1, "lrn": False}, torchvision.models.alexnet),
    "VGG-11": ("vgg", {"config": "A"}, torchvision.models.vgg11),
    "SqueezeNet 1.0": ("squeezenet", {}, torchvision.models.squeezenet1_0),
    "ResNet-18": ("resnet", {"depth": 18}, torchvision.models.resnet18),
    "ResNeXt-50 32x4d": ("resnext", {"depth": 50}, torchvision.models.resnext50_32x4d),
    "DenseNet-121": ("densenet_bc", {"depth": 121, "growth_rate": 32}, torchvision.models.densenet121),
    "MobileNet v1": ("mobilenet_v1", {}, lambda: timm.create_model("mobilenetv1_100")),
    "MobileNet v2": ("mobilenet_v2", {}, torchvision.models.mobilenet_v2),
    "MobileNet v3 large": ("mobilenet_v3_large", {}, torchvision.models.mobilenet_v3_large),
    "ShuffleNet v2 1x": ("shufflenet_v2", {"scale": 1.0}, torchvision.models.shufflenet_v2_x1_0),
    "SE-ResNet-50": ("se_resnet", {"depth": 50}, lambda: timm.create_model("legacy_seresnet50")),
}
RESOLUTION = 224
SAME = 0.03  # a smaller share of the multiply-adds doesn't make another network
LAYOUTS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}


def step(network: nn.Module, images: torch.Tensor) -> Callable[[], float]:
    """Return a training step of `images`, which returns images per second."""
    labels = torch.zeros(len(images), dtype=torch.long, device=images.device)

    def once() -> float:
        begun = time.perf_counter()
        functional.cross_entropy(network(images), labels).backward()
        if images.is_cuda:
            torch.cuda.synchronize()
        return len(images) / (time.perf_counter() - begun)

    return once


def better_layout(make: Callable[[], nn.Module], images: torch.Tensor) -> tuple[str, Callable[[], float]]:
    """Return the layout that is faster of the two, and its step, by the best of three steps after one that warms up."""
    steps = {}
    for name, layout in LAYOUTS.items():
        network = laid_out(make(), layout, images.device).train()
        steps[name] = step(network, images.to(memory_format=layout))
        steps[name]()
    best = {name: max(once() for _ in range(3)) for name, once in steps.items()}
    name = max(best, key=best.__getitem__)
    return name, steps[name]


def main(rounds: int = 7) -> None:
    torch.set_num_threads(1)
    keep_freed_memory()
    device = torch.device("cuda" if gpu.usable() else "cpu")
    images = torch.randn(64 if device.type == "cuda" else 4, 3, RESOLUTION, RESOLUTION, device=device)
    for title, (arch, knobs, counterpart) in PAIRS.items():
        makers = {"the usual one": counterpart, "ours": lambda: build(arch, knobs)}  # noqa: B023 (called here)
        faster = {name: better_layout(make, images) for name, make in makers.items()}
        names = {name: f"{name}, {layout}" for name, (layout, _) in faster.items()}
        samples = take_turns({names[name]: once for name, (_, once) in faster.items()}, rounds)
        target = as_fast(build(arch, knobs), counterpart())
        print(compared(title, "images/s", samples, {names["ours"]: target}, digits=1), flush=True)
        print(flush=True)


def as_fast(ours: nn.Module, theirs: nn.Module) -> Target:
    """Return the ratio at equal multiply-adds a second where the counterpart is a smaller network; else 1."""
    ratio = count(theirs, RESOLUTION).mult_adds / count(ours, RESOLUTION).mult_adds
    return Target(round(ratio, 2) if ratio < 1 - SAME else 1.0)


def build(arch: str, knobs: dict) -> nn.Module:
    return architectures.build(arch, stem="imagenet", num_classes=1000, **knobs)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
