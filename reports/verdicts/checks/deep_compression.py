"""Deep Compression (arXiv:1510.00149), and the pruning before it (arXiv:1506.02626): the networks' own sizes."""

from architectures.counts import Counts
from reports.printed.figures import Figure, read
from reports.verdicts.complexity import Network, stages

TABLES = ("deep_compression",)
CONVENTION = (
    "before compression: parameters with biases, sizes at four bytes each, 1 KB = 1000 bytes; Table 4: weights of "
    "AlexNet's layers without biases, operations at two per multiply-add, images of 227; parameters that are left "
    "of AlexNet: its layers' weights times the shares that Table 4 prints"
)
# What Table 4 calls AlexNet's layers.
LAYERS = {"fc1": "fc6", "fc2": "fc7", "fc3": "fc8"}
ALEXNET = Network.of("alexnet", "imagenet", {"conv1_padding": 0}, resolution=227)
VGG_16 = Network.of("vgg", "imagenet", {"config": "D"})
CUT = {("Table 4", "conv4", "weights")}
EXPLAINED = {
    ("Table 1", "alex", "size_KB_ref"): "243.9 MB; 240 MB are four times 60 million",
    ("Table 1", "vgg16", "size_KB_ref"): "553.4 MB; 552 MB are four times 138 million",
    ("Table 1", "alex", "params_M"): (
        "6.80M by the shares of Table 4, which are whole per cents; 6.7 is 11 % of 61"
    ),
    ("Table 4", "total", "flop"): "1.45B; the layers that the same table prints sum up to 1.449B",
}


def network_for(figure: Figure) -> Network | str:
    if figure.arch.startswith("LeNet"):
        return f"{figure.arch} isn't built here: the documents only name it"
    if figure.metric == "size_KB" or (figure.arch, figure.metric) == ("VGG-16", "params_M"):
        return "what is left depends on the trained weights"
    return ALEXNET if figure.arch == "AlexNet" else VGG_16


def count_for(figure: Figure, counts: Counts) -> float:
    if figure.metric == "size_KB_ref":
        return 4 * counts.parameters / 1e3
    if figure.metric == "params_M_ref":
        return counts.parameters / 1e6
    if figure.metric == "params_M":
        return sum(_layer(name).weights * share for name, share in _shares_left().items()) / 1e6
    layer = figure.kwargs["layer"]
    part = counts if layer == "total" else _layer(layer)
    return part.weights if figure.metric == "weights" else 2 * part.mult_adds


def _layer(name: str) -> Counts:
    return stages(ALEXNET)[LAYERS.get(name, name)].counts


def _shares_left() -> dict[str, float]:
    """Table 4's share of weights that pruning leaves, by its names of the layers."""
    return {
        figure.row_id: float(figure.number) / 100
        for figure in read("deep_compression")
        if figure.metric == "kept_weights_pct" and figure.row_id != "total"
    }
