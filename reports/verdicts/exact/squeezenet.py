"""Exact claims about SqueezeNet (Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and
<0.5MB model size", arXiv 1602.07360).
"""

from reports.printed import figures
from reports.verdicts.exact import as_printed, exact, on_meta

IMAGENET = {"stem": "imagenet", "num_classes": 1000}


@exact("squeezenet.param_table")
def param_table() -> tuple[bool, str]:
    """Table 1: 1,248,424 parameters before pruning and 421,098 after, layer by layer."""
    from reports.verdicts.complexity import Network, squeezenet, stages

    holds, evidence = as_printed("squeezenet", lambda figure: figure.metric in ("params", "params_pruned"))
    fire8 = stages(Network.of("squeezenet", "imagenet", {}, squeezenet.RESOLUTION))["fire8"].module
    densities = squeezenet.printed_densities()
    kept = squeezenet.pruned(fire8, "fire8", densities)
    return holds, (
        f"{evidence}; fire8's 3×3 filters at a density of 30 %, as in the released weights: the "
        f"{densities['fire8', 'e3x3']} % printed would leave {kept:,} of the row"
    )


@exact("squeezenet.fire_saving")
def fire_saving() -> tuple[bool, str]:
    """Section 3: 9 M (e1 + e3) weights of a 3×3 layer become s M + s e1 + 9 s e3."""
    from torch import nn

    saved, holds = [], True
    for name, module in on_meta("squeezenet", **IMAGENET).named_children():
        if name.startswith("fire"):
            squeeze, small, large = (m for m in module.modules() if isinstance(m, nn.Conv2d))
            maps, s, e1, e3 = (
                squeeze.in_channels,
                squeeze.out_channels,
                small.out_channels,
                large.out_channels,
            )
            weights = sum(layer.weight.numel() for layer in (squeeze, small, large))
            holds &= weights == s * maps + s * e1 + 9 * s * e3
            saved.append(9 * maps * (e1 + e3) / weights)
    return holds and len(saved) == 8 and min(saved) > 1, (
        f"the {len(saved)} Fire modules have {min(saved):.1f} to {max(saved):.1f} times fewer weights than "
        "3×3 layers with as many maps in and out"
    )


@exact("squeezenet.50x_is_the_fc")
def fifty_times_is_the_fc() -> tuple[bool, str]:
    """The 50 times come from AlexNet's fully connected layers; without the classifiers it is about 3 times."""
    alexnet, squeezenet = (on_meta(arch, **IMAGENET) for arch in ("alexnet", "squeezenet"))
    whole = [sum(p.numel() for p in network.parameters()) for network in (alexnet, squeezenet)]
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
    found, failures = [], []
    for figure in table:
        if figure.metric == "reduction_x" and figure.row_id != "alex":
            times = float(sizes["alex"].number / sizes[figure.row_id].number)
            found.append(f"{times:.1f}")
            if not figure.matches(times) and not figure.cut(times):
                failures.append(f"{figure.row_id}: printed {figure.value}, {times:.1f} by the sizes")
    counted = [
        4 * sum(p.numel() for p in on_meta(arch, **IMAGENET).parameters()) / 2**20
        for arch in ("alexnet", "squeezenet")
    ]
    evidence = "; ".join(failures) or f"240 MB over the printed sizes: {', '.join(found)}, rounded or cut"
    return not failures and len(found) == 6, (
        f"{evidence}; counted, {counted[0]:.1f} MB over {counted[1]:.2f} MB of 2²⁰ bytes are "
        f"{counted[0] / counted[1]:.1f} times, because AlexNet's 240 is rounded"
    )
