"""Other units in ShuffleNet's place: their layers by Section 4.2, widths by the rule of equal cost, refusals."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from architectures import build
from architectures.counting import count, count_stages
from architectures.describe import describe
from architectures.shufflenet_units import STAGE_4_CHANNELS, bottleneck, nearest_multiple, two_convolutions
from architectures.shufflenet_v1 import UNITS

LEVELS = [(unit, complexity) for unit in STAGE_4_CHANNELS for complexity in STAGE_4_CHANNELS[unit]]


def on_meta(unit: str, complexity: int = 140, stem: str = "imagenet") -> nn.Module:
    with torch.device("meta"):
        return build("shufflenet_units", stem=stem, num_classes=1000, unit=unit, complexity=complexity)


@pytest.mark.parametrize(("unit", "complexity"), LEVELS)
def test_no_other_number_of_channels_comes_nearer_to_the_level(unit, complexity, monkeypatch):
    step = 1 if unit == "vgg" else 4
    channels = STAGE_4_CHANNELS[unit][complexity]
    gaps = {}
    for tried in (channels - 2 * step, channels - step, channels, channels + step, channels + 2 * step):
        monkeypatch.setitem(STAGE_4_CHANNELS[unit], complexity, tried)
        gaps[tried] = abs(count(on_meta(unit, complexity), 224).mult_adds / 1e6 - complexity)
    assert min(gaps, key=gaps.get) == channels, gaps


def test_macro_structure_of_table_1():
    for unit in STAGE_4_CHANNELS:
        network = on_meta(unit)
        channels = STAGE_4_CHANNELS[unit][140]
        outputs = {stage.name: stage.output for stage in count_stages(network, 224)}
        assert outputs["conv1"] == (24, 112, 112) and outputs["max_pool"] == (24, 56, 56)
        assert [outputs[f"stage{stage}"][1:] for stage in (2, 3, 4)] == [(28, 28), (14, 14), (7, 7)]
        assert [outputs[f"stage{stage}"][0] / channels for stage in (2, 3, 4)] == pytest.approx(
            [0.25, 0.5, 1], abs=0.006
        )
        assert tuple(len(getattr(network, f"stage{stage}")) for stage in (2, 3, 4)) == UNITS
        assert count(network, 224).layers == (34 if unit == "vgg" else 50)


@pytest.mark.parametrize(
    ("unit", "blocks"),
    [
        ("vgg", "[3×3 conv, 25; 3×3 conv, 25] × 8"),
        ("resnet", "[1×1 conv, 24; 3×3 conv, 24; 1×1 conv, 96] × 8"),
        ("resnext", "[1×1 conv, 48; 3×3 conv, 48, C=16; 1×1 conv, 96] × 8"),
    ],
)
def test_stage_3_at_38_million(unit, blocks):
    stage_3 = next(line for line in describe(on_meta(unit, 38), 224).splitlines() if " stage3 " in line)
    assert f"| {blocks} " in stage_3


def test_vgg_like_unit_is_two_convolutions_and_nothing_beside():
    torch.manual_seed(0)
    unit = two_convolutions(4, 6, 2, False).eval()
    first, second = (m for m in unit if isinstance(m, nn.Conv2d))
    x = torch.randn(2, 4, 8, 8)
    scale = (1 + 1e-5) ** -0.5
    y = (functional.conv2d(x, first.weight, stride=2, padding=1) * scale).relu()
    expected = (functional.conv2d(y, second.weight, padding=1) * scale).relu()
    torch.testing.assert_close(unit(x), expected)


@pytest.mark.parametrize(("ratio", "cardinality"), [(4, 1), (2, 16)])
def test_a_bottleneck_adds_its_input_or_a_projection(ratio, cardinality):
    torch.manual_seed(0)
    x = torch.rand(2, 64, 6, 6)
    for outputs, stride, kind in ((64, 1, nn.Identity), (128, 2, nn.Sequential)):
        unit = bottleneck(64, outputs, stride, False, ratio=ratio, cardinality=cardinality).eval()
        inside = [m for m in unit.branch if isinstance(m, nn.Conv2d)]
        assert [m.stride[0] for m in inside] == [1, stride, 1]
        assert (inside[1].in_channels, inside[1].groups) == (outputs // ratio, cardinality)
        assert isinstance(unit.shortcut, kind)
        torch.testing.assert_close(unit(x), (unit.branch(x) + unit.shortcut(x)).relu())


@pytest.mark.parametrize(
    ("channels", "groups", "expected"),
    [(12.5, 1, 12), (12.6, 1, 13), (24, 16, 16), (25, 16, 32), (3, 16, 16)],
)
def test_ties_go_to_the_lower(channels, groups, expected):
    assert nearest_multiple(channels, groups) == expected


@pytest.mark.parametrize("unit", STAGE_4_CHANNELS)
def test_cifar_images_reach_stage_4_at_4x4(unit):
    sizes = {stage.name: stage.output[1:] for stage in count_stages(on_meta(unit, 38, "cifar"), 32)}
    assert "max_pool" not in sizes
    assert [sizes[name] for name in ("conv1", "stage2", "stage4")] == [(32, 32), (16, 16), (4, 4)]


def test_a_complexity_that_the_paper_does_not_have_is_refused():
    with pytest.raises(ValueError, match="complexity 40 is not one of 13, 38, 140"):
        on_meta("resnet", 40)
