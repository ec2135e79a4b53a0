"""SqueezeNet (arXiv:1602.07360): Tables 1 to 3, Figure 3, and the figures of the authors' repository."""

from math import ceil

from torch import nn

from architectures.counts import Counts
from reports.printed import figures
from reports.printed.figures import Figure, read
from reports.verdicts.checks import (
    IMAGENET,
    ROUGHLY,
    Holds,
    as_printed,
    convolutions,
    exact,
    on_meta,
    parameters,
)
from reports.verdicts.complexity import Network, stages

TABLES = ("squeezenet_t1", "squeezenet_t2", "squeezenet_t3")
CONVENTION = (
    "parameters with biases; after pruning, ⌈density × weights⌉ of every convolution and all biases; sizes at "
    "four bytes a parameter, in MB of 2²⁰ bytes, the 19 of Figure 3 in MB of 10⁶; GFLOPs at two per "
    "multiply-add, with v1.0's conv10 padded by one pixel as in the released network"
)
RESOLUTION = 227
SHARE_OF_ALEXNET = 2.14  # per cent, as the slides give it
KNOBS = {"version": "version", "squeeze_ratio": "squeeze_ratio", "pct3x3": "share_3x3"}
EXPLAINED = {
    ("Table 3", "complex", "size_MB"): (
        "1×1 convolutions around fire2, 4, 6 and 8 make 6.1 MB; around all eight modules, 7.9 MB"
    ),
    ("v1.1", "v1.1", "gflops"): (
        "0.78 at the 227 of the released network, 0.70 at 224, more with conv10 padded"
    ),
}


def network_for(figure: Figure) -> Network | str:
    if figure.arch != "SqueezeNet":
        return f"quoted from others: {figure.arch}"
    if "compress" in figure.kwargs:
        return "the compressed size depends on the trained weights"
    knobs = {KNOBS[name]: value for name, value in figure.kwargs.items() if name in KNOBS}
    if figure.kwargs.get("bypass"):
        knobs["bypass"] = figure.kwargs["bypass"]
    return Network.of("squeezenet", "imagenet", knobs, RESOLUTION)


def count_for(figure: Figure, counts: Counts) -> float:
    if figure.metric == "params":
        layer = figure.kwargs.get("layer")
        return stages(network_for(figure))[layer].counts.parameters if layer else counts.parameters
    if figure.metric == "params_pruned":
        layer = figure.kwargs.get("layer")
        rows = stages(network_for(figure))
        return (
            pruned(rows[layer].module, layer, densities())
            if layer
            else sum(pruned(rows[name].module, name, densities()) for name in rows)
        )
    if figure.metric == "gflops":
        return 2 * (counts.mult_adds + _padding_of_conv10(figure)) / 1e9
    return 4 * counts.parameters / (10**6 if figure.row_id == "SR.75" else 2**20)


def pruned(stage: nn.Module, layer: str, densities: dict[tuple[str, str], int]) -> int:
    """Count the numbers that are left of a row of Table 1 after pruning; densities by row and kind of filter."""
    total = 0
    for convolution in convolutions(stage):
        # The densities of conv1 and conv10 stand in the column of the squeeze layers.
        expands = layer.startswith("fire") and convolution.out_channels > convolution.in_channels
        kind = f"e{convolution.kernel_size[0]}x{convolution.kernel_size[0]}" if expands else "s1x1"
        total += ceil(densities[layer, kind] * convolution.weight.numel() / 100) + convolution.out_channels
    return total


def densities() -> dict[tuple[str, str], int]:
    """Return the percentage of weights left, by row of Table 1 and kind of filter, one misprint put right."""
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
    conv10 = stages(network_for(figure))["conv10"]
    _, height, width = conv10.output
    return conv10.counts.conv_weights * ((height + 2) * (width + 2) - height * width)


@exact("squeezenet.param_table")
def param_table() -> tuple[bool, str]:
    """Table 1: 1,248,424 parameters before pruning and 421,098 after, layer by layer."""
    holds, evidence = as_printed("squeezenet", lambda figure: figure.metric in ("params", "params_pruned"))
    fire8 = stages(Network.of("squeezenet", "imagenet", {}, RESOLUTION))["fire8"].module
    printed = printed_densities()
    left_if_printed = pruned(fire8, "fire8", printed)
    return holds, (
        f"{evidence}; fire8's 3×3 filters at a density of 30 %, as in the released weights: the "
        f"{printed['fire8', 'e3x3']} % printed would leave {left_if_printed:,} of the row"
    )


@exact("squeezenet.fire_saving")
def fire_saving() -> tuple[bool, str]:
    """Section 3: 9 M (e1 + e3) weights of a 3×3 layer become s M + s e1 + 9 s e3."""
    saved, holds = [], True
    for name, module in on_meta("squeezenet", **IMAGENET).named_children():
        if name.startswith("fire"):
            layers = convolutions(module)
            s, e1, e3 = (layer.out_channels for layer in layers)
            channels = layers[0].in_channels
            weights = sum(layer.weight.numel() for layer in layers)
            holds &= weights == s * channels + s * e1 + 9 * s * e3
            saved.append(9 * channels * (e1 + e3) / weights)
    return holds and len(saved) == 8 and min(saved) > 1, (
        f"the {len(saved)} Fire modules have {min(saved):.1f} to {max(saved):.1f} times fewer weights than "
        "3×3 layers with as many channels in and out"
    )


@exact("squeezenet.50x_is_the_fc")
def fifty_times_is_the_fc() -> tuple[bool, str]:
    """The 50 times come from AlexNet's fully connected layers; without the classifiers it is about 3 times."""
    alexnet, squeezenet = (on_meta(arch, **IMAGENET) for arch in ("alexnet", "squeezenet"))
    whole = [parameters(network) for network in (alexnet, squeezenet)]
    classifiers = [
        sum(p.numel() for name, p in network.named_parameters() if name.startswith(parts))
        for network, parts in ((alexnet, ("fc",)), (squeezenet, ("conv10",)))
    ]
    with_them = whole[0] / whole[1]
    without = (whole[0] - classifiers[0]) / (whole[1] - classifiers[1])
    return round(with_them, -1) == 50 and round(without) == 3, (
        f"{whole[0]:,} against {whole[1]:,} parameters, {with_them:.1f} times; without fc6 to fc8 and conv10 "
        f"{whole[0] - classifiers[0]:,} against {whole[1] - classifiers[1]:,}, {without:.2f} times"
    )


@exact("squeezenet.ratios")
def ratios() -> tuple[bool, str]:
    """Table 2: AlexNet's size over every other one, 5, 9, 35, 50, 363 and 510 times."""
    table = figures.read("squeezenet_t2")
    sizes = {figure.row_id: figure for figure in table if figure.metric == "size_MB"}
    ratios, failures = [], []
    for figure in table:
        if figure.metric == "reduction_x" and figure.row_id != "alex":
            times = float(sizes["alex"].number / sizes[figure.row_id].number)
            ratios.append(f"{times:.1f}")
            if not figure.matches(times) and not figure.cut(times):
                failures.append(f"{figure.row_id}: printed {figure.value}, {times:.1f} by the sizes")
    counted = [4 * parameters(on_meta(arch, **IMAGENET)) / 2**20 for arch in ("alexnet", "squeezenet")]
    evidence = "; ".join(failures) or f"240 MB over the printed sizes: {', '.join(ratios)}, rounded or cut"
    return not failures and len(ratios) == 6, (
        f"{evidence}; counted, {counted[0]:.1f} MB over {counted[1]:.2f} MB of 2²⁰ bytes are "
        f"{counted[0] / counted[1]:.1f} times, because AlexNet's 240 is rounded"
    )


@exact("squeezenet.squeeze_quarter")
def squeeze_quarter() -> tuple[bool, str]:
    """Slides, Table 1: a Fire module squeezes to a quarter of its 1×1 and of its 3×3 filters."""
    widths = {
        name: [layer.out_channels for layer in convolutions(module)]
        for name, module in on_meta("squeezenet", **IMAGENET).named_children()
        if name.startswith("fire")
    }
    return len(widths) == 8 and all(4 * s == e1 == e3 for s, e1, e3 in widths.values()), (
        "channels squeezed to, of 1×1 and of 3×3: "
        + "; ".join(f"{name} {', '.join(map(str, of))}" for name, of in widths.items())
    )


@exact("squeezenet.share_of_alexnet")
def share_of_alexnet() -> tuple[Holds, str]:
    """Slides: SqueezeNet has 2.14 % of AlexNet's parameters. The sense holds where it is about that share."""
    squeezenet, alexnet = (parameters(on_meta(arch, **IMAGENET)) for arch in ("squeezenet", "alexnet"))
    share = 100 * squeezenet / alexnet
    off = abs(share / SHARE_OF_ALEXNET - 1)
    return (round(share, 2) == SHARE_OF_ALEXNET) or (off < ROUGHLY and "sense"), (
        f"{squeezenet:,} of {alexnet:,} parameters are {share:.2f} %, where {SHARE_OF_ALEXNET} % is given"
    )
