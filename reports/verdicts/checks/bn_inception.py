"""BN-Inception (arXiv:1502.03167): Section 4.2, the size of the network."""

from architectures.counts import Counts
from reports.printed.figures import Figure
from reports.verdicts.complexity import Network

TABLES = ("bn_inception",)
CONVENTION = "parameters with biases and batch normalisation, without auxiliary classifiers"
EXPLAINED = {
    ("sec. 4.2", "params", "params_M"): (
        "11.3M by the filters of Figure 5; no way of counting its rows gives 13.6"
    ),
}


def network_for(figure: Figure) -> Network | str:
    return Network.of("bn_inception", "imagenet", {})


def count_for(figure: Figure, counts: Counts) -> float:
    return counts.parameters / 1e6
