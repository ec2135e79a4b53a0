"""ShuffleNet v2 (arXiv:1807.11164): Tables 5, 6 and 8, and the table of the authors' repository."""

import torch
from torch import nn

from architectures.counts import Counts
from architectures.shufflenet_v2 import ShuffleUnit
from reports.printed.figures import Figure
from reports.verdicts.checks import CIFAR, convolutions, exact, with_random_weights
from reports.verdicts.complexity import Network, stages

TABLES = (
    "shufflenet_v2_t1_t4",
    "shufflenet_v2_t5_t7",
    "shufflenet_v2_t8",
    "shufflenet_repo",
)
CONVENTION = (
    "parameters with batch normalisation, in the repository without the classifier's biases, which its code "
    "leaves out; multiply-adds of convolutions, the fully connected layer and global pooling, without which "
    "0.5x would round to 40 and not to the printed 41"
)
# Pixels a side of the feature maps that global pooling adds up.
LAST_SIDE = 7
CLASSES = 1000
BUILDERS = {
    "MobileNet v1": "mobilenet_v1",
    "MobileNet v2": "mobilenet_v2",
    "ResNet": "resnet",
    "ShuffleNet v1": "shufflenet_v1",
    "ShuffleNet v2": "shufflenet_v2",
}
RENAMED = {"alpha": "width_mult"}
CUT = {
    ("Table 6", "r50", "flops_G"),
    ("Table 8", "ShuffleNet v1 1.5x", "mult_adds_M"),
    ("Table 8", "MobileNet v1 0.5", "mult_adds_M"),
    ("Table 8", "MobileNet v2 1.0", "mult_adds_M"),
    ("V1", "1.5-g3", "mult_adds_M"),
    ("V1", "0.5-g8", "mult_adds_M"),
}
_OWN_V2 = "the authors' own MobileNet v2, whose channels at this α aren't printed; with the released code's "
EXPLAINED = {
    **{
        ("Table 8", f"MobileNet v2 {alpha}", "mult_adds_M"): f"{_OWN_V2}it takes {ours}M"
        for alpha, ours in (("0.15", 31), ("0.4", 42), ("0.6", 151), ("0.75", 154), ("1.4 own", 582))
    },
    ("Table 8", "MobileNet v2 1.4", "mult_adds_M"): (
        "as MobileNet v2's Table 4 prints; the released network of that name takes 582M, as its table prints"
    ),
    ("Table 8", "ShuffleNet v1 1x", "mult_adds_M"): (
        "138; 140 names the level of ShuffleNet's Table 2, whose Table 1 prints 137"
    ),
    ("Table 8", "ShuffleNet v2 2x SE", "mult_adds_M"): (
        "591 with SE on the right branch and r = 16; neither its place nor r is printed"
    ),
}
# G1 and G2: mult-adds that a layer is held to, and the pixels of its feature maps, as in Table 1.
PIXELS = 56 * 56
CHANNEL_PRODUCT = 128 * 128


def network_for(figure: Figure) -> Network | str:
    if figure.arch in ("ShuffleNet v1-50", "ShuffleNet v2-50", "SE-ShuffleNet v2-164"):
        return "a network of the paper's appendix, not built here"
    if figure.arch not in BUILDERS:
        return f"quoted from others: {figure.arch}"
    knobs = {RENAMED.get(name, name): value for name, value in figure.kwargs.items() if name != "resolution"}
    return Network.of(BUILDERS[figure.arch], "imagenet", knobs, figure.kwargs.get("resolution"))


def count_for(figure: Figure, counts: Counts) -> float:
    if figure.metric in ("stage2", "stage3", "stage4", "conv5"):
        return stages(network_for(figure))[figure.metric].output[0]
    if figure.metric == "params_M":
        released = figure.table in ("V1", "V2")
        return (counts.parameters - (counts.biases if released else 0)) / 1e6
    mult_adds = counts.mult_adds + LAST_SIDE**2 * counts.fc_mult_adds // CLASSES
    return mult_adds / (1e9 if figure.metric == "flops_G" else 1e6)


@exact("shufflenetv2.mac_lower_bound")
def mac_lower_bound() -> tuple[bool, str]:
    """Section 2, G1 and G2: at fixed mult-adds a 1×1 layer reads and writes least with as many channels in as out,
    and the more the more groups it has.
    """
    inputs = [2**power for power in range(4, 11)]
    by_width = {c1: access_cost(_pointwise(c1, CHANNEL_PRODUCT // c1), PIXELS) for c1 in inputs}
    least = min(by_width, key=lambda width: by_width[width])
    # Equation 2: MAC ≥ 2 √(hw B) + B / hw with B = hw · c1 · c2
    bound = 2 * PIXELS * CHANNEL_PRODUCT**0.5 + CHANNEL_PRODUCT
    by_groups = [access_cost(_pointwise(128, 128 * g, g), PIXELS) for g in (1, 2, 4, 8)]
    holds = (
        least**2 == CHANNEL_PRODUCT
        and by_width[least] == bound
        and all(cost > bound for c1, cost in by_width.items() if c1 != least)
        and by_groups == sorted(set(by_groups))
    )
    ratios = ", ".join(f"{cost / by_groups[0]:.2f}" for cost in by_groups)
    return holds, (
        f"least at {least} channels in and {CHANNEL_PRODUCT // least} out, {by_width[least] / 1e6:.3f}M accesses, where "
        f"the bound is {bound / 1e6:.3f}M; g = 1, 2, 4, 8 at equal mult-adds cost {ratios} times as many"
    )


def access_cost(layer: nn.Conv2d, pixels: int) -> int:
    """Return MAC of Equation 1: numbers read and written, channels in and out and the weights."""
    return pixels * (layer.in_channels + layer.out_channels) + layer.weight.numel()


@exact("shufflenetv2.unit_follows_guidelines")
def unit_follows_guidelines() -> tuple[bool, str]:
    """Notes; Section 3: half of a unit's channels pass untouched, its 1×1 layers are square and have no groups."""
    network = with_random_weights("shufflenet_v2", scale=0.5, **CIFAR)
    units = [module for module in network.modules() if isinstance(module, ShuffleUnit)]
    generator = torch.Generator().manual_seed(0)
    square, untouched, concatenated = [], [], []
    for unit in units:
        pointwise = [layer for layer in convolutions(unit) if layer.kernel_size == (1, 1)]
        square += [layer.in_channels == layer.out_channels and layer.groups == 1 for layer in pointwise]
        width = 2 * pointwise[0].in_channels
        x = torch.randn(1, width, 4, 4, dtype=torch.double, generator=generator)
        left, right = x.chunk(2, 1)
        with torch.no_grad():
            # The shuffle of two groups deals them out in turn.
            y, branch = unit(x), unit.branch(right).relu()
        untouched.append(torch.equal(y[:, ::2], left))
        concatenated.append(torch.equal(y[:, 1::2], branch))
    return all(square) and all(untouched) and all(concatenated) and len(units) == 13, (
        f"{sum(square)} of {len(square)} 1×1 layers in the {len(units)} units of stride 1 have as many channels out as in "
        f"and no groups; in {sum(untouched)} units half of the channels come out as they went in, in {sum(concatenated)} "
        "nothing is added to what the branch makes of the others"
    )


def _pointwise(inputs: int, outputs: int, groups: int = 1) -> nn.Conv2d:
    """A 1×1 layer of inputs · outputs / groups mult-adds a pixel."""
    return nn.Conv2d(inputs, outputs, 1, groups=groups, bias=False, device="meta")
