"""DenseNet (arXiv:1608.06993): Tables 1 and 2 and the table of the authors' repository."""

from architectures.counting import Counts
from reports.complexity import Network
from reports.printed import Figure

TABLES = ("densenet_t1", "densenet_t2", "densenet_t3", "densenet_repo")
CONVENTION = "parameters with batch normalisation; layers with weights on the main path"
BUILDERS = {
    "DenseNet": "densenet",
    "DenseNet-BC": "densenet_bc",
    "ResNet": "resnet",
    "stochastic depth": "resnet",
}
NO_KNOBS = {"blocks", "bottleneck", "reported_by"}
CUT: set[tuple[str, str, str]] = set()
EXPLAINED = {
    (
        "Table 2",
        "sd1202",
        "params_M",
    ): "10.2M is the 1001-layer pre-activation net's; ResNet's Table 6 prints 19.4M",
    ("Table 1", "D264", "layers"): "2 · (6 + 12 + 64 + 48) + 5 = 265",
}


def meant(figure: Figure) -> Network | str:
    if figure.arch not in BUILDERS:
        return f"quoted from others: {figure.arch}"
    stem = "cifar" if figure.dataset.startswith("CIFAR") else "imagenet"
    return Network.of(
        BUILDERS[figure.arch], stem, {k: v for k, v in figure.kwargs.items() if k not in NO_KNOBS}
    )


def counted(figure: Figure, counts: Counts) -> float:
    return counts.layers if figure.metric == "layers" else counts.parameters / 1e6
