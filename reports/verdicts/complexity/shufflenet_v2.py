"""ShuffleNet v2 (arXiv:1807.11164): Tables 5, 6 and 8, and the table of the authors' repository."""

from architectures.counting import Counts
from reports.printed.figures import Figure
from reports.verdicts.complexity import Network, stages

TABLES = (
    "shufflenet_v2_t1_t4",
    "shufflenet_v2_t5_t7",
    "shufflenet_v2_t8",
    "shufflenet_repo",
)
CONVENTION = (
    "parameters with batch normalisation, in the repository without the classifier's biases, which its code "
    "leaves out; multiply-adds of convolutions, the fully connected layer and global pooling, without which "
    "0.5x would round to 40 and not to the printed 41"
)
# Pixels a side of the maps that global pooling adds up.
LAST_SIDE = 7
BUILDERS = {"ShuffleNet v1": "shufflenet_v1", "ShuffleNet v2": "shufflenet_v2", "ResNet": "resnet"}
CUT = {
    ("Table 6", "r50", "flops_G"),
    ("Table 8", "ShuffleNet v1 1.5x", "mult_adds_M"),
    ("V1", "1.5-g3", "mult_adds_M"),
    ("V1", "0.5-g8", "mult_adds_M"),
}
EXPLAINED = {
    (
        "Table 8",
        "ShuffleNet v1 1x",
        "mult_adds_M",
    ): "138; 140 names the level of ShuffleNet's Table 2, whose Table 1 prints 137",
    (
        "Table 8",
        "ShuffleNet v2 2x SE",
        "mult_adds_M",
    ): "591 with SE on the right branch and r = 16; neither its place nor r is printed",
}


def meant(figure: Figure) -> Network | str:
    if figure.arch in ("ShuffleNet v1-50", "ShuffleNet v2-50", "SE-ShuffleNet v2-164"):
        return "a network of the paper's appendix, not built here"
    if figure.arch not in BUILDERS:
        return f"quoted from others: {figure.arch}"
    return Network.of(BUILDERS[figure.arch], "imagenet", figure.kwargs)


def counted(figure: Figure, counts: Counts) -> float:
    if figure.metric in ("stage2", "stage3", "stage4", "conv5"):
        return stages(meant(figure))[figure.metric].output[0]
    if figure.metric == "params_M":
        released = figure.table in ("V1", "V2")
        return (counts.parameters - (counts.biases if released else 0)) / 1e6
    maps = counts.fc_mult_adds // meant(figure).classes
    mult_adds = counts.mult_adds + LAST_SIDE**2 * maps
    return mult_adds / (1e9 if figure.metric == "flops_G" else 1e6)
