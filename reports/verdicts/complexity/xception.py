"""Xception (arXiv:1610.02357): Table 3."""

from architectures.counting import Counts
from reports.printed.figures import Figure
from reports.verdicts.complexity import Network

TABLES = ("xception",)
CONVENTION = (
    "parameters with batch normalisation; Inception V3 is the first Keras port, whose filter banks differ from "
    "the released network's and whose convolutions have biases beside their batch normalisation"
)
INCEPTION_V3 = {"filters": "keras", "auxiliary": "none"}
RESOLUTION = 299
CUT: set[tuple[str, str, str]] = set()
EXPLAINED: dict[tuple[str, str, str], str] = {}


def meant(figure: Figure) -> Network | str:
    if figure.arch == "Inception V3":
        return Network.of("inception_v3", "imagenet", INCEPTION_V3, RESOLUTION)
    if figure.arch != "Xception":
        return f"quoted from others: {figure.arch}"
    return Network.of("xception", "imagenet", {}, resolution=RESOLUTION)


def counted(figure: Figure, counts: Counts) -> float:
    if figure.arch == "Inception V3":
        # A bias for every scale and shift.
        return counts.parameters + counts.norm_scales_and_shifts // 2
    return counts.parameters
