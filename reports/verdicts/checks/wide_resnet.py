"""Wide ResNet (arXiv:1605.07146): Tables 2, 4, 5, 7 and 8."""

from architectures.counts import Counts
from reports.printed.figures import Figure
from reports.verdicts.complexity import Network

TABLES = ("wrn_t2_t3", "wrn_t4", "wrn_t5", "wrn_t6", "wrn_t7_t9")
CONVENTION = (
    "parameters with batch normalisation; the pre-activation networks of Table 5, quoted from their paper, "
    "weights only"
)
BUILDERS = {
    "WRN": "wide_resnet",
    "WRN-bottleneck": "wide_resnet",
    "ResNet": "resnet",
    "stochastic depth": "resnet",
    "pre-act ResNet": "preact_resnet",
}
# What the tables call a knob.
KNOBS = {
    "k": "widen_factor",
    "width": "widen_factor",
    "printed_depth": "depth",
    "depth": "depth",
    "block": "block",
}
OF_1001_LAYERS = "10.2M is the 1001-layer pre-activation net's; ResNet's Table 6 prints 19.4M"
EXPLAINED = {
    ("Table 5", "r1202", "params_M"): OF_1001_LAYERS,
    ("Table 5", "sd1202", "params_M"): OF_1001_LAYERS,
}


def network_for(figure: Figure) -> Network | str:
    if figure.arch not in BUILDERS:
        return f"quoted from others: {figure.arch}"
    stem = "cifar" if figure.dataset.startswith("CIFAR") else "imagenet"
    return Network.of(
        BUILDERS[figure.arch], stem, {KNOBS[name]: value for name, value in figure.kwargs.items()}
    )


def count_for(figure: Figure, counts: Counts) -> float:
    weights_only = figure.table == "Table 5" and figure.arch == "pre-act ResNet"
    return (counts.weights if weights_only else counts.parameters) / 1e6
