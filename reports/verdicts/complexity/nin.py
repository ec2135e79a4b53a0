"""NiN (arXiv:1312.4400): the sizes that the slides compare it with AlexNet by."""

from architectures.counting import Counts
from reports.printed.figures import Figure
from reports.verdicts.complexity import Network

TABLES = ("nin",)
CONVENTION = "parameters with biases, 4 bytes each, in MiB"
CUT: set[tuple[str, str, str]] = set()
EXPLAINED = {("text", "alexnet", "size_MB"): "232.6 MiB, given as 230"}
BUILDERS = {"AlexNet": "alexnet", "NiN": "nin"}


def meant(figure: Figure) -> Network | str:
    return Network.of(BUILDERS[figure.arch], "imagenet", {})


def counted(figure: Figure, counts: Counts) -> float:
    return 4 * counts.parameters / 2**20
