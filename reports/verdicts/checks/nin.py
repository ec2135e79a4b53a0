"""NiN (arXiv:1312.4400): the sizes that the slides compare it with AlexNet by."""

import torch
from torch import nn
from torch.nn import functional

from architectures.counts import Counts
from reports.printed import figures
from reports.printed.figures import Figure
from reports.verdicts.checks import (
    CIFAR,
    IMAGENET,
    NEGLIGIBLE,
    Holds,
    convolutions,
    exact,
    on_meta,
    parameters,
    part,
    with_random_weights,
)
from reports.verdicts.complexity import Network

TABLES = ("nin",)
CONVENTION = "parameters with biases, 4 bytes each, in MiB"
EXPLAINED = {("text", "alexnet", "size_MB"): "232.6 MiB, given as 230"}
BUILDERS = {"AlexNet": "alexnet", "NiN": "nin"}
MIB = 2**20
# The slides' example: four feature maps of four units in, four units out, with "4*4*4*4 = 216" multiplications.
EXAMPLE, PRINTED_MULTIPLICATIONS = (4, 4, 4, 4), 216


def network_for(figure: Figure) -> Network | str:
    return Network.of(BUILDERS[figure.arch], "imagenet", {})


def count_for(figure: Figure, counts: Counts) -> float:
    return 4 * counts.parameters / 2**20


@exact("nin.smaller_than_alexnet")
def smaller_than_alexnet() -> tuple[bool, str]:
    """Slides: NiN takes 29 MB, AlexNet 230 MB; two digits are printed of either. Whether it is as good is trained."""
    sizes, evidence = {}, []
    for figure in figures.read("nin"):
        if figure.metric != "size_MB":
            continue
        network = on_meta({"NiN": "nin", "AlexNet": "alexnet"}[figure.arch], **IMAGENET)
        sizes[figure.arch] = mib = 4 * parameters(network) / MIB
        evidence.append(
            f"{figure.arch} {parameters(network) / 1e6:.1f} million parameters, {mib:.1f} MiB of float32 "
            f"(given as {figure.value})"
        )
        if float(f"{mib:.2g}") != figure.number:
            return False, evidence[-1]
    if set(sizes) != {"NiN", "AlexNet"}:
        return False, "a printed size is missing"
    return sizes["NiN"] < sizes["AlexNet"], "; ".join(evidence)


@exact("nin.gap_no_params")
def average_pooling_has_no_parameters() -> tuple[Holds, str]:
    """Section 3.2: global average pooling has no parameters, a fully connected layer has; the slides' example."""
    gap, fc = (parameters(on_meta("nin", head=head, **CIFAR).get_submodule("head")) for head in ("gap", "fc"))
    channels, height, width, units = EXAMPLE
    multiplications = channels * height * width * units
    as_said: Holds = True if multiplications == PRINTED_MULTIPLICATIONS else "sense"
    return gap == 0 < fc and as_said, (
        f"global average pooling has {gap} parameters, a fully connected layer in its place on CIFAR {fc:,}; but "
        f"the slides' fully connected layer takes 4 · 4 · 4 · 4 = {multiplications} multiplications, where "
        f"{PRINTED_MULTIPLICATIONS} are printed"
    )


@exact("nin.mlpconv_is_1x1")
def mlpconv_is_1x1() -> tuple[bool, str]:
    """Slides; Section 3.1: an mlpconv is one multilayer perceptron at every place, which is a convolution and 1×1 ones."""
    mlpconv = part(with_random_weights("nin", **CIFAR), "mlpconv_1", nn.Sequential)
    x = torch.randn(1, 3, 8, 8, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    layers = convolutions(mlpconv)
    size = layers[0].kernel_size[0]
    with torch.no_grad():
        patches = functional.unfold(x, size, padding=size // 2).transpose(1, 2)
        for layer in layers:
            patches = functional.linear(patches, layer.weight.flatten(1), layer.bias).relu()
        gap = (patches.transpose(1, 2).view(1, -1, 8, 8) - mlpconv(x)).abs().max().item()
    widths = ", ".join(str(layer.out_channels) for layer in layers)
    return gap < NEGLIGIBLE, (
        f"a perceptron of {widths} units on every patch of {size}×{size} pixels gives what the "
        f"first mlpconv layer of NiN does, to {gap:.0e}"
    )
