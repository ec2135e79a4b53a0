"""EfficientNet (arXiv:1905.11946): Table 3, MobileNets and ResNet-50 scaled."""

from architectures.counts import Counts
from reports.printed.figures import Figure
from reports.verdicts.complexity import Network

TABLES = ("efficientnet_t3",)
CONVENTION = (
    "multiply-adds of convolutions and the fully connected layer; ResNet-50 with the stride in the 3×3"
)
CUT = {("Table 3", "v1-r2", "flops_G")}
BUILDERS = {"MobileNet v1": "mobilenet_v1", "MobileNet v2": "mobilenet_v2", "ResNet": "resnet"}
RESOLUTION = 224


def network_for(figure: Figure) -> Network | str:
    scale = figure.kwargs
    if "compound" in scale:
        return "the factors aren't printed"
    if "d" in scale:
        return "no knob multiplies the depth"
    if figure.arch == "ResNet":
        if "w" in scale:
            return "no knob multiplies the width of all of ResNet's layers"
        knobs = {"depth": scale["depth"], "stride_in": "3x3"}
    else:
        knobs = {"width_mult": float(scale.get("w", 1))}
    return Network.of(BUILDERS[figure.arch], "imagenet", knobs, round(RESOLUTION * scale.get("r", 1)))


def count_for(figure: Figure, counts: Counts) -> float:
    return counts.mult_adds / 1e9
