"""Exact claims about MobileNets: v1 (Howard et al., arXiv 1704.04861), v2 (Sandler et al., arXiv 1801.04381) and
v3 (Howard et al., arXiv 1905.02244).
"""

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from reports.verdicts.exact import as_printed, exact, on_meta

if TYPE_CHECKING:
    from torch import nn

IMAGENET = {"stem": "imagenet", "num_classes": 1000}
ALPHAS = (0.75, 0.5, 0.25)
RESOLUTIONS = (192, 160, 128)


@exact("dws.cost_ratio")
def cost_ratio() -> tuple[bool, str]:
    """Section 3.1: a separable convolution costs 1/N + 1/D_K² of a standard one, 8 to 9 times less for 3×3."""
    ratios = dict(_separable(on_meta("mobilenet_v1", **IMAGENET)))
    expected = {pair: Fraction(1, pair[1].out_channels) + Fraction(1, 9) for pair in ratios}
    saved = [float(1 / ratio) for ratio in ratios.values()]
    holds = ratios == expected and len(ratios) == 13 and all(round(times) in (8, 9) for times in saved)
    return holds, (
        f"{len(ratios)} separable layers of MobileNet against standard ones of their shapes: "
        f"{min(saved):.2f} to {max(saved):.2f} times less, the least for the 64 maps of the first"
    )


@exact("dws.dw_795_vs_6912")
def dw_795_vs_6912() -> tuple[bool, str]:
    """A 3×3 layer from 3 to 256 maps has 6912 weights, separable 795, "one ninth"."""
    from torch import nn

    from architectures.mobilenet_v1 import full, separable

    few, many = (_weights(make(3, 256, 1, nn.ReLU)) for make in (separable, full))
    return (few, many, round(many / few)) == (795, 6912, 9), (
        f"from 3 to 256 maps: {few:,} weights against {many:,}, {many / few:.2f} times less"
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
    from architectures.counting import count

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


@exact("mobilenetv2.ratio_1_over_k2")
def ratio_1_over_k2() -> tuple[bool, str]:
    """Section 3.1: depthwise separable against standard convolution, 1/K² + 1/C_out, in all 17 bottlenecks."""
    ratios = dict(_separable(on_meta("mobilenet_v2", **IMAGENET)))
    expected = {pair: Fraction(1, 9) + Fraction(1, pair[1].out_channels) for pair in ratios}
    saved = [float(1 / ratio) for ratio in ratios.values()]
    return ratios == expected and len(ratios) == 17, (
        f"the depthwise and projection layers of {len(ratios)} bottlenecks: {min(saved):.2f} "
        f"({min(pair[1].out_channels for pair in ratios)} maps) to {max(saved):.2f} times less"
    )


@exact("mobilenetv2.layers_54")
def layers_54() -> tuple[bool, str]:
    """MobileNet v2 has 54 layers."""
    from architectures.counting import count

    network = on_meta("mobilenet_v2", **IMAGENET)
    counts = count(network, 224)
    first = network.conv2d[0].out_channels
    expanded = counts.mult_adds + first * first * 112 * 112
    return counts.layers == 54, (
        f"{counts.layers} layers with weights; the 54th would be an expansion in the first bottleneck, which has "
        f"t = 1, and take {expanded / 1e6:.1f}M mult-adds where {counts.mult_adds / 1e6:.1f}M make the printed 300M"
    )


@exact("mobilenetv3.hswish_formula")
def hswish_formula() -> tuple[bool, str]:
    """Section 5.2: h-swish(x) = x · ReLU6(x + 3) / 6, which is near swish, x · sigmoid(x)."""
    import torch
    from torch import nn
    from torch.nn import functional

    x = torch.linspace(-8, 8, 16_001, dtype=torch.double)
    bends = [m for m in on_meta("mobilenet_v3_large", **IMAGENET).modules() if isinstance(m, nn.Hardswish)]
    formula = x * functional.relu6(x + 3) / 6
    same = bool(bends) and all(torch.allclose(bend(x.clone()), formula) for bend in bends[:1])
    gap = (formula - x * torch.sigmoid(x)).abs()
    return same and gap.max().item() < 0.15, (
        f"{len(bends)} activations of MobileNet v3-Large; the greatest distance to swish is {gap.max():.4f}, "
        f"at x = ±{abs(x[gap.argmax()]):.2f}"
    )


@exact("mobilenetv3.last_stage_free")
def last_stage_free() -> tuple[bool, str]:
    """Section 5.1, what can be counted: the efficient last stage saves 30 million mult-adds."""
    return as_printed("mobilenet_v3", lambda f: f.row_id == "last-v5" and f.metric == "mult_adds_M_saved")


def _separable(network: "nn.Module") -> "Iterator[tuple[tuple[nn.Conv2d, nn.Conv2d], Fraction]]":
    """Every depthwise convolution with the 1×1 behind it, and their weights as a share of a standard one's.

    Both work on maps of one size, so that the share of the mult-adds is the same.
    """
    from torch import nn

    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    for depthwise, pointwise in pairwise(convolutions):
        if depthwise.groups == depthwise.in_channels > 1:
            standard = depthwise.in_channels * pointwise.out_channels * math.prod(depthwise.kernel_size)
            weights = depthwise.weight.numel() + pointwise.weight.numel()
            yield (depthwise, pointwise), Fraction(weights, standard)


def _weights(network: "nn.Module") -> int:
    from torch import nn

    return sum(m.weight.numel() for m in network.modules() if isinstance(m, nn.Conv2d))


def _range(numbers: list[float]) -> str:
    low, high = f"{min(numbers):.2f}", f"{max(numbers):.2f}"
    return low if low == high else f"{low} to {high}"
