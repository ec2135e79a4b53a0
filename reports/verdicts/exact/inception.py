"""Exact claims about Inception modules: what they cost, how wide they are, how they halve the resolution.

Szegedy et al., "Going Deeper with Convolutions", arXiv:1409.4842, and "Rethinking the Inception Architecture for
Computer Vision", arXiv:1512.00567. Modules are found by the rows of the architecture table and read off what a
forward pass on the meta device gives.
"""

from fractions import Fraction
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING

from reports.verdicts import complexity
from reports.verdicts.exact import exact

if TYPE_CHECKING:
    from torch import nn

    from architectures.counting import Stage


@exact("inception.naive_too_expensive")
def naive_too_expensive() -> tuple[bool, str]:
    """Section 4: without 1×1 reductions every module costs more, and the next one more still."""
    reduced, naive = (_modules("googlenet", module=form) for form in ("reduced", "naive"))
    dearer = [
        name
        for name in reduced
        if naive[name].counts.conv_weights > reduced[name].counts.conv_weights
        and naive[name].counts.mult_adds > reduced[name].counts.mult_adds
    ]
    with_, without = (form["inception_3a"].counts.conv_weights for form in (reduced, naive))
    weights, naive_weights = (sum(s.counts.conv_weights for s in form.values()) for form in (reduced, naive))
    cost, naive_cost = (sum(s.counts.mult_adds for s in form.values()) for form in (reduced, naive))
    return len(dearer) == len(reduced) == 9 and (with_, without) == (163_328, 387_072), (
        f"3a has {with_:,} weights with 1×1 reductions and {without:,} without; {len(dearer)} of "
        f"{len(reduced)} modules are dearer without, all together {naive_weights / 1e6:.1f}M weights against "
        f"{weights / 1e6:.1f}M and {naive_cost / 1e9:.1f}G multiply-adds against {cost / 1e9:.1f}G"
    )


@exact("inception.output_widths")
def output_widths() -> tuple[bool, str]:
    """Table 1: 3a puts out 64 + 128 + 32 + 32 = 256 maps of 28×28, 3b 128 + 192 + 96 + 64 = 480."""
    import torch

    claimed = {"inception_3a": [64, 128, 32, 32], "inception_3b": [128, 192, 96, 64]}
    stages = _stages("googlenet")
    found, holds = [], True
    for before, stage in pairwise(stages):
        if stage.name in claimed:
            maps = torch.empty(1, *before.output, device="meta")
            widths = [path(maps).shape[1] for path in stage.module.paths]
            holds &= widths == claimed[stage.name] and stage.output == (sum(widths), 28, 28)
            found.append(f"{stage.name} {' + '.join(map(str, widths))}, in all {stage.output[0]}")
    return holds and len(found) == len(claimed), "; ".join(found)


@exact("googlenet.t1_counts")
def t1_counts() -> tuple[bool, str]:
    """Table 1, "params" and "ops": all follow from the filters printed beside them, 7×7 being separable."""
    rows = [row for row in complexity.rows("googlenet") if row.network]
    given = [row for row in rows if row.verdict in (complexity.EXACT, complexity.CUT)]
    others = [
        f"{row.figure.row_id} {row.figure.metric} {row.figure.value} (counted {row.counted:.0f})"
        for row in rows
        if row not in given
    ]
    evidence = f"{len(given)} of {len(rows)} printed figures follow from the printed filters, the first being separable"
    return bool(rows) and not others, f"{evidence}; not {', '.join(others)}" if others else evidence


@exact("inception.nxn_to_1xn_nx1")
def nxn_to_1xn_nx1() -> tuple[bool, str]:
    """Rethinking, Section 3.2: 1×n and n×1 in the place of n×n cost 2/n, and put out as many maps as large."""
    from architectures.layers.conv_bn import conv_bn

    holds, shares = True, []
    for n in (3, 5, 7):
        for maps in (32, 192):
            (whole,) = _following(maps, 17, conv_bn(maps, maps, n))
            (pair,) = _following(maps, 17, conv_bn(maps, maps, (1, n)) + conv_bn(maps, maps, (n, 1)))
            share = Fraction(pair.counts.conv_weights, whole.counts.conv_weights)
            cost = Fraction(pair.counts.mult_adds, whole.counts.mult_adds)
            holds &= share == cost == Fraction(2, n) and pair.output == whole.output
        shares.append(f"{share} for n = {n} ({100 * (float(share) - 1):.0f} %)".replace("-", "−"))
    return holds, f"weights and multiply-adds, of 32 and of 192 maps: {', '.join(shares)}"


@exact("inception.grid_reduction_cost")
def grid_reduction_cost() -> tuple[bool, str]:
    """Rethinking, Section 5: from k maps on d × d to 2k on d/2 × d/2, for each weight of a kernel.

    Convolution, then pooling: 2 d² k² multiply-adds. Pooling first: 2 (d/2)² k², through a bottleneck of
    (d/2)² k numbers. Both side by side: cheaper than convolution first, without a bottleneck.
    """
    from torch import nn

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
    stages = _stages("bn_inception")
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


def _stages(arch: str, **knobs) -> "list[Stage]":
    """The rows of a network's architecture table, for ImageNet's 224 × 224."""
    import torch

    import architectures
    from architectures.counting import count_stages

    with torch.device("meta"):
        network = architectures.build(arch, stem="imagenet", num_classes=1000, **knobs)
    return count_stages(network, 224)


def _modules(arch: str, **knobs) -> "dict[str, Stage]":
    return {stage.name: stage for stage in _stages(arch, **knobs) if stage.name.startswith("inception_")}


def _following(maps: int, side: int, *blocks: "list[nn.Module]") -> "list[Stage]":
    """Blocks one after the other behind `maps` maps of side × side, each a row."""
    from torch import nn

    from architectures.counting import count_stages

    return count_stages(nn.Sequential(nn.Conv2d(3, maps, 1), *(nn.Sequential(*b) for b in blocks)), side)[1:]
