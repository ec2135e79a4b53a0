"""ResNet (arXiv:1512.03385): Tables 1 and 6, and Figure 3."""

from architectures.counting import Counts
from reports.printed.figures import Figure
from reports.verdicts.complexity import Network

TABLES = ("resnet_t1", "resnet_t2", "resnet_t3", "resnet_t4", "resnet_t5", "resnet_t6", "resnet_repo")
CONVENTION = (
    "mult-adds of convolutions and fully connected layers, the stride in a bottleneck's first 1×1; "
    "parameters with batch normalisation; layers with weights on the main path"
)
BUILDERS = {"ResNet": "resnet", "plain": "plain", "Highway": "highway"}
NO_KNOBS = {"blocks", "block", "eval"}
HIGHWAY_DEPTHS = {"hw19": 19, "hw32": 32}
CUT = {("Table 1", "R50", "flops_G")}
EXPLAINED = {
    (
        "Table 6",
        "hw32",
        "params_M",
    ): "the widths of Highway C, and which of its layers are 1×1, aren't printed; counted: 32 layers of B's",
}


def meant(figure: Figure) -> Network | str:
    """Table 1's 1.8 and 3.6 G leave the projections out, so 18 and 34 layers are those of shortcut A."""
    if figure.arch == "VGG-19":
        return Network.of("vgg", "imagenet", {"config": "E"})
    if figure.arch not in BUILDERS:
        return f"quoted from others: {figure.arch}"
    knobs = {name: value for name, value in figure.kwargs.items() if name not in NO_KNOBS}
    stem = "cifar" if figure.dataset.startswith("CIFAR") else "imagenet"
    if figure.arch == "Highway":
        knobs["depth"] = HIGHWAY_DEPTHS[figure.row_id]
    if figure.arch == "ResNet" and stem == "imagenet" and knobs["depth"] in (18, 34):
        knobs["shortcut"] = "A"
    return Network.of(BUILDERS[figure.arch], stem, knobs)


def counted(figure: Figure, counts: Counts) -> float:
    if figure.metric == "layers":
        return counts.layers
    return counts.mult_adds / 1e9 if figure.metric == "flops_G" else counts.parameters / 1e6
