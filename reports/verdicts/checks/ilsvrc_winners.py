"""The winners of ILSVRC as the slides list them: their layers."""

from architectures.counts import Counts
from reports.printed.figures import Figure
from reports.verdicts.complexity import Network

TABLES = ("ilsvrc_winners_seed",)
CONVENTION = "layers with weights on the main path"
BUILDERS = {"AlexNet": "alexnet", "ZFNet": "zfnet", "GoogLeNet": "googlenet", "ResNet": "resnet"}


def network_for(figure: Figure) -> Network | str:
    return Network.of(BUILDERS[figure.arch], "imagenet", figure.kwargs)


def count_for(figure: Figure, counts: Counts) -> float:
    return counts.layers
