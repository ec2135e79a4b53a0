"""ShuffleNet (arXiv:1707.01083): Tables 1 to 8."""

from architectures.counting import Counts
from reports.complexity import Network, stages
from reports.printed import Figure

TABLES = ("shufflenet_v1_t1", "shufflenet_v1_t2_t3", "shufflenet_v1_t4_t6", "shufflenet_v1_t7_t8")
CONVENTION = (
    "multiply-adds of the convolutions in Table 1, of convolutions and the fully connected layer in the "
    "others; SqueezeNet's at 227×227"
)
CUT: set[tuple[str, str, str]] = set()
NOMINAL = "138, or 137 without the fully connected layer, as Table 1 prints; 140 names the level of Table 2"
EXPLAINED = {
    ("Table 5", "s1", "mult_adds_M"): NOMINAL,
    ("Table 6", "s1", "mult_adds_M"): NOMINAL,
    ("Table 8", "s1", "mult_adds_M"): "137, as Table 1 prints; 140 names the level of Table 2",
    (
        "Table 5",
        "s.5sh",
        "mult_adds_M",
    ): "half of the units at 0.5x make 22; the width that makes up for them isn't printed",
}


def meant(figure: Figure) -> Network | str:
    if figure.arch == "SqueezeNet":
        return Network.of("squeezenet", "imagenet", figure.kwargs, 227)
    if figure.arch != "ShuffleNet v1":
        return f"quoted from others: {figure.arch}"
    return Network.of("shufflenet_v1", "imagenet", figure.kwargs)


def counted(figure: Figure, counts: Counts) -> float:
    if figure.metric.endswith("_channels"):
        return stages(meant(figure))[figure.metric.removesuffix("_channels")].output[0]
    return (counts.conv_mult_adds if figure.table == "Table 1" else counts.mult_adds) / 1e6
