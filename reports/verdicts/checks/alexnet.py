"""AlexNet (NeurIPS 2012): its parameters and multiply-adds layer by layer, as the slides' Figure 6-5 has them."""

from math import prod

from architectures.counting import Stage
from architectures.counts import Counts
from reports.printed import figures
from reports.printed.figures import Figure
from reports.verdicts.checks import IMAGENET, Holds, convolutions, exact, on_meta
from reports.verdicts.complexity import Network, stages

TABLES = ("alexnet_layers_seed", "alexnet_ablations", "alexnet_t1", "alexnet_t2")
CONVENTION = "weights and multiply-adds of each layer, two groups, images of 227; neurons: numbers that a layer puts out"
FIGURE = "Fig 6-5"
CUT = {
    *((FIGURE, layer, "params") for layer in ("conv3", "fc6", "fc7")),
    *((FIGURE, layer, "flops") for layer in ("conv2", "conv3", "conv5", "fc6", "fc7")),
}
EXPLAINED = {
    ("Figure 2", "conv1", "neurons"): "290,400 are 55 × 55 × 96, as the text gives the layer",
    (FIGURE, "conv4", "params"): "1.3M without groups; with two, as the 112M beside it are, 663,552",
}
# Images of 227 without padding, as the notes, the slides and the released Caffe network have them.
UNPADDED = {"conv1_padding": 0}
RESOLUTION = 227
# The totals as the slides and the abstract print them, with the smallest digit that they vouch for.
PARAMETERS, NEURONS, CONNECTIONS = (60e6, 1e6), (650e3, 10e3), (630e6, 10e6)
GROUPED = ("conv2", "conv4", "conv5")


def network_for(figure: Figure) -> Network | str:
    return Network.of("alexnet", "imagenet", UNPADDED, RESOLUTION)


def count_for(figure: Figure, counts: Counts) -> float:
    name = figure.kwargs["layer"]
    if figure.metric == "neurons":
        return 3 * 224**2 if name == "input" else prod(stages(network_for(figure))[name].output)
    layer = stages(network_for(figure))[name].counts
    return layer.weights if figure.metric == "params" else layer.mult_adds


@exact("alexnet.layer_table")
def layer_table() -> tuple[Holds, str]:
    """Slides, Figure 6-5: weights and mult-adds of each layer; its figures are rounded or cut.

    Only the sense holds where every other figure is ours and the one that isn't is that of a layer without groups.
    """
    layers, counted, failures = _layers(groups=2), 0, []
    for figure in figures.read("alexnet_layers_seed"):
        layer = layers[figure.kwargs["layer"]].counts
        ours = layer.weights if figure.metric == "params" else layer.mult_adds
        counted += 1
        if not figure.matches(ours) and not figure.cut(ours):
            failures.append(f"{figure.row_id}, {figure.metric}: printed {figure.value}, counted {ours:,}")
    if failures or not counted:
        one_group = _layers(groups=1)["conv4"].counts.weights
        misprint = len(failures) == 1 and failures[0].startswith("conv4")
        return misprint and "sense", (
            f"{counted - len(failures)} of {counted} printed figures, rounded or cut, are ours; "
            f"{'; '.join(failures)} (conv4 without groups: {one_group:,})"
        )
    return True, f"all {counted} printed figures, rounded or cut"


@exact("alexnet.sizes_227")
def sizes_of_227() -> tuple[bool, str]:
    """Notes: (227 - 11) / 4 + 1 = 55, then 27, 13 and 6; images of 224 give no whole number of places."""
    layers = _layers(groups=2)
    sides = [layers[name].output[-1] for name in ("conv1", "pool1", "pool2", "pool5")]
    (conv1,) = convolutions(layers["conv1"].module)
    places = {
        resolution: (resolution - conv1.kernel_size[0]) / conv1.stride[0] + 1
        for resolution in (RESOLUTION, 224)
    }
    return sides == [55, 27, 13, 6] and places[RESOLUTION] == 55 and not places[224].is_integer(), (
        f"images of {RESOLUTION} make feature maps of {', '.join(map(str, sides))} pixels behind conv1, pool1, pool2 and "
        f"pool5; images of 224 would make {places[224]:g} (the notes' 54.75 is a slip)"
    )


@exact("alexnet.totals")
def totals() -> tuple[Holds, str]:
    """Slides; the paper's abstract and Section 3: 60 million parameters, 650,000 neurons, 630 million connections.

    The sense holds with the parameters and the neurons: how connections are counted is said nowhere.
    """
    layers = _layers(groups=2)
    parameters = sum(layer.counts.parameters for layer in layers.values())
    neurons = sum(prod(layer.output) for name, layer in layers.items() if name.startswith(("conv", "fc")))
    connections = sum(layer.counts.mult_adds for layer in layers.values())
    convolutions = sum(layer.counts.conv_mult_adds for layer in layers.values())
    first, second, third = (
        total <= ours < total + digit
        for ours, (total, digit) in (
            (parameters, PARAMETERS), (neurons, NEURONS), (connections, CONNECTIONS),
        )
    )  # fmt: skip
    return first and second and (third or "sense"), (
        f"{parameters:,} parameters (60 million if cut) and {neurons:,} neurons (650,000 if cut), but "
        f"{connections:,} connections, {convolutions:,} of them in the convolutions, where 630 million are printed"
    )


@exact("alexnet.groups_halve")
def groups_halve() -> tuple[bool, str]:
    """Section 3.2: convolutions 2, 4 and 5 see the channels of their own GPU alone, so they cost half."""
    two, one = _layers(groups=2), _layers(groups=1)
    holds = all(
        (1 + (name in GROUPED)) * getattr(two[name].counts, part) == getattr(one[name].counts, part)
        for name in one
        for part in ("weights", "mult_adds")
    )
    totals = []
    for layers in (two, one):
        parameters = sum(layer.counts.parameters for layer in layers.values())
        mult_adds = sum(layer.counts.mult_adds for layer in layers.values())
        totals.append(
            f"{parameters / 1e6:.1f} million parameters and {mult_adds / 1e6:.0f} million mult-adds"
        )
    return holds, (
        f"with two groups {', '.join(GROUPED)} have half the weights and mult-adds, and all other layers the same: "
        f"{totals[0]} in all, against {totals[1]} with one"
    )


@exact("alexnet.groups_meet_late")
def groups_meet_late() -> tuple[bool, str]:
    """Essay: the features of AlexNet's two groups meet in the last two fully connected layers only."""
    network = on_meta("alexnet", **IMAGENET)
    groups = {name: layer.groups for name, row in network.named_children() for layer in convolutions(row)}
    mixing = [name for name, number in groups.items() if number == 1][1:]  # the first layer sees the image
    return not mixing, (
        f"groups by layer: {', '.join(f'{name} {number}' for name, number in groups.items())}; "
        f"{', '.join(mixing) or 'no convolution'} sees the channels of both before the fully connected layers do"
    )


def _layers(groups: int) -> dict[str, Stage]:
    """The rows of the architecture table by name."""
    return stages(Network.of("alexnet", "imagenet", UNPADDED | {"groups": groups}, RESOLUTION))
