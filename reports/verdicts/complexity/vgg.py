"""VGG (arXiv:1409.1556): the weighted layers of Table 1 and the parameters of Table 2."""

from architectures.counting import Counts
from reports.printed.figures import Figure
from reports.verdicts.complexity import Network

TABLES = ("vgg_t2", "vgg_t3", "vgg_t4", "vgg_t5", "vgg_t6_t7", "vgg_text")
CONVENTION = "parameters with biases; layers with weights"
CUT: set[tuple[str, str, str]] = set()
EXPLAINED: dict[tuple[str, str, str], str] = {}


def meant(figure: Figure) -> Network | str:
    return Network.of("vgg", "imagenet", figure.kwargs)


def counted(figure: Figure, counts: Counts) -> float:
    return counts.layers if figure.metric == "weight_layers" else counts.parameters / 1e6
