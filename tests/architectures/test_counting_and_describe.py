"""Counting against closed forms, and the architecture table against Table 1 of the papers."""

import pytest
import torch
from torch import nn

from architectures import build
from architectures.counting import count, count_stages
from architectures.describe import describe


def test_a_small_network_by_hand():
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3, groups=4, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(12, 5), nn.PReLU(),
    )  # fmt: skip
    counts = count(network, 10)
    assert counts.conv_weights == 3 * 8 * 9 + 2 * 12 * 9
    assert (counts.fc_weights, counts.biases, counts.norm_scales_and_shifts, counts.other_parameters) == (
        60,
        13,
        16,
        1,
    )
    assert counts.conv_mult_adds == 10 * 10 * 3 * 8 * 9 + 3 * 3 * 2 * 12 * 9
    assert counts.fc_mult_adds == 60
    assert counts.parameters == sum(p.numel() for p in network.parameters())
    assert (counts.weights, counts.layers) == (216 + 216 + 60, 3)


def densenet_40_by_formula(growth: int, first: int) -> tuple[int, int]:
    """Weights with batch normalisation, and mult-adds, of plain DenseNet-40 from Section 3's formulas."""
    channels, parameters, mult_adds = first, 27 * first, 27 * first * 32 * 32
    for pixels in (32 * 32, 16 * 16, 8 * 8):
        for _ in range(12):
            parameters += 2 * channels + 9 * channels * growth
            mult_adds += 9 * channels * growth * pixels
            channels += growth
        if pixels > 64:
            parameters += 2 * channels + channels * channels
            mult_adds += channels * channels * pixels
    return parameters + 2 * channels + 10 * channels + 10, mult_adds + 10 * channels


def test_densenet_40_by_formula():
    counts = count(build("densenet", stem="cifar", num_classes=10), 32)
    assert (counts.parameters, counts.mult_adds) == densenet_40_by_formula(growth=12, first=16)


def test_a_network_is_left_as_it_was():
    network = build("resnet", stem="cifar", num_classes=10, depth=8)
    network.conv2_x.eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    modes = [module.training for module in network.modules()]
    on_cpu = count(network, 32)
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert not any(module._forward_hooks or "forward" in vars(module) for module in network.modules())
    with torch.device("meta"):
        assert count(build("resnet", stem="cifar", num_classes=10, depth=8), 32) == on_cpu


def test_stages_add_up():
    network = build("resnet", stem="cifar", num_classes=10, depth=8, shortcut="B")
    total, stages = count(network, 32), count_stages(network, 32)
    assert [stage.name for stage in stages] == ["conv1", "conv2_x", "conv3_x", "conv4_x", "classifier"]
    assert sum(stage.counts.parameters for stage in stages) == total.parameters
    assert sum(stage.counts.mult_adds for stage in stages) == total.mult_adds
    assert sum(stage.counts.layers for stage in stages) == total.layers == 8


@pytest.mark.parametrize("form", "abc")
def test_layers_of_parallel_paths_count_once(form):
    with torch.device("meta"):
        network = build("resnext", stem="cifar", num_classes=10, cardinality=2, base_width=4, form=form)
    assert count(network, 32).layers == 29


def test_a_resolution_too_small():
    network = build("densenet_bc", stem="imagenet", num_classes=10)
    with pytest.raises(ValueError, match="can't take images of 8×8"):
        count(network, 8)
    assert network.training
    with pytest.raises(ValueError, match="resolution -1 is too small"):
        count(network, -1)


def table(name: str, resolution: int, **knobs) -> list[tuple[str, ...]]:
    with torch.device("meta"):
        text = describe(build(name, num_classes=1000, **knobs), resolution)
    lines = text.splitlines()
    assert len({len(line) for line in lines}) == 1
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines[2:]]


def test_table_1_of_densenet_121():
    rows = table("densenet_bc", 224, stem="imagenet", depth=121)
    assert [row[:3] for row in rows] == [
        ("convolution", "112×112", "7×7 conv, 64, stride 2"),
        ("pooling", "56×56", "3×3 max pool, stride 2"),
        ("dense_block_1", "56×56", "[1×1 conv, 128; 3×3 conv, 32] × 6"),
        ("transition_1", "28×28", "1×1 conv, 128; 2×2 average pool, stride 2"),
        ("dense_block_2", "28×28", "[1×1 conv, 128; 3×3 conv, 32] × 12"),
        ("transition_2", "14×14", "1×1 conv, 256; 2×2 average pool, stride 2"),
        ("dense_block_3", "14×14", "[1×1 conv, 128; 3×3 conv, 32] × 24"),
        ("transition_3", "7×7", "1×1 conv, 512; 2×2 average pool, stride 2"),
        ("dense_block_4", "7×7", "[1×1 conv, 128; 3×3 conv, 32] × 16"),
        ("classification", "1×1", "global average pool; 1000-d fully connected"),
        ("total", "", "121 weighted layers"),
    ]
    assert rows[-1][3] == "7,978,856"


def test_table_1_of_resnext_50():
    rows = table("resnext", 224, stem="imagenet")
    assert [row[:3] for row in rows[1:-2]] == [
        (
            "conv2_x",
            "56×56",
            "3×3 max pool, stride 2; [1×1 conv, 128; 3×3 conv, 128, C=32; 1×1 conv, 256] × 3",
        ),
        ("conv3_x", "28×28", "[1×1 conv, 256; 3×3 conv, 256, C=32; 1×1 conv, 512] × 4"),
        ("conv4_x", "14×14", "[1×1 conv, 512; 3×3 conv, 512, C=32; 1×1 conv, 1024] × 6"),
        ("conv5_x", "7×7", "[1×1 conv, 1024; 3×3 conv, 1024, C=32; 1×1 conv, 2048] × 3"),
    ]


def test_figure_3_a_of_resnext():
    rows = table("resnext", 32, stem="cifar", form="a", cardinality=4, base_width=8)
    assert rows[2][2] == "[[1×1 conv, 16; 3×3 conv, 16; 1×1 conv, 512] × 4] × 3"


def test_layers_are_not_merged_but_blocks_are():
    rows = table("resnet", 32, stem="cifar", depth=20)
    assert rows[2][:3] == ("conv3_x", "16×16", "[3×3 conv, 32; 3×3 conv, 32] × 3")


class WithAuxiliary(nn.Module):
    """A classifier on the middle, which evaluation passes by unless `always`."""

    def __init__(self, always: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.auxiliary = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
        self.linear = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
        self.always = always

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.conv1(images)
        if self.training or self.always:
            self.auxiliary(x)
        return self.linear(x)


def rows_of(network: nn.Module, resolution: int) -> list[tuple[str, ...]]:
    lines = describe(network, resolution).splitlines()[2:]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]


def test_what_runs_in_training_only_has_a_row_that_says_so():
    rows = rows_of(WithAuxiliary(), 10)
    assert rows[2] == (
        "auxiliary, in training only", "", "global average pool; 5-d fully connected", "45", "0",
    )  # fmt: skip
    *parts, total = [int(row[3].replace(",", "")) for row in rows]
    assert sum(parts) == total == sum(p.numel() for p in WithAuxiliary().parameters())
    assert total == count(WithAuxiliary(), 10).parameters


def test_an_auxiliary_part_that_evaluation_runs_is_a_row_like_the_others():
    rows = rows_of(WithAuxiliary(always=True), 10)
    assert [row[0] for row in rows] == ["conv1", "auxiliary", "linear", "total"]
    assert rows[1][3:] == ("45", "40")


def test_no_row_for_an_auxiliary_part_that_holds_nothing():
    network = WithAuxiliary()
    network.auxiliary = nn.ModuleDict()
    assert [row[0] for row in rows_of(network.eval(), 10)] == ["conv1", "linear", "total"]
