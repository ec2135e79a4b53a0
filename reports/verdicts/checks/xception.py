"""Xception (arXiv:1610.02357): Table 3."""

import torch
from torch.nn import functional

from architectures.counts import Counts
from reports.printed.figures import Figure
from reports.verdicts.checks import as_printed, convolutions, exact, on_meta, parameters
from reports.verdicts.complexity import Network

TABLES = ("xception",)
CONVENTION = (
    "parameters with batch normalisation; Inception V3 is the first Keras port, whose filter banks differ from "
    "the released network's and whose convolutions have biases beside their batch normalisation"
)
INCEPTION_V3 = {"filters": "keras", "auxiliary": "none"}
RESOLUTION = 299


def network_for(figure: Figure) -> Network | str:
    if figure.arch == "Inception V3":
        return Network.of("inception_v3", "imagenet", INCEPTION_V3, RESOLUTION)
    if figure.arch != "Xception":
        return f"quoted from others: {figure.arch}"
    return Network.of("xception", "imagenet", {}, resolution=RESOLUTION)


def count_for(figure: Figure, counts: Counts) -> float:
    if figure.arch == "Inception V3":
        # A bias for every scale and shift.
        return counts.parameters + counts.norm_scales_and_shifts // 2
    return counts.parameters


@exact("xception.equals_dws")
def equals_dws() -> tuple[bool, str]:
    """Sections 1, 3: Inception's extreme, a 3×3 for every map and a 1×1 across them; Table 3's parameters."""
    from architectures.xception import SeparableConv

    network = on_meta("xception", stem="imagenet", num_classes=1000)
    separable = [module for module in network.modules() if isinstance(module, SeparableConv)]
    depthwise = [layer for layer in convolutions(network) if layer.groups > 1]
    alone = all(layer.groups == layer.in_channels == layer.out_channels for layer in depthwise)

    generator = torch.Generator().manual_seed(0)
    layer = SeparableConv(6, 5, "none").double()
    first, second = convolutions(layer)
    x = torch.randn(2, 6, 7, 7, dtype=torch.double, generator=generator)
    with torch.no_grad():
        kernel = second.weight * first.weight.transpose(0, 1)
        same = torch.allclose(layer(x), functional.conv2d(x, kernel, padding=1))

    counted, evidence = as_printed("xception", lambda figure: figure.row_id == "xc")
    return counted and alone and same and len(separable) == len(depthwise) == 34, (
        f"{len(separable)} separable layers, every map a group of its own; without an activation between them the "
        f"two halves are one convolution; {parameters(network):,} parameters: {evidence}"
    )
