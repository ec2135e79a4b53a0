"""SqueezeNet (arXiv:1602.07360): Tables 1 to 3, Figure 3, and the figures of the authors' repository."""

from math import ceil

from torch import nn

from architectures.counting import Counts
from reports.printed.figures import Figure, read
from reports.verdicts.complexity import Network, stages

TABLES = ("squeezenet_t1", "squeezenet_t2", "squeezenet_t3")
CONVENTION = (
    "parameters with biases; after pruning, ⌈density × weights⌉ of every convolution and all biases; sizes at "
    "four bytes a parameter, in MB of 2²⁰ bytes, the 19 of Figure 3 in MB of 10⁶; GFLOPs at two per "
    "multiply-add, with v1.0's conv10 padded by one pixel as in the released network"
)
RESOLUTION = 227
KNOBS = {"version": "version", "squeeze_ratio": "squeeze_ratio", "pct3x3": "share_3x3"}
CUT: set[tuple[str, str, str]] = set()
EXPLAINED = {
    (
        "Table 3",
        "complex",
        "size_MB",
    ): "1×1 convolutions around fire2, 4, 6 and 8 make 6.1 MB; around all eight modules, 7.9 MB",
    (
        "v1.1",
        "v1.1",
        "gflops",
    ): "0.78 at the 227 of the released network, 0.70 at 224, more with conv10 padded",
}


def meant(figure: Figure) -> Network | str:
    if figure.arch != "SqueezeNet":
        return f"quoted from others: {figure.arch}"
    if "compress" in figure.kwargs:
        return "the compressed size depends on the trained weights"
    knobs = {KNOBS[name]: value for name, value in figure.kwargs.items() if name in KNOBS}
    if figure.kwargs.get("bypass"):
        knobs["bypass"] = figure.kwargs["bypass"]
    return Network.of("squeezenet", "imagenet", knobs, RESOLUTION)


def counted(figure: Figure, counts: Counts) -> float:
    if figure.metric == "params":
        layer = figure.kwargs.get("layer")
        return stages(meant(figure))[layer].counts.parameters if layer else counts.parameters
    if figure.metric == "params_pruned":
        layer = figure.kwargs.get("layer")
        rows = stages(meant(figure))
        return (
            pruned(rows[layer].module, layer, densities())
            if layer
            else sum(pruned(rows[name].module, name, densities()) for name in rows)
        )
    if figure.metric == "gflops":
        return 2 * (counts.mult_adds + _padding_of_conv10(figure)) / 1e9
    return 4 * counts.parameters / (10**6 if figure.row_id == "SR.75" else 2**20)


def pruned(stage: nn.Module, layer: str, densities: dict[tuple[str, str], int]) -> int:
    """Numbers that are left of a row of Table 1 after pruning; densities by row and kind of filter."""
    total = 0
    for convolution in (module for module in stage.modules() if isinstance(module, nn.Conv2d)):
        # The densities of conv1 and conv10 stand in the column of the squeeze layers.
        expands = layer.startswith("fire") and convolution.out_channels > convolution.in_channels
        kind = f"e{convolution.kernel_size[0]}x{convolution.kernel_size[0]}" if expands else "s1x1"
        total += ceil(densities[layer, kind] * convolution.weight.numel() / 100) + convolution.bias.numel()
    return total


def densities() -> dict[tuple[str, str], int]:
    """Percentage of weights left, by row of Table 1 and kind of filter, one misprint put right."""
    # Printed 33; only 30 gives the row's 77,581 and the total, and so it is in the released weights.
    return printed_densities() | {("fire8", "e3x3"): 30}


def printed_densities() -> dict[tuple[str, str], int]:
    return {
        (figure.row_id, figure.metric.split("_")[1]): int(figure.value)
        for figure in read("squeezenet_t1")
        if figure.metric.startswith("density_")
    }


def _padding_of_conv10(figure: Figure) -> int:
    """Multiply-adds that the released v1.0's padding adds; v1.1 has none."""
    if figure.kwargs["version"] != "1.0":
        return 0
    conv10 = stages(meant(figure))["conv10"]
    _, height, width = conv10.output
    return conv10.counts.conv_weights * ((height + 2) * (width + 2) - height * width)
