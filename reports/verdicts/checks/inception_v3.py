"""Inception v2 and v3 (arXiv:1512.00567): Tables 1 and 3."""

from fractions import Fraction
from itertools import pairwise
from math import prod

from torch import nn

from architectures.counting import Stage, count_stages
from architectures.counts import Counts
from reports.printed.figures import Figure
from reports.verdicts.checks import IMAGENET, exact, on_meta
from reports.verdicts.checks.architecture_rows import facts
from reports.verdicts.complexity import Network

TABLES = ("inception_v3",)
CONVENTION = "multiply-adds of convolutions and the fully connected layer at 299 × 299, without the auxiliary classifier"
RESOLUTION = 299
RELEASED = Network.of("inception_v3", "imagenet", {}, RESOLUTION)
_FILTERS = "the paper's own filter banks (its supplement, model.txt) aren't at hand"
EXPLAINED = {
    ("Table 1", "06", "input_side"): "73: the convolution before is 1×1 in the released network, here 3×3",
    (
        "Table 1",
        "07",
        "input_side",
    ): "71: the released network has a pooling in the place of a stride and of this row",
    (
        "Table 1",
        "08",
        "input_channels",
    ): "192: it is the first module that widens to 288 in the released network",
    (
        "sec. 6",
        "layers",
        "layers",
    ): "46 on the longest path by the released modules; the paper doesn't say how it counts",
    **{
        ("Table 3", row, "flops_G"): f"5.3 by the released filters and a 7×7 first layer; {_FILTERS}"
        for row in ("v2", "v2-rms", "v2-ls")
    },
    **{
        (
            "Table 3",
            row,
            "flops_G",
        ): f"5.7 by the released filters, 6.0 with Table 1's own first rows; {_FILTERS}"
        for row in ("v2-f7", "v3")
    },
}


# What stands for the rows of Table 1 in the released network: a 1×1, a 3×3 and a pooling for three 3×3 convolutions.
ROWS = (
    *("conv_1", "conv_2", "conv_3", "pool_1", "conv_4", "conv_5", "pool_2"),
    *("early", "medium", "coarsest", "pool", "linear"),
)


def network_for(figure: Figure) -> Network | str:
    if figure.table == "Table 1":
        return RELEASED
    if figure.arch not in ("Inception-v2", "Inception-v3"):
        return f"quoted from others: {figure.arch}"
    knobs = {
        "factorized_7x7": figure.kwargs.get("factorized_7x7", False),
        "auxiliary": "bn" if figure.kwargs.get("bn_auxiliary") else "plain",
    }
    return Network.of("inception_v3", "imagenet", knobs, RESOLUTION)


def count_for(figure: Figure, counts: Counts) -> float:
    if figure.table == "Table 1":
        number = int(figure.row_id)
        if number > len(ROWS):  # softmax
            return 1 if figure.metric == "input_side" else RELEASED.classes
        return facts(RELEASED, ROWS[number - 1])[figure.metric]
    if figure.metric == "layers":
        return counts.layers
    return counts.mult_adds / 1e9


@exact("inception.nxn_to_1xn_nx1")
def nxn_to_1xn_nx1() -> tuple[bool, str]:
    """Rethinking, Section 3.2: 1×n and n×1 in the place of n×n cost 2/n, and put out as many channels as large."""
    from architectures.layers.conv_bn import conv_bn

    holds, shares = True, []
    for n in (3, 5, 7):
        for channels in (32, 192):
            (whole,) = _following(channels, 17, conv_bn(channels, channels, n))
            (pair,) = _following(
                channels, 17, conv_bn(channels, channels, (1, n)) + conv_bn(channels, channels, (n, 1))
            )
            share = Fraction(pair.counts.conv_weights, whole.counts.conv_weights)
            cost = Fraction(pair.counts.mult_adds, whole.counts.mult_adds)
            holds &= share == cost == Fraction(2, n) and pair.output == whole.output
        shares.append(f"{share} for n = {n} ({100 * (float(share) - 1):.0f} %)".replace("-", "−"))
    return holds, f"weights and multiply-adds, of 32 and of 192 channels: {', '.join(shares)}"


@exact("inception.grid_reduction_cost")
def grid_reduction_cost() -> tuple[bool, str]:
    """Rethinking, Section 5: from k channels on d × d to 2k on d/2 × d/2, for each weight of a kernel.

    Convolution, then pooling: 2 d² k² multiply-adds. Pooling first: 2 (d/2)² k², through a bottleneck of
    (d/2)² k numbers. Both side by side: cheaper than convolution first, without a bottleneck.
    """
    from architectures.layers.concatenation import Concatenation

    k, d, kernel = 32, 28, 3 * 3
    wide, pool = nn.Conv2d(k, 2 * k, 3, padding=1), nn.MaxPool2d(2)
    strided = nn.Conv2d(k, k, 3, stride=2, padding=1)
    dear, cheap, parallel = (
        _following(k, d, *blocks)
        for blocks in ([[wide], [pool]], [[pool], [wide]], [[Concatenation([strided, pool])]])
    )
    costs = [
        Fraction(sum(stage.counts.mult_adds for stage in way), kernel * k * k * d * d)
        for way in (dear, cheap, parallel)
    ]
    narrowest = [min(prod(stage.output) for stage in way) for way in (dear, cheap, parallel)]
    end = 2 * k * (d // 2) ** 2
    same_end = all(way[-1].output == (2 * k, d // 2, d // 2) for way in (dear, cheap, parallel))
    holds = same_end and costs[:2] == [2, Fraction(1, 2)] and costs[2] < costs[0]
    holds &= narrowest == [end, end // 2, end]

    built = []
    stages = count_stages(on_meta("bn_inception", **IMAGENET), 224)
    for before, stage in pairwise(stages):
        if stage.name.startswith("inception_") and stage.output[1:] != before.output[1:]:
            convolution = kernel * before.output[0] * stage.output[0] * prod(before.output[1:])
            holds &= stage.counts.mult_adds < convolution
            built.append(
                f"{stage.name.removeprefix('inception_')} {stage.counts.mult_adds / 1e6:.0f}M multiply-adds "
                f"against {convolution / 1e6:.0f}M"
            )
    return holds and bool(built), (
        f"in d² k² for each weight of a kernel: convolution first {costs[0]}, pooling first {costs[1]}, side by "
        f"side {costs[2]}; the least numbers on the way to {end:,} are {', '.join(f'{n:,}' for n in narrowest)}; "
        f"BN-Inception's reductions against convolution first: {', '.join(built)}"
    )


def _following(channels: int, side: int, *blocks: list[nn.Module]) -> list[Stage]:
    """Blocks one after the other behind `channels` channels of side × side, each a row."""
    return count_stages(nn.Sequential(nn.Conv2d(3, channels, 1), *(nn.Sequential(*b) for b in blocks)), side)[
        1:
    ]
