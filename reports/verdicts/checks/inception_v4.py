"""Inception v4 and Inception-ResNet (arXiv:1602.07261): Table 1."""

from architectures.counts import Counts
from reports.printed.figures import Figure
from reports.verdicts.checks import as_printed, convolutions, exact
from reports.verdicts.complexity import Network, stages

TABLES = ("inception_v4",)
CONVENTION = "channels of the four convolutions of Reduction-A"
BUILDERS = {
    "Inception-v4": "inception_v4",
    "Inception-ResNet-v1": "inception_resnet_v1",
    "Inception-ResNet-v2": "inception_resnet_v2",
}
RESOLUTION = 299


def network_for(figure: Figure) -> Network | str:
    return Network.of(BUILDERS[figure.arch], "imagenet", {}, RESOLUTION)


def count_for(figure: Figure, counts: Counts) -> float:
    reduction_a = stages(network_for(figure))["reduction_a"].module
    single, (first, second, third) = (
        [layer.out_channels for layer in convolutions(reduction_a.get_submodule(f"paths.{path}"))]
        for path in (0, 1)
    )
    return {"k": first, "l": second, "m": third, "n": single[0]}[figure.metric]


@exact("inceptionresnet.reduction_a_filters")
def reduction_a_filters() -> tuple[bool, str]:
    """Slides, Table 1: k, l, m and n of Reduction-A in Inception-v4 and both Inception-ResNets."""
    return as_printed("inception_v4", lambda figure: figure.table == "Table 1")
