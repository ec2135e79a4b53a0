"""ShuffleNet (arXiv:1707.01083): Tables 1 to 8, and the channels of other units that Section 4.2 names."""

from itertools import pairwise

import torch
from torch import nn

from architectures.counting import observe
from architectures.counts import Counts
from reports.printed import figures
from reports.printed.figures import Figure
from reports.verdicts.checks import as_printed, convolutions, exact, on_meta
from reports.verdicts.complexity import Network, stages

TABLES = (
    "shufflenet_v1_t1",
    "shufflenet_v1_t2_t3",
    "shufflenet_v1_t4_t6",
    "shufflenet_v1_t7_t8",
    "shufflenet_v1_complexity",
)
CONVENTION = (
    "multiply-adds of the convolutions in Table 1, of convolutions and the fully connected layer in the "
    "others; SqueezeNet's at 227×227"
)
OTHER_UNITS = {"VGG-like": "vgg", "ResNet": "resnet", "ResNeXt": "resnext"}
# Of Table 4, whose Xception-like network has one group.
SHUFFLENETS = ("ShuffleNet v1", "ShuffleNet", "Xception-like")
NOMINAL = "138, or 137 without the fully connected layer, as Table 1 prints; 140 names the level of Table 2"
LEVEL = "one level for all networks of the line; those of 140 have 133 to 143 million in Table 1"
NO_NEARER = f"{LEVEL}; whole channels and groups come no nearer"
WITHOUT_FC = "exact without the fully connected layer, as Table 1 counts; other rows need it"
EXPLAINED = {
    **{("Table 2", f"1.0x-g{groups}", "mult_adds_M"): LEVEL for groups in (1, 3, 4, 8)},
    ("Table 2", "1.0x-g2", "mult_adds_M"): WITHOUT_FC,
    ("Table 2", "0.5x-g1", "mult_adds_M"): WITHOUT_FC,
    ("Table 2", "0.5x-g8", "mult_adds_M"): LEVEL,
    ("Table 2", "0.25x-g8", "mult_adds_M"): LEVEL,
    ("Table 4", "140-VGG-like", "mult_adds_M"): NO_NEARER,
    ("Table 4", "140-ResNet", "mult_adds_M"): WITHOUT_FC,
    ("Table 4", "140-Xception-like", "mult_adds_M"): LEVEL,
    ("Table 4", "140-ResNeXt", "mult_adds_M"): NO_NEARER,
    ("Table 4", "140-ShuffleNet", "mult_adds_M"): LEVEL,
    ("Table 4", "38-Xception-like", "mult_adds_M"): WITHOUT_FC,
    ("Table 4", "13-ShuffleNet", "mult_adds_M"): LEVEL,
    ("sec. 4.2", "38-ShuffleNet", "stage4_channels"): (
        "half of Table 1's 1088 with four groups are 544; 576 isn't half of any of its numbers"
    ),
    ("Table 5", "s1", "mult_adds_M"): NOMINAL,
    ("Table 6", "s1", "mult_adds_M"): NOMINAL,
    ("Table 8", "s1", "mult_adds_M"): "137, as Table 1 prints; 140 names the level of Table 2",
    ("Table 5", "s.5sh", "mult_adds_M"): (
        "half of the units at 0.5x make 22; the width that makes up for them isn't printed"
    ),
}
GROUPS = (2, 3, 4, 8)


def network_for(figure: Figure) -> Network | str:
    if figure.metric == "layers" and figure.arch == "MobileNet v1":
        return Network.of("mobilenet_v1", "imagenet", {})
    if figure.arch == "SqueezeNet":
        return Network.of("squeezenet", "imagenet", figure.kwargs, 227)
    if figure.arch in OTHER_UNITS:
        return Network.of("shufflenet_units", "imagenet", figure.kwargs | {"unit": OTHER_UNITS[figure.arch]})
    if figure.arch not in SHUFFLENETS:
        return f"quoted from others: {figure.arch}"
    return Network.of("shufflenet_v1", "imagenet", figure.kwargs)


def count_for(figure: Figure, counts: Counts) -> float:
    if figure.metric == "layers":
        return counts.layers
    if figure.metric.endswith("_channels"):
        return stages(network_for(figure))[figure.metric.removesuffix("_channels")].output[0]
    return (counts.conv_mult_adds if figure.table == "Table 1" else counts.mult_adds) / 1e6


@exact("shufflenet.t1_complexity")
def t1_complexity() -> tuple[bool, str]:
    """Table 1: about 140 million mult-adds for any number of groups, and the more groups the more channels."""
    holds, evidence = as_printed("shufflenet_v1", lambda figure: figure.table == "Table 1")
    widths = [int(f.value) for f in figures.read("shufflenet_v1_t1") if f.metric == "stage4_channels"]
    return holds and widths == sorted(set(widths)), (
        f"{evidence}; channels of the last stage by rising groups: {', '.join(map(str, widths))}"
    )


@exact("shufflenet.shuffle_is_transpose")
def shuffle_is_transpose() -> tuple[bool, str]:
    """Section 3.1: reshape to (g, n), transpose, flatten; every group then gets channels of every group."""
    checked, failures = 0, []
    for groups in GROUPS:
        network = on_meta("shufflenet_v1", stem="imagenet", num_classes=1000, groups=groups)
        for shuffle, channels in _shuffles(network):
            checked += 1
            per_group = channels // groups
            x = torch.arange(channels, dtype=torch.double).view(1, channels, 1, 1).requires_grad_()
            y = shuffle(x)
            transposed = torch.arange(channels).view(groups, per_group).t().flatten()
            (gradient,) = torch.autograd.grad(y, x, torch.arange(channels).view_as(y).double())
            back = torch.arange(channels).view(per_group, groups).t().flatten()
            origins = (y.detach().flatten() // per_group).chunk(groups)
            if not (
                torch.equal(y.detach().flatten().long(), transposed)
                and torch.equal(gradient.flatten().long(), back)
                and all(origin.unique().numel() == groups for origin in origins)
                and not list(shuffle.parameters())
            ):
                failures.append(f"g = {groups}, {channels} channels")
    if failures or not checked:
        return False, f"{len(failures)} of {checked} shuffles differ, first {failures[:1]}"
    return True, (
        f"all {checked} shuffles of the networks with g = {', '.join(map(str, GROUPS))}: the transpose of (g, n), "
        "the gradient its inverse, channels of every group in every group, no parameters"
    )


@exact("shufflenet.unit_widths")
def unit_widths() -> tuple[bool, str]:
    """Notes; Section 3.3: a unit's 3×3 layer has a quarter of its output channels; each stage halves and doubles."""
    quarters, doubled, halved = [], [], []
    for groups in (1, *GROUPS):
        rows = stages(Network.of("shufflenet_v1", "imagenet", {"groups": groups}))
        outputs = [rows[f"stage{stage}"].output for stage in (2, 3, 4)]
        doubled += [after[0] == 2 * before[0] for before, after in pairwise(outputs)]
        halved += [2 * after[1] == before[1] for before, after in pairwise(outputs)]
        for stage, (width, *_) in zip((2, 3, 4), outputs, strict=True):
            for unit in rows[f"stage{stage}"].module.children():
                _, depthwise, _ = convolutions(unit)
                quarters.append(4 * depthwise.out_channels == width)
    return all(quarters) and all(doubled) and all(halved), (
        f"in {sum(quarters)} of {len(quarters)} units, with g = 1, {', '.join(map(str, GROUPS))}, the 3×3 layer has a quarter "
        f"of the output's channels; {sum(doubled)} of {len(doubled)} stages have twice the channels of the one before, "
        f"{sum(halved)} half of its side"
    )


def _shuffles(network: nn.Module) -> list[tuple[nn.Module, int]]:
    """Every channel shuffle and the channels that it gets."""
    from architectures.layers.channel_shuffle import ChannelShuffle

    channels = {}
    observe(network, 224, lambda module, inputs, _: channels.update({module: inputs[0].shape[1]}))
    return [(module, number) for module, number in channels.items() if isinstance(module, ChannelShuffle)]
