"""Exact claims about ShuffleNets: v1 (Zhang et al., arXiv 1707.01083) and v2 (Ma et al., arXiv 1807.11164)."""

from typing import TYPE_CHECKING

from reports.printed import figures
from reports.verdicts.exact import as_printed, exact, on_meta

if TYPE_CHECKING:
    from torch import nn

GROUPS = (2, 3, 4, 8)
# G1 and G2: mult-adds that a layer is held to, and the pixels of its maps, as in Table 1.
PIXELS = 56 * 56
CHANNEL_PRODUCT = 128 * 128


@exact("shufflenet.t1_complexity")
def t1_complexity() -> tuple[bool, str]:
    """Table 1: about 140 million mult-adds for any number of groups, and the more groups the more maps."""
    holds, evidence = as_printed("shufflenet_v1", lambda figure: figure.table == "Table 1")
    widths = [int(f.value) for f in figures.read("shufflenet_v1_t1") if f.metric == "stage4_channels"]
    return holds and widths == sorted(set(widths)), (
        f"{evidence}; maps of the last stage by rising groups: {', '.join(map(str, widths))}"
    )


@exact("shufflenet.shuffle_is_transpose")
def shuffle_is_transpose() -> tuple[bool, str]:
    """Section 3.1: reshape to (g, n), transpose, flatten; every group then gets maps of every group."""
    import torch

    checked, failures = 0, []
    for groups in GROUPS:
        network = on_meta("shufflenet_v1", stem="imagenet", num_classes=1000, groups=groups)
        for shuffle, maps in _shuffles(network):
            checked += 1
            each = maps // groups
            x = torch.arange(maps, dtype=torch.double).view(1, maps, 1, 1).requires_grad_()
            y = shuffle(x)
            transposed = torch.arange(maps).view(groups, each).t().flatten()
            y.backward(torch.arange(maps).view_as(y).double())
            back = torch.arange(maps).view(each, groups).t().flatten()
            origins = (y.detach().flatten() // each).chunk(groups)
            if not (
                torch.equal(y.detach().flatten().long(), transposed)
                and torch.equal(x.grad.flatten().long(), back)
                and all(origin.unique().numel() == groups for origin in origins)
                and not list(shuffle.parameters())
            ):
                failures.append(f"g = {groups}, {maps} maps")
    if failures or not checked:
        return False, f"{len(failures)} of {checked} shuffles differ, first {failures[:1]}"
    return True, (
        f"all {checked} shuffles of the networks with g = {', '.join(map(str, GROUPS))}: the transpose of (g, n), "
        "the gradient its inverse, maps of every group in every group, no parameters"
    )


@exact("shufflenetv2.mac_lower_bound")
def mac_lower_bound() -> tuple[bool, str]:
    """Section 2, G1 and G2: at fixed mult-adds a 1×1 layer reads and writes least with as many maps in as out,
    and the more the more groups it has.
    """
    inputs = [2**power for power in range(4, 11)]
    by_width = {c1: access_cost(_pointwise(c1, CHANNEL_PRODUCT // c1), PIXELS) for c1 in inputs}
    least = min(by_width, key=by_width.get)
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
        f"least at {least} maps in and {CHANNEL_PRODUCT // least} out, {by_width[least] / 1e6:.3f}M accesses, where "
        f"the bound is {bound / 1e6:.3f}M; g = 1, 2, 4, 8 at equal mult-adds cost {ratios} times as many"
    )


def access_cost(layer: "nn.Conv2d", pixels: int) -> int:
    """MAC of Equation 1: numbers read and written, maps in and out and the weights."""
    return pixels * (layer.in_channels + layer.out_channels) + layer.weight.numel()


def _pointwise(inputs: int, outputs: int, groups: int = 1) -> "nn.Conv2d":
    """A 1×1 layer of inputs · outputs / groups mult-adds a pixel."""
    from torch import nn

    return nn.Conv2d(inputs, outputs, 1, groups=groups, bias=False, device="meta")


def _shuffles(network: "nn.Module") -> "list[tuple[nn.Module, int]]":
    """Every channel shuffle and the maps that it gets."""
    from architectures.counting import observe
    from architectures.layers.channel_shuffle import ChannelShuffle

    maps = {}
    observe(network, 224, lambda module, inputs, _: maps.update({module: inputs[0].shape[1]}))
    return [(module, number) for module, number in maps.items() if isinstance(module, ChannelShuffle)]
