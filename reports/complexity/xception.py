"""Xception (arXiv:1610.02357): Table 3."""

from architectures.counting import Counts
from reports.complexity import Network
from reports.printed import Figure

TABLES = ("xception",)
CONVENTION = "parameters with batch normalisation"
RESOLUTION = 299
CUT: set[tuple[str, str, str]] = set()
EXPLAINED: dict[tuple[str, str, str], str] = {}


def meant(figure: Figure) -> Network | str:
    if figure.arch != "Xception":
        return f"quoted from others: {figure.arch}"
    return Network.of("xception", "imagenet", {}, resolution=RESOLUTION)


def counted(figure: Figure, counts: Counts) -> float:
    return counts.parameters
