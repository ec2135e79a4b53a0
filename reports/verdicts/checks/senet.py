"""SENet (arXiv:1709.01507): Tables 2, 3, 10, 13, 15, 16, and the sizes of the released models."""

import math
from functools import cache

import torch
from torch import nn

from architectures.counting import observe
from architectures.counts import Counts
from architectures.layers.squeeze_excitation import SqueezeExcitation
from reports.printed import figures
from reports.printed.figures import Figure
from reports.verdicts import complexity
from reports.verdicts.checks import IMAGENET, convolutions, exact, on_meta, parameters
from reports.verdicts.complexity import Network

TABLES = ("senet_t2", "senet_t3", "senet_t4_t5", "senet_t8", "senet_ablations", "senet_repo")
CONVENTION = (
    "mult-adds of convolutions and fully connected layers and one for each number that an average pooling, "
    "SE's squeeze among them, adds up; in Tables 2 and 3 also one for each addition of a shortcut, in none the "
    "scaling by SE. Table 3: weights only; Tables 10 to 16: weights and four numbers per normalised map (scale, "
    "shift, mean, variance), and one for each map that SE scales, as a bias of its second layer would be: Section 6 "
    "says that there is none, but without it r = 8 would have 30.6 million; the released models: the same with biases, in MiB of four-byte "
    "numbers"
)
# The networks that a row of Tables 2 and 3 compares, architecture and knobs: without SE and with it.
PLAIN: dict[str, tuple[str, dict]] = {
    "r50": ("resnet", {"depth": 50}),
    "r101": ("resnet", {"depth": 101}),
    "r152": ("resnet", {"depth": 152}),
    "x50": ("resnext", {"depth": 50}),
    "x101": ("resnext", {"depth": 101}),
    "vgg16": ("vgg", {"batch_norm": True}),
    "mob": ("mobilenet_v1", {}),
    "shuf": ("shufflenet_v1", {}),
    "bninc": ("bn_inception", {"conv1": "full"}),
    "irv2": ("inception_resnet_v2_tf", {}),
}
EXCITED: dict[str, tuple[str, dict]] = {
    "r50": ("se_resnet", {"depth": 50}),
    "r101": ("se_resnet", {"depth": 101}),
    "r152": ("se_resnet", {"depth": 152}),
    "x50": ("se_resnext", {"depth": 50}),
    "x101": ("se_resnext", {"depth": 101}),
    "vgg16": ("se_vgg", {}),
    "mob": ("se_mobilenet_v1", {}),
    "shuf": ("shufflenet_v1", {"se": True, "se_units": "identity"}),
    "bninc": ("se_bn_inception", {}),
    "irv2": ("se_inception_resnet_v2", {}),
}
RELEASED: dict[str, tuple[str, dict]] = {
    "SE-ResNet-50": EXCITED["r50"],
    "SE-ResNet-101": EXCITED["r101"],
    "SE-ResNet-152": EXCITED["r152"],
    "SE-ResNeXt-50": EXCITED["x50"],
    "SE-ResNeXt-101": EXCITED["x101"],
    "SENet-154": ("senet_154", {}),
    "SE-BN-Inception": EXCITED["bninc"],
}
# What the ablations call a knob, and a value of it.
KNOBS = {"r": "reduction", "where": "position"}
VALUES = {"avg": "average", False: "none", "after 3x3": "3x3", "all": (2, 3, 4, 5)}
# Tables whose mult-adds count the additions of shortcuts; in others' they'd make 3.87 of 3.86.
WITH_SHORTCUTS = ("Table 2", "Table 3")
MIB = 2**20
_BOTH = "with the scaling counted too, which makes the rows of ResNet-50, ResNet-152 and VGG-16 too large"
_MODULES = (
    "the released network of 10, 20 and 10 modules; with 5, 20 and 5 it would be 11.76, but no source says so"
)
EXPLAINED = {
    ("Table 2", "bninc", "flops_G_reimpl"): (
        "2.04; 2.03 without the average poolings inside modules, with which SE-BN-Inception is as printed"
    ),
    ("Table 2", "irv2", "flops_G_reimpl"): f"13.16, {_MODULES}",
    ("Table 2", "irv2", "flops_G_se"): f"13.18, {_MODULES}",
    ("Table 2", "x101", "flops_G_reimpl"): "7.98; ResNeXt-50, counted in the same way, is as printed",
    ("Table 2", "r101", "flops_G_se"): f"7.59; 7.60 {_BOTH}",
    ("Table 2", "x50", "flops_G_se"): f"4.24; 4.25 {_BOTH}",
    ("Table 2", "x101", "flops_G_se"): f"7.99; 8.00 {_BOTH}",
    ("Table 1", "SE-ResNet-152", "size_MB"): (
        "255.48; the rest may be what a file of weights holds beside them, the names and settings of its layers"
    ),
}
# N blocks of C channels in each stage of ResNet-50 (Table 1).
STAGES = ((3, 256), (4, 512), (6, 1024), (3, 2048))
R = 16


def network_for(figure: Figure) -> Network:
    if figure.table == "Table 1":
        arch, knobs = RELEASED[figure.row_id]
    elif figure.table in WITH_SHORTCUTS:
        arch, knobs = (EXCITED if figure.metric.endswith("_se") else PLAIN)[figure.row_id]
    elif figure.arch == "ResNet":
        arch, knobs = "resnet", figure.kwargs
    else:
        arch = "se_resnet"
        knobs = {KNOBS.get(name, name): _value(value) for name, value in figure.kwargs.items()}
        knobs["bias"] = False
    return Network.of(arch, "imagenet", knobs, 299 if figure.row_id == "irv2" else None)


def _value(value: object) -> object:
    return VALUES.get(value, value) if not isinstance(value, list) else tuple(value)


def count_for(figure: Figure, counts: Counts) -> float:
    if figure.metric.startswith("params_added"):
        before = complexity.counts(Network.of("resnet", "imagenet", {"depth": figure.kwargs["depth"]}))
        added = counts.parameters - before.parameters
        return added / 1e6 if figure.metric == "params_added_M" else 100 * added / before.parameters
    if figure.metric.startswith("params"):
        if figure.table == "Table 3":
            return counts.weights / 1e6
        return (
            counts.weights + 2 * counts.norm_scales_and_shifts + scaled_channels(network_for(figure))
        ) / 1e6
    if figure.metric == "size_MB":
        return 4 * (counts.weights + 2 * counts.norm_scales_and_shifts + counts.biases) / MIB
    pooled, added = additions(network_for(figure))
    total = counts.mult_adds + pooled + (added if figure.table in WITH_SHORTCUTS else 0)
    return total / (1e9 if figure.metric.startswith("flops_G") else 1e6)


@cache
def scaled_channels(network: Network) -> int:
    """Count the channels that squeeze-and-excitation scales, over the whole network."""
    blocks = [module for module in network.on_meta().modules() if isinstance(module, SqueezeExcitation)]
    return sum(convolutions(block)[-1].out_channels for block in blocks)


@cache
def additions(network: Network) -> tuple[int, int]:
    """Count the numbers that average poolings add up, and that shortcuts are added to, in one forward pass."""
    pooled, added = [], []

    def note(module: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        if isinstance(module, nn.AdaptiveAvgPool2d):
            pooled.append(inputs[0].numel())
        elif isinstance(module, nn.AvgPool2d):
            side = module.kernel_size
            pooled.append(output.numel() * (side**2 if isinstance(side, int) else math.prod(side)))
        # ShuffleNet's units of stride 2 concatenate.
        elif hasattr(module, "shortcut") and not getattr(module, "concatenates", False):
            added.append(output.numel())

    observe(network.on_meta(), network.resolution, note)
    return sum(pooled), sum(added)


@exact("senet.small_overhead")
def small_overhead() -> tuple[bool, str]:
    """Section 4, Equation 5: SE adds 2/r Σ N C² weights, 2.5 million or 10 % of ResNet-50, and 3.86 → 3.87 G."""
    plain = on_meta("resnet", depth=50, **IMAGENET)
    excited = on_meta("se_resnet", depth=50, reduction=R, bias=False, **IMAGENET)
    early = on_meta("se_resnet", depth=50, reduction=R, bias=False, se_stages=(2, 3, 4), **IMAGENET)
    added = parameters(excited) - parameters(plain)
    share, early_share = (100 * (parameters(network) / parameters(plain) - 1) for network in (excited, early))
    by_formula = 2 * sum(n * channels**2 for n, channels in STAGES) // R
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
    weights = [parameters(network) - parameters(plain) for network in (two, one)]
    bends = [_relus(network) - _relus(plain) for network in (two, one)]
    blocks = sum(n for n, _ in STAGES)
    return weights[1] * 2 == weights[0] * R and bends == [blocks, 0], (
        f"in SE-ResNet-50 two layers (r = {R}) take {weights[0]:,} weights, one takes {weights[1]:,}, "
        f"{weights[1] / weights[0]:g} times as many; two have {bends[0]} ReLUs, one has {bends[1]} "
        "(cheaper and more non-linear; whether it is better takes training)"
    )


def _relus(network: nn.Module) -> int:
    return sum(isinstance(module, nn.ReLU) for module in network.modules())


def _mult_adds(arch: str) -> int:
    """Return the multiply-adds of 50 layers by the convention of Table 2."""
    network = Network.of(arch, "imagenet", {"depth": 50})
    return complexity.counts(network).mult_adds + sum(additions(network))
