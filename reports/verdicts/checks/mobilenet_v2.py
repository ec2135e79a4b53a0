"""MobileNet v2 (arXiv:1801.04381): Tables 2 and 4, and the table of the authors' released code (TF-slim)."""

from fractions import Fraction

from torch import nn

from architectures.counting import count
from architectures.counts import Counts
from reports.printed.figures import Figure
from reports.verdicts.checks import IMAGENET, exact, on_meta, part
from reports.verdicts.checks.architecture_rows import facts
from reports.verdicts.checks.mobilenet_v1 import separable_layers
from reports.verdicts.complexity import Network

TABLES = ("mobilenet_v2", "mobilenet_v2_t2")
CONVENTION = "weights without batch normalisation, mult-adds of all convolutions"
BUILDERS = {"MobileNet v1": "mobilenet_v1", "MobileNet v2": "mobilenet_v2"}
RELEASED = "V2"
CUT = {
    ("Table 4", "v2", "params_M"),
    ("Table 4", "v2", "mult_adds_M"),
    ("sec. 4", "primary", "params_M"),
    ("sec. 4", "primary", "mult_adds_M"),
    *(
        (RELEASED, row, "mult_adds_M")
        for row in ["1.0-224", "0.75-192", "0.5-192", "0.5-128", "0.5-96", "0.35-192", "0.35-160", "0.35-96"]
    ),
}
EXPLAINED = {
    ("Table 4", "v1", "mult_adds_M"): "MobileNet's own Tables 4, 6 and 7 print 569",
    ("Table 4", "v2-1.4", "params_M"): "the released network of that name has 6.06M, as its table prints",
    ("Table 4", "v2-1.4", "mult_adds_M"): "the released network of that name takes 582M, as its table prints",
}


def network_for(figure: Figure) -> Network | str:
    if figure.arch not in BUILDERS:
        return f"another family's network: {figure.arch}"
    alpha = figure.kwargs.get("alpha", 1.0)
    resolution = figure.kwargs.get("resolution")
    return Network.of(BUILDERS[figure.arch], "imagenet", {"width_mult": alpha}, resolution)


def count_for(figure: Figure, counts: Counts) -> float:
    if figure.table == "Table 2":
        name = figure.kwargs["layer"].replace(" ", "_").replace("×", "x")
        return facts(network_for(figure), name)[figure.metric]
    return (counts.weights if figure.metric == "params_M" else counts.mult_adds) / 1e6


@exact("mobilenetv2.ratio_1_over_k2")
def ratio_1_over_k2() -> tuple[bool, str]:
    """Section 3.1: depthwise separable against standard convolution, 1/K² + 1/C_out, in all 17 bottlenecks."""
    ratios = dict(separable_layers(on_meta("mobilenet_v2", **IMAGENET)))
    expected = {pair: Fraction(1, 9) + Fraction(1, pair[1].out_channels) for pair in ratios}
    saved = [float(1 / ratio) for ratio in ratios.values()]
    return ratios == expected and len(ratios) == 17, (
        f"the depthwise and projection layers of {len(ratios)} bottlenecks: {min(saved):.2f} "
        f"({min(pair[1].out_channels for pair in ratios)} channels) to {max(saved):.2f} times less"
    )


@exact("mobilenetv2.layers_54")
def layers_54() -> tuple[bool, str]:
    """MobileNet v2 has 54 layers."""
    network = on_meta("mobilenet_v2", **IMAGENET)
    counts = count(network, 224)
    first = part(network, "conv2d.0", nn.Conv2d).out_channels
    expanded = counts.mult_adds + first * first * 112 * 112
    return counts.layers == 54, (
        f"{counts.layers} layers with weights; the 54th would be an expansion in the first bottleneck, which has "
        f"t = 1, and take {expanded / 1e6:.1f}M mult-adds where {counts.mult_adds / 1e6:.1f}M make the printed 300M"
    )
