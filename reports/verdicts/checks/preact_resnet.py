"""Pre-activation ResNet (arXiv:1603.05027): the parameters of Table 4."""

from architectures.counts import Counts
from reports.printed.figures import Figure
from reports.verdicts.complexity import Network

TABLES = ("preact_t1", "preact_t2", "preact_t3", "preact_t4", "preact_t4_params", "preact_t5")
CONVENTION = (
    "weights only; of the 110 and 1202 layers, quoted from ResNet, parameters with batch normalisation. "
    "The file of Table 4's parameters repeats what its file of errors has as arguments"
)
QUOTED = ("r110", "r1202")


def network_for(figure: Figure) -> Network:
    classes = int(figure.dataset.removeprefix("CIFAR-"))
    if figure.row_id in QUOTED:
        return Network.of("resnet", "cifar", {"depth": figure.kwargs["depth"]}, classes=classes)
    unit = "full_preactivation" if figure.arch == "pre-act ResNet" else "original"
    knobs = {"depth": figure.kwargs["depth"], "unit": unit}
    return Network.of("preact_resnet", "cifar", knobs, classes=classes)


def count_for(figure: Figure, counts: Counts) -> float:
    return (counts.parameters if figure.row_id in QUOTED else counts.weights) / 1e6
