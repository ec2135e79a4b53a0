"""ResNeXt (arXiv:1611.05431): Tables 1, 2 and 7."""

from torch import nn

from architectures.counting import Counts
from reports.printed.figures import Figure
from reports.verdicts.complexity import Network, stages

TABLES = ("resnext_t1_t2", "resnext_t3", "resnext_t4", "resnext_t5_t6", "resnext_t7")
CONVENTION = (
    "weights only, without batch normalisation and biases; mult-adds of convolutions and fully connected "
    "layers, the stride in the 3×3; Table 2: one block of conv2 with 256 maps in and out"
)
# Table 2: cardinality C to width d.
TABLE_2_WIDTHS = {1: 64, 2: 40, 4: 24, 8: 14, 32: 4}
CONV2_PIXELS = 56 * 56
CUT: set[tuple[str, str, str]] = set()
EXPLAINED = {("Table 2", "C8", "block_params_k"): 'Table 2 says "about 70k"; the block of 8×14d has 71.5k'}


def meant(figure: Figure) -> Network | str:
    knobs = dict(figure.kwargs)
    if figure.arch == "WRN":
        return Network.of("wide_resnet", "cifar", {"depth": knobs["depth"], "widen_factor": knobs["k"]})
    if figure.arch == "ResNeXt block":
        knobs |= {"depth": 50, "base_width": TABLE_2_WIDTHS[knobs["cardinality"]]}
    if "cardinality" not in knobs:
        return f"quoted from others: {figure.arch}"
    return Network.of("resnext", "cifar" if figure.dataset.startswith("CIFAR") else "imagenet", knobs)


def counted(figure: Figure, counts: Counts) -> float:
    if figure.arch == "ResNeXt block":
        return _block_of_template(figure)
    return counts.mult_adds / 1e9 if figure.metric == "flops_G" else counts.weights / 1e6


def _block_of_template(figure: Figure) -> float:
    block = stages(meant(figure))["conv2_x"].module[-1]
    first, middle, last = (m for m in block.modules() if isinstance(m, nn.Conv2d))
    weights = sum(m.weight.numel() for m in (first, middle, last))
    return {
        "bottleneck_width": middle.out_channels // middle.groups,
        "group_conv_width": middle.out_channels,
        "block_params_k": weights / 1e3,
        "block_flops_G": weights * CONV2_PIXELS / 1e9,
    }[figure.metric]
