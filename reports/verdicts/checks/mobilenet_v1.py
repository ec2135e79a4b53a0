"""MobileNet (arXiv:1704.04861): Tables 1 to 14, and the table of the authors' released code (TF-slim)."""

import math
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from itertools import pairwise

from torch import nn

from architectures.counting import count, count_kinds
from architectures.counts import Counts
from reports.printed.figures import Figure
from reports.verdicts.checks import IMAGENET, as_printed, convolutions, exact, on_meta
from reports.verdicts.checks.architecture_rows import DEPTHWISE, OTHER, facts
from reports.verdicts.complexity import Network, stages

TABLES = (
    "mobilenet_v1_t1",
    "mobilenet_v1_t2_t3",
    "mobilenet_v1_t4_t7",
    "mobilenet_v1_t8_t14",
    "mobilenet_v1_slim",
)
CONVENTION = (
    "weights without batch normalisation, mult-adds of convolutions and fully connected layer. "
    "Convolutions alone: Table 4's full network (mult-adds), Tables 12 and 14. "
    "Table 10 has the parameters for 120 breeds, the mult-adds for ImageNet's 1000 classes. "
    "The released code counts biases and three numbers per normalised map (shift, mean, variance), the "
    "additions of the average pooling, and at α = 0.75 leaves the first convolution out of the mult-adds"
)
DOGS = 120
# Table 2: its rows by kind of layer.
KINDS = {"1x1": "1×1 conv", "dw": "3×3 depthwise conv", "3x3": "3×3 conv", "fc": "fully connected"}
SLIM = "table"
# Printed as 0.75 MobileNet-128 twice; the first of the two is 0.75 MobileNet-160.
RENAMED = {("Table 14", "3"): 160}
CUT = {
    ("Table 7", "160", "mult_adds_M"),
    ("Table 9", "m", "mult_adds_M"),
    ("Table 12", "0.5-128", "mult_adds_M"),
}
_NARROWEST = "only layers of at least 16 channels give it (45.99 and 15.02); α · 32 is 8 in the first"
_FACES = "the embedding on top of the last convolution isn't described"
EXPLAINED = {
    ("Table 1", "dw14", "stride"): "1: it takes in 7×7 and puts out 7×7, as its row and the next print",
    ("Table 2", "3x3", "mult_adds_pct"): "digits exchanged: 1.91, as the column must sum to 100",
    ("Table 12", "0.25-224", "mult_adds_M"): _NARROWEST,
    ("Table 12", "0.25-128", "mult_adds_M"): _NARROWEST,
    ("Table 14", "1", "mult_adds_M"): "less than the convolutions of Table 1 take at 160 × 160, 289.7M",
    ("Table 14", "4", "mult_adds_M"): f"the convolutions take 106.0M; {_FACES}",
    **{("Table 14", row, "params_M"): _FACES for row in "1234"},
    (SLIM, "0.25-192", "mult_adds_M"): (
        "30.2M; 34.0M with at least 16 channels a layer, which the same table's other rows at 0.25 don't have"
    ),
}
ALPHAS = (0.75, 0.5, 0.25)
RESOLUTIONS = (192, 160, 128)


def network_for(figure: Figure) -> Network | str:
    if figure.row_id in ("pool", "fc"):
        return "pooling and classifier, of which the table prints no convolution"
    if figure.kwargs.get("framework"):
        return "a detector, of which the network is a part"
    if figure.table != "Table 3" and figure.arch != "MobileNet v1":
        return f"another family's network: {figure.arch}"
    return _network_of(figure)


def _network_of(figure: Figure) -> Network:
    if figure.table == "Table 3":
        return _separable(figure) if figure.arch == "depthwise separable" else _network(convolution="full")
    if figure.kwargs.get("conv") == "full":
        return _network(convolution="full")
    if figure.kwargs.get("shallow"):
        return _network(shallow=True)
    classes = DOGS if figure.dataset == "Stanford Dogs" and figure.metric == "params_M" else None
    resolution = RENAMED.get((figure.table, figure.row_id), figure.kwargs.get("resolution"))
    return _network(resolution, classes, width_mult=figure.kwargs.get("alpha", 1.0))


def _separable(figure: Figure) -> Network:
    resolution = round(224 * figure.kwargs.get("rho", 1))
    return _network(resolution, width_mult=figure.kwargs.get("alpha", 1.0))


def _network(resolution: int | None = None, classes: int | None = None, **knobs) -> Network:
    return Network.of("mobilenet_v1", "imagenet", knobs, resolution, classes)


def count_for(figure: Figure, counts: Counts) -> float:
    if figure.table == "Table 1":
        return _printed_of_row(figure)
    of_parameters = figure.metric.startswith("params")
    if figure.table == "Table 2":
        return _share(figure.row_id, of_parameters, counts)
    if figure.table == "Table 3":
        counts = _one_of_the_five(_network_of(figure))
    if figure.table == SLIM:
        return (_slim_parameters(counts) if of_parameters else _slim_mult_adds(figure, counts)) / 1e6
    if figure.table in ("Table 12", "Table 14") or figure.kwargs.get("conv") == "full" and not of_parameters:
        return (counts.conv_weights if of_parameters else counts.conv_mult_adds) / 1e6
    scale = 5e6 if figure.table == "Table 3" else 1e6
    return (counts.weights if of_parameters else counts.mult_adds) / scale


def _printed_of_row(figure: Figure) -> float:
    """Return what Table 1 prints of a row: `conv1`, `dw2`, `pw2`, `dw8-12` and so on, five pairs in one stage."""
    name, number = figure.row_id.rstrip("0123456789-"), figure.row_id.lstrip("convdpw")
    if number == "8-12":
        return facts(_network(), "conv_8_to_12", DEPTHWISE if name == "dw" else OTHER)[figure.metric]
    return facts(_network(), f"conv_dw_{number}" if name == "dw" else f"conv_{number}")[figure.metric]


def _share(row: str, of_parameters: bool, counts: Counts) -> float:
    """Percent of all weights or mult-adds in the layers of a kind: 1x1, dw, 3x3 or fc."""
    kind = _kinds(_network())[KINDS[row]]
    if of_parameters:
        return 100 * kind.weights / counts.weights
    return 100 * kind.mult_adds / counts.mult_adds


def _one_of_the_five(network: Network) -> Counts:
    """All five layers of 512 channels at 14×14; Table 3 is about one of them."""
    return next(stage.counts for name, stage in stages(network).items() if "_to_" in name)


def _slim_parameters(counts: Counts) -> float:
    return counts.weights + counts.biases + 3 * counts.norm_scales_and_shifts / 2


def _slim_mult_adds(figure: Figure, counts: Counts) -> float:
    network = _network_of(figure)
    pooled = counts.fc_weights // network.classes * (network.resolution // 32) ** 2
    first = next(iter(stages(network).values()))
    left_out = first.counts.mult_adds if figure.kwargs["alpha"] == 0.75 else 0
    return counts.mult_adds + pooled - left_out


@cache
def _kinds(network: Network) -> dict[str, Counts]:
    return count_kinds(network.on_meta(), network.resolution)


@exact("dws.cost_ratio")
def cost_ratio() -> tuple[bool, str]:
    """Section 3.1: a separable convolution costs 1/N + 1/D_K² of a standard one, 8 to 9 times less for 3×3."""
    ratios = dict(separable_layers(on_meta("mobilenet_v1", **IMAGENET)))
    expected = {pair: Fraction(1, pair[1].out_channels) + Fraction(1, 9) for pair in ratios}
    saved = [float(1 / ratio) for ratio in ratios.values()]
    holds = ratios == expected and len(ratios) == 13 and all(round(times) in (8, 9) for times in saved)
    return holds, (
        f"{len(ratios)} separable layers of MobileNet against standard ones of their shapes: "
        f"{min(saved):.2f} to {max(saved):.2f} times less, the least for the 64 channels of the first"
    )


@exact("dws.dw_795_vs_6912")
def dw_795_vs_6912() -> tuple[bool, str]:
    """A 3×3 layer from 3 to 256 channels has 6912 weights, separable 795, "one ninth"."""
    from architectures.mobilenet_v1 import full, separable

    few, many = (_weights(make(3, 256, 1, nn.ReLU)) for make in (separable, full))
    return (few, many, round(many / few)) == (795, 6912, 9), (
        f"from 3 to 256 channels: {few:,} weights against {many:,}, {many / few:.2f} times less"
    )


@exact("mobilenet.layer_ladder")
def layer_ladder() -> tuple[bool, str]:
    """Table 3: one layer, standard, separable, with α = 0.75, with ρ = 0.714."""
    return as_printed("mobilenet_v1", lambda figure: figure.table == "Table 3")


@exact("mobilenet.resource_share")
def resource_share() -> tuple[bool, str]:
    """Table 2: the 1×1 convolutions have 94.86 % of the mult-adds and 74.59 % of the parameters."""
    holds, evidence = as_printed("mobilenet_v1", lambda f: (f.table, f.row_id) == ("Table 2", "1x1"))
    _, others = as_printed("mobilenet_v1", lambda f: f.table == "Table 2" and f.row_id != "1x1")
    return holds, f"1×1 convolutions: {evidence}; the other layers: {others}"


@exact("mobilenet.alpha_rho_quadratic")
def alpha_rho_quadratic() -> tuple[bool, str]:
    """Section 3.3, 3.4: α reduces mult-adds and parameters by about α², ρ the mult-adds by ρ².

    About α² means here that α to the power of 2, rounded, gives the reduction.
    """
    whole = count(on_meta("mobilenet_v1", **IMAGENET), 224)
    thin = {alpha: count(on_meta("mobilenet_v1", width_mult=alpha, **IMAGENET), 224) for alpha in ALPHAS}
    small = {side: count(on_meta("mobilenet_v1", **IMAGENET), side) for side in RESOLUTIONS}

    def powers(whole: int, reduced: dict[float, int]) -> list[float]:
        return [math.log(number / whole) / math.log(factor) for factor, number in reduced.items()]

    by_alpha = powers(whole.mult_adds, {alpha: c.mult_adds for alpha, c in thin.items()})
    parameters = powers(whole.parameters, {alpha: c.parameters for alpha, c in thin.items()})
    convolutions = powers(whole.conv_weights, {alpha: c.conv_weights for alpha, c in thin.items()})
    by_rho = powers(whole.mult_adds, {side / 224: c.mult_adds for side, c in small.items()})
    holds = all(round(power) == 2 for power in [*by_alpha, *parameters, *by_rho])
    holds &= all(counts.parameters == whole.parameters for counts in small.values())
    return holds, (
        f"mult-adds go with α to the power of {_range(by_alpha)}, with ρ to that of {_range(by_rho)}; parameters "
        f"with α to that of {_range(parameters)}, because the classifier's go with α itself "
        f"(convolutions: {_range(convolutions)}), and not with ρ"
    )


@exact("mobilenet.tables_4_7_counts")
def tables_4_7_counts() -> tuple[bool, str]:
    """Tables 4 to 7: mult-adds and parameters of the full, thin, shallow and low-resolution networks."""
    tables = [f"Table {number}" for number in range(4, 8)]
    return as_printed("mobilenet_v1", lambda figure: figure.table in tables)


def separable_layers(network: nn.Module) -> Iterator[tuple[tuple[nn.Conv2d, nn.Conv2d], Fraction]]:
    """Return every depthwise convolution with the 1×1 behind it, and their weights as a share of a standard one's.

    Both work on feature maps of one size, so that the share of the mult-adds is the same.
    """
    for depthwise, pointwise in pairwise(convolutions(network)):
        if depthwise.groups == depthwise.in_channels > 1:
            standard = depthwise.in_channels * pointwise.out_channels * math.prod(depthwise.kernel_size)
            weights = depthwise.weight.numel() + pointwise.weight.numel()
            yield (depthwise, pointwise), Fraction(weights, standard)


def _weights(network: nn.Module) -> int:
    return sum(layer.weight.numel() for layer in convolutions(network))


def _range(numbers: list[float]) -> str:
    low, high = f"{min(numbers):.2f}", f"{max(numbers):.2f}"
    return low if low == high else f"{low} to {high}"
