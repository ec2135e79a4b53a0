"""MobileNet (arXiv:1704.04861): Tables 2 to 14, and the table of the authors' released code (TF-slim)."""

from functools import cache

from architectures.counting import Counts, count_kinds
from reports.printed.figures import Figure
from reports.verdicts.complexity import Network, on_meta, stages

TABLES = ("mobilenet_v1_t2_t3", "mobilenet_v1_t4_t7", "mobilenet_v1_t8_t14", "mobilenet_v1_slim")
CONVENTION = (
    "weights without batch normalisation, mult-adds of convolutions and fully connected layer. "
    "Convolutions alone: Table 4's full network (mult-adds), Tables 12 and 14. "
    "Table 10 has the parameters for 120 breeds, the mult-adds for ImageNet's 1000 classes. "
    "The released code counts biases and three numbers per normalised map (shift, mean, variance), the "
    "additions of the average pooling, and at α = 0.75 leaves the first convolution out of the mult-adds"
)
DOGS = 120
# Table 2: its rows by kind of layer.
KINDS = {"1x1": "1×1 conv", "dw": "3×3 depthwise conv", "3x3": "3×3 conv", "fc": "fully connected"}
SLIM = "table"
# Printed as 0.75 MobileNet-128 twice; the first of the two is 0.75 MobileNet-160.
RENAMED = {("Table 14", "3"): 160}
CUT = {
    ("Table 7", "160", "mult_adds_M"),
    ("Table 9", "m", "mult_adds_M"),
    ("Table 12", "0.5-128", "mult_adds_M"),
}
_NARROWEST = "only layers of at least 16 maps give it (45.99 and 15.02); α · 32 is 8 in the first"
_FACES = "the embedding on top of the last convolution isn't described"
EXPLAINED = {
    ("Table 2", "3x3", "mult_adds_pct"): "digits exchanged: 1.91, as the column must sum to 100",
    ("Table 12", "0.25-224", "mult_adds_M"): _NARROWEST,
    ("Table 12", "0.25-128", "mult_adds_M"): _NARROWEST,
    ("Table 14", "1", "mult_adds_M"): "less than the convolutions of Table 1 take at 160 × 160, 289.7M",
    ("Table 14", "4", "mult_adds_M"): f"the convolutions take 106.0M; {_FACES}",
    **{("Table 14", row, "params_M"): _FACES for row in "1234"},
    (SLIM, "0.25-192", "mult_adds_M"): (
        "30.2M; 34.0M with at least 16 maps a layer, which the same table's other rows at 0.25 don't have"
    ),
}


def meant(figure: Figure) -> Network | str:
    if figure.kwargs.get("framework"):
        return "a detector, of which the network is a part"
    if figure.table == "Table 3":
        return _separable(figure) if figure.arch == "depthwise separable" else _network(convolution="full")
    if figure.arch != "MobileNet v1":
        return f"another family's network: {figure.arch}"
    if figure.kwargs.get("conv") == "full":
        return _network(convolution="full")
    if figure.kwargs.get("shallow"):
        return _network(shallow=True)
    classes = DOGS if figure.dataset == "Stanford Dogs" and figure.metric == "params_M" else None
    resolution = RENAMED.get((figure.table, figure.row_id), figure.kwargs.get("resolution"))
    return _network(resolution, classes, width_mult=figure.kwargs.get("alpha", 1.0))


def _separable(figure: Figure) -> Network:
    resolution = round(224 * figure.kwargs.get("rho", 1))
    return _network(resolution, width_mult=figure.kwargs.get("alpha", 1.0))


def _network(resolution: int | None = None, classes: int | None = None, **knobs) -> Network:
    return Network.of("mobilenet_v1", "imagenet", knobs, resolution, classes)


def counted(figure: Figure, counts: Counts) -> float:
    of_parameters = figure.metric.startswith("params")
    if figure.table == "Table 2":
        return _share(figure.row_id, of_parameters, counts)
    if figure.table == "Table 3":
        counts = _one_of_the_five(meant(figure))
    if figure.table == SLIM:
        return (_slim_parameters(counts) if of_parameters else _slim_mult_adds(figure, counts)) / 1e6
    if figure.table in ("Table 12", "Table 14") or figure.kwargs.get("conv") == "full" and not of_parameters:
        return (counts.conv_weights if of_parameters else counts.conv_mult_adds) / 1e6
    scale = 5e6 if figure.table == "Table 3" else 1e6
    return (counts.weights if of_parameters else counts.mult_adds) / scale


def _share(row: str, of_parameters: bool, counts: Counts) -> float:
    """Percent of all weights or mult-adds in the layers of a kind: 1x1, dw, 3x3 or fc."""
    kind = _kinds(_network())[KINDS[row]]
    if of_parameters:
        return 100 * kind.weights / counts.weights
    return 100 * kind.mult_adds / counts.mult_adds


def _one_of_the_five(network: Network) -> Counts:
    """All five layers of 512 maps at 14×14; Table 3 is about one of them."""
    return next(stage.counts for name, stage in stages(network).items() if "_to_" in name)


def _slim_parameters(counts: Counts) -> float:
    return counts.weights + counts.biases + 3 * counts.norm_scales_and_shifts / 2


def _slim_mult_adds(figure: Figure, counts: Counts) -> float:
    network = meant(figure)
    pooled = counts.fc_weights // network.classes * (network.resolution // 32) ** 2
    first = next(iter(stages(network).values()))
    left_out = first.counts.mult_adds if figure.kwargs["alpha"] == 0.75 else 0
    return counts.mult_adds + pooled - left_out


@cache
def _kinds(network: Network) -> dict[str, Counts]:
    return count_kinds(on_meta(network), network.resolution)
