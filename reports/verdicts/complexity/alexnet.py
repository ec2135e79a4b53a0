"""AlexNet (NeurIPS 2012): its parameters and multiply-adds layer by layer, as the slides' Figure 6-5 has them."""

from architectures.counting import Counts
from reports.printed.figures import Figure
from reports.verdicts.complexity import Network, stages

TABLES = ("alexnet_layers_seed", "alexnet_ablations", "alexnet_t1", "alexnet_t2")
CONVENTION = "weights and multiply-adds of each layer, two groups, images of 227"
FIGURE = "Fig 6-5"
CUT = {
    *((FIGURE, layer, "params") for layer in ("conv3", "fc6", "fc7")),
    *((FIGURE, layer, "flops") for layer in ("conv2", "conv3", "conv5", "fc6", "fc7")),
}
EXPLAINED = {
    (FIGURE, "conv4", "params"): "1.3M without groups; with two, as the 112M beside it are, 663,552",
}


def meant(figure: Figure) -> Network | str:
    return Network.of("alexnet", "imagenet", {"conv1_padding": 0}, resolution=227)


def counted(figure: Figure, counts: Counts) -> float:
    layer = stages(meant(figure))[figure.kwargs["layer"]].counts
    return layer.weights if figure.metric == "params" else layer.mult_adds
