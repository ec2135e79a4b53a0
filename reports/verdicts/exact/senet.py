"""Exact claims about squeeze-and-excitation (Hu et al., "Squeeze-and-Excitation Networks", arXiv 1709.01507)."""

from typing import TYPE_CHECKING

from reports.printed import figures
from reports.verdicts.exact import exact, on_meta

if TYPE_CHECKING:
    from torch import nn

IMAGENET = {"stem": "imagenet", "num_classes": 1000}
# N blocks of C maps in each stage of ResNet-50 (Table 1).
STAGES = ((3, 256), (4, 512), (6, 1024), (3, 2048))
R = 16


@exact("senet.small_overhead")
def small_overhead() -> tuple[bool, str]:
    """Section 4, Equation 5: SE adds 2/r Σ N C² weights, 2.5 million or 10 % of ResNet-50, and 3.86 → 3.87 G."""
    plain = on_meta("resnet", depth=50, **IMAGENET)
    excited = on_meta("se_resnet", depth=50, reduction=R, bias=False, **IMAGENET)
    early = on_meta("se_resnet", depth=50, reduction=R, bias=False, se_stages=(2, 3, 4), **IMAGENET)
    added = _parameters(excited) - _parameters(plain)
    share, early_share = (
        100 * (_parameters(network) / _parameters(plain) - 1) for network in (excited, early)
    )
    by_formula = 2 * sum(n * maps**2 for n, maps in STAGES) // R
    billions, failures = [], []
    for figure in figures.read("senet_t2"):
        if figure.row_id == "r50" and figure.metric.startswith("flops_G"):
            arch = "se_resnet" if figure.metric.endswith("_se") else "resnet"
            billions.append(_mult_adds(arch) / 1e9)
            if not figure.matches(billions[-1]):
                failures.append(f"{arch}: printed {figure.value} G, counted {billions[-1]:.3f}")
    holds = added == by_formula and round(added / 1e6, 1) == 2.5 and round(share) == 10
    return holds and round(early_share) == 4 and len(billions) == 2 and not failures, (
        f"SE-ResNet-50 has {added:,} weights more than ResNet-50 (2/r Σ N C² = {by_formula:,}), {share:.1f} % "
        f"({early_share:.1f} % without the last stage's); "
        + (" and ".join(failures) or f"{billions[0]:.3f} and {billions[1]:.3f} G mult-adds")
    )


@exact("senet.two_fc_better_than_one")
def two_layers_are_cheaper() -> tuple[bool, str]:
    """Section 3.2: two layers with a bottleneck have 2 C²/r weights, one has C²; and a ReLU more."""
    plain = on_meta("resnet", depth=50, **IMAGENET)
    two, one = (
        on_meta("se_resnet", depth=50, reduction=R, fc_layers=layers, bias=False, **IMAGENET)
        for layers in (2, 1)
    )
    weights = [_parameters(network) - _parameters(plain) for network in (two, one)]
    bends = [_relus(network) - _relus(plain) for network in (two, one)]
    blocks = sum(n for n, _ in STAGES)
    return weights[1] * 2 == weights[0] * R and bends == [blocks, 0], (
        f"in SE-ResNet-50 two layers (r = {R}) take {weights[0]:,} weights, one takes {weights[1]:,}, "
        f"{weights[1] / weights[0]:g} times as many; two have {bends[0]} ReLUs, one has {bends[1]} "
        "(cheaper and more non-linear; whether it is better takes training)"
    )


def _parameters(network: "nn.Module") -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _relus(network: "nn.Module") -> int:
    from torch import nn

    return sum(isinstance(module, nn.ReLU) for module in network.modules())


def _mult_adds(arch: str) -> int:
    """By the convention of Table 2: see `reports.verdicts.complexity.senet`."""
    from reports.verdicts.complexity import Network, counts, senet

    network = Network.of(arch, "imagenet", {"depth": 50})
    return counts(network).mult_adds + sum(senet.additions(network))
