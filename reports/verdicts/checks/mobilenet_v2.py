"""MobileNet v2 (arXiv:1801.04381): Tables 2 and 4, and the table of the authors' released code (TF-slim)."""

from fractions import Fraction

from torch import nn

from architectures.counting import count
from architectures.counts import Counts
from architectures.mobilenet_v2 import Residual
from architectures.resnet import ResidualBlock
from reports.printed.figures import Figure
from reports.verdicts.checks import IMAGENET, convolutions, exact, on_meta, part
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


@exact("mobilenetv2.shortcut_at_stride_1")
def shortcut_at_stride_1() -> tuple[bool, str]:
    """Notes: a block of stride 1 has a shortcut, one of stride 2 has none."""
    with_shortcut: dict[int, list[bool]] = {1: [], 2: []}
    for name, row in on_meta("mobilenet_v2", **IMAGENET).named_children():
        if name.startswith("bottleneck"):
            for block in row.children():
                stride = max(layer.stride[0] for layer in convolutions(block))
                with_shortcut[stride].append(isinstance(block, Residual))
    first, second = with_shortcut[1], with_shortcut[2]
    return all(first) and not any(second), (
        f"{sum(first)} of {len(first)} blocks of stride 1 have a shortcut, the others change the number of channels; "
        f"{sum(second)} of {len(second)} of stride 2"
    )


@exact("mobilenetv2.widens_where_resnet_narrows")
def widens_where_resnet_narrows() -> tuple[bool, str]:
    """Notes, slides: a ResNet's block narrows to a quarter inside, an inverted residual widens six times."""
    network, resnet = on_meta("mobilenet_v2", **IMAGENET), on_meta("resnet", depth=50, **IMAGENET)
    widened = [
        Fraction(layers[0].out_channels, layers[0].in_channels)
        for name, row in network.named_children()
        if name.startswith("bottleneck")
        for layers in map(convolutions, row.children())
        if len(layers) == 3
    ]
    narrowed = [
        Fraction(layers[0].out_channels, layers[-1].out_channels)
        for layers in (convolutions(b.branch) for b in resnet.modules() if isinstance(b, ResidualBlock))
    ]
    return set(widened) == {Fraction(6)} and set(narrowed) == {Fraction(1, 4)}, (
        f"the 3×3 layers of ResNet-50's {len(narrowed)} blocks have {', '.join(map(str, set(narrowed)))} of the channels "
        f"that a block puts out; those of {len(widened)} bottlenecks of MobileNet v2 {', '.join(map(str, set(widened)))} "
        "times those that come in, the first bottleneck's as many (t = 1)"
    )
