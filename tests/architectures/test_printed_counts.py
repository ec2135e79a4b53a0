"""Every parameter, multiply-add and layer count that the DenseNet, ResNet and ResNeXt papers print."""

from functools import cache

import pytest
import torch

from architectures import build, resolve
from architectures.counting import Counts, count
from architectures.densenet import DenseLayer
from architectures.resnet import ResidualBlock
from reports.printed import Figure, read

TABLES = (
    *("densenet_t1", "densenet_t2", "densenet_t3", "densenet_repo"),
    *("resnet_t1", "resnet_t2", "resnet_t3", "resnet_t4", "resnet_t6", "resnet_repo"),
    *("resnext_t1_t2", "resnext_t3", "resnext_t4", "resnext_t5_t6", "resnext_t7"),
)
COUNTED = ("params_M", "flops_G", "layers")
BLOCK = ("bottleneck_width", "group_conv_width", "block_params_k", "block_flops_G")
# Errors, seconds and megabytes are measured, not counted.
MEASURED = ("err", "s_per_", "memory_MB")

OTHER_FAMILIES = {"FractalNet", "WRN", "pre-act ResNet", "VGG-19", "FitNet", "Highway"}

# (table, row, metric): why no sensible count gives the printed figure.
MISPRINTS = {
    (
        "Table 2",
        "sd1202",
        "params_M",
    ): "10.2M is the 1001-layer pre-activation network's; ResNet Table 6 has 19.4M",
    ("Table 1", "D264", "layers"): "2 · (6 + 12 + 64 + 48) + 5 = 265",
    ("Table 2", "C8", "block_params_k"): 'Table 2 says "about 70k"; 8x14d has 71.5k',
}
# Printed figures that were cut off, not rounded.
CUT = {("Table 1", "R50", "flops_G")}

# Table 2 of ResNeXt: cardinality to bottleneck width d.
TABLE_2_WIDTHS = {1: 64, 2: 40, 4: 24, 8: 14, 32: 4}
# What a row says of a network beside its knobs.
NO_KNOBS = {"blocks", "block", "bottleneck", "reported_by"}
BUILDERS = {
    "DenseNet": "densenet",
    "DenseNet-BC": "densenet_bc",
    "ResNet": "resnet",
    "stochastic depth": "resnet",
    "plain": "plain",
    "ResNeXt": "resnext",
}


def key(figure: Figure) -> tuple[str, str, str]:
    return (figure.table, figure.row_id, figure.metric)


FIGURES = [figure for table in TABLES for figure in read(table)]
TO_COUNT = [
    figure for figure in FIGURES if figure.metric in COUNTED + BLOCK and figure.arch not in OTHER_FAMILIES
]


Row = tuple[str, str, tuple[tuple[str, object], ...]]


def meant(figure: Figure) -> Row:
    """Architecture, stem and knobs that a row means; only shortcuts A give Table 1's 1.8 and 3.6 G."""
    said = {name: value for name, value in figure.kwargs.items() if name not in NO_KNOBS}
    if figure.arch == "ResNeXt block":
        said |= {"depth": 50, "base_width": TABLE_2_WIDTHS[said["cardinality"]]}
    stem = "cifar" if figure.dataset.startswith("CIFAR") else "imagenet"
    name = "resnext" if "cardinality" in said else BUILDERS[figure.arch]
    if name == "resnet" and said["depth"] in (18, 34) and stem == "imagenet":
        said["shortcut"] = "A"
    return name, stem, tuple(resolve(name, stem, said).items())


@cache
def network(row: Row) -> torch.nn.Module:
    name, stem, knobs = row
    with torch.device("meta"):
        return build(name, stem=stem, num_classes=10 if stem == "cifar" else 1000, **dict(knobs))


@cache
def counts(row: Row) -> Counts:
    return count(network(row), 32 if row[1] == "cifar" else 224)


def counted(figure: Figure) -> float:
    """The count in the unit of the figure, by the convention of its table."""
    row = meant(figure)
    if figure.metric in BLOCK:
        return block_of_template(network(row), figure.metric)
    if figure.metric == "layers":
        return counts(row).layers
    if figure.metric == "flops_G":
        return counts(row).mult_adds / 1e9
    return (counts(row).weights if figure.paper.startswith("ResNeXt") else counts(row).parameters) / 1e6


def block_of_template(built: torch.nn.Module, metric: str) -> float:
    """Of the conv2 template with 256 maps in and out, at 56 × 56 (ResNeXt, Table 2)."""
    first, middle, last = (m for m in built.conv2_x[-1].modules() if isinstance(m, torch.nn.Conv2d))
    assert (first.in_channels, last.out_channels) == (256, 256)
    weights = sum(m.weight.numel() for m in (first, middle, last))
    return {
        "bottleneck_width": middle.out_channels // middle.groups,
        "group_conv_width": middle.out_channels,
        "block_params_k": weights / 1e3,
        "block_flops_G": weights * 56 * 56 / 1e9,
    }[metric]


@pytest.mark.parametrize("figure", TO_COUNT, ids=lambda f: "-".join((f.paper.split()[0], *key(f))))
def test_count_is_the_printed_figure(figure):
    ours = counted(figure)
    if key(figure) in MISPRINTS:
        assert not figure.matches(ours), f"no misprint any more: {figure.value} against {ours}"
    elif key(figure) in CUT:
        assert figure.cut(ours) and not figure.matches(ours)
    else:
        assert figure.matches(ours), f"printed {figure.value}, counted {ours}"


@pytest.mark.parametrize(
    "figure", [f for f in TO_COUNT if "blocks" in f.kwargs], ids=lambda f: f"{f.paper.split()[0]}-{f.row_id}"
)
def test_blocks_of_each_stage(figure):
    stages = [
        sum(isinstance(block, (DenseLayer, ResidualBlock)) for block in stage.children())
        for stage in network(meant(figure)).children()
    ]
    assert [length for length in stages if length] == figure.kwargs["blocks"]


def test_no_figure_is_left_out():
    assert len(TO_COUNT) == 64
    left = [f for f in FIGURES if f not in TO_COUNT and f.arch not in OTHER_FAMILIES]
    assert not [key(f) for f in left if not any(part in f.metric for part in MEASURED)]


def test_every_exception_is_a_printed_figure():
    assert set(MISPRINTS) | CUT <= {key(figure) for figure in TO_COUNT}


@pytest.mark.parametrize(
    "depth, growth_rate, millions", [(121, 32, 7.98), (169, 32, 14.15), (201, 32, 20.01), (161, 48, 28.68)]
)
def test_densenet_imagenet_counts_that_reference_models_have(depth, growth_rate, millions):
    with torch.device("meta"):
        built = build("densenet_bc", stem="imagenet", num_classes=1000, depth=depth, growth_rate=growth_rate)
    assert round(count(built, 224).parameters / 1e6, 2) == millions


@pytest.mark.parametrize(
    "depth, shortcut, millions",
    [
        (18, "A", 11.52),
        (18, "B", 11.69),
        (18, "C", 12.04),
        (34, "A", 21.62),
        (34, "B", 21.80),
        (34, "C", 22.72),
    ],
)
def test_what_shortcuts_cost(depth, shortcut, millions):
    with torch.device("meta"):
        built = build("resnet", stem="imagenet", num_classes=1000, depth=depth, shortcut=shortcut)
    assert abs(count(built, 224).parameters / 1e6 - millions) <= 0.005
