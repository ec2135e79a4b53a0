"""Learning weights and connections (arXiv:1506.02626): Tables 1, 4 and 5, the networks before pruning."""

from architectures.counts import Counts
from reports.printed.figures import Figure, read
from reports.verdicts.checks import convolutions
from reports.verdicts.complexity import Network, stages

TABLES = ("pruning",)
CONVENTION = (
    "parameters with biases; Tables 4 and 5: weights of the layers without biases, operations at two per multiply-add, "
    "AlexNet's images of 227; parameters that are left of AlexNet: its layers' weights times the shares that Table 4 prints"
)
# What Table 4 calls AlexNet's layers.
LAYERS = {"fc1": "fc6", "fc2": "fc7", "fc3": "fc8"}
ALEXNET = Network.of("alexnet", "imagenet", {"conv1_padding": 0}, resolution=227)
NETWORKS = {"AlexNet": ALEXNET, "VGG-16": Network.of("vgg", "imagenet", {"config": "D"})}
CUT = {("Table 4", "conv4", "weights")}
WITH_BIASES = "147,456; 147,584 with its biases, which the other layers' figures leave open"
EXPLAINED = {
    ("Table 5", "conv2_2", "weights"): WITH_BIASES,
    ("Table 1", "alex", "params_M"): (
        "6.80M by the shares of Table 4, which are whole per cents; 6.7 is 11 % of 61"
    ),
    ("Table 4", "total", "flop"): "1.45B; the layers that the same table prints sum up to 1.449B",
}


def network_for(figure: Figure) -> Network | str:
    if figure.arch.startswith("LeNet"):
        return f"{figure.arch} isn't built here: the documents only name it"
    if (figure.arch, figure.metric) == ("VGG-16", "params_M"):
        return "what is left depends on the trained weights"
    return NETWORKS[figure.arch]


def count_for(figure: Figure, counts: Counts) -> float:
    if figure.metric == "params_M_ref":
        return counts.parameters / 1e6
    if figure.metric == "params_M":
        return sum(layer_counts(ALEXNET, name)[0] * share for name, share in _shares_left().items()) / 1e6
    weights, mult_adds = layer_counts(NETWORKS[figure.arch], figure.kwargs["layer"], counts)
    return weights if figure.metric == "weights" else 2 * mult_adds


def layer_counts(network: Network, layer: str, total: Counts | None = None) -> tuple[int, int]:
    """Return weights and multiply-adds of a layer by the name that the tables give it, such as fc1 or conv3_2.

    total: the counts of the whole network, for the row of that name.
    """
    if layer == "total" and total:
        return total.weights, total.mult_adds
    stage, _, number = layer.partition("_")
    row = stages(network)[LAYERS.get(stage, stage)]
    if not number:
        return row.counts.weights, row.counts.mult_adds
    weights = convolutions(row.module)[int(number) - 1].weight.numel()
    _, height, width = row.output
    return weights, weights * height * width


def _shares_left() -> dict[str, float]:
    """Table 4's share of weights that pruning leaves, by its names of the layers."""
    return {
        figure.row_id: float(figure.number) / 100
        for figure in read("pruning")
        if (figure.table, figure.metric) == ("Table 4", "kept_weights_pct") and figure.row_id != "total"
    }
