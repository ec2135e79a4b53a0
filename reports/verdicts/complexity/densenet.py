"""DenseNet (arXiv:1608.06993): Tables 1 and 2 and the table of the authors' repository."""

from architectures.counting import Counts
from reports.printed.figures import Figure
from reports.verdicts.complexity import Network

TABLES = ("densenet_t1", "densenet_t2", "densenet_t3", "densenet_repo")
CONVENTION = (
    "parameters with batch normalisation; the pre-activation networks of Table 2, quoted from their paper, "
    "weights only; layers with weights on the main path"
)
BUILDERS = {
    "DenseNet": "densenet",
    "DenseNet-BC": "densenet_bc",
    "ResNet": "resnet",
    "stochastic depth": "resnet",
    "FractalNet": "fractalnet",
    "pre-act ResNet": "preact_resnet",
    "WRN": "wide_resnet",
}
# Dropout and drop-path are words here and cost no parameters; FractalNet's depth follows from its columns.
NO_KNOBS = {"blocks", "bottleneck", "reported_by", "dropout", "drop_path"}
FRACTALNET_COLUMNS = {21: 3}
FRACTALNET = "33.7M with the widths of FractalNet's Section 4: 64, 128, 256, 512 and 512 in three columns"
CUT: set[tuple[str, str, str]] = set()
EXPLAINED = {
    (
        "Table 2",
        "sd1202",
        "params_M",
    ): "10.2M is the 1001-layer pre-activation net's; ResNet's Table 6 prints 19.4M",
    ("Table 2", "fractal", "params_M"): FRACTALNET,
    ("Table 2", "fractal-dp", "params_M"): FRACTALNET,
    ("Table 1", "D264", "layers"): "2 · (6 + 12 + 64 + 48) + 5 = 265",
}


def meant(figure: Figure) -> Network | str:
    if figure.arch not in BUILDERS:
        return f"quoted from others: {figure.arch}"
    stem = "cifar" if figure.dataset.startswith("CIFAR") else "imagenet"
    knobs = {name: value for name, value in figure.kwargs.items() if name not in NO_KNOBS}
    if "k" in knobs:
        knobs["widen_factor"] = knobs.pop("k")
    if figure.arch == "FractalNet":
        knobs = {"columns": FRACTALNET_COLUMNS[knobs.pop("depth")]}
    return Network.of(BUILDERS[figure.arch], stem, knobs)


def counted(figure: Figure, counts: Counts) -> float:
    if figure.metric == "layers":
        return counts.layers
    return (counts.weights if figure.arch == "pre-act ResNet" else counts.parameters) / 1e6
