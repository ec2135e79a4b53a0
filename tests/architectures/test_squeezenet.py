"""SqueezeNet: Table 1 row by row, the Fire module's saving, bypasses; the function against torchvision's."""

from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional

from architectures import build
from architectures.counting import count, count_stages
from architectures.describe import describe
from architectures.squeezenet import fire
from reports.printed.figures import read
from tests.architectures.reference import (
    CLASSES,
    Function,
    Layers,
    assert_follows,
    assert_same_function,
    random_images,
)

SHARED = Path(__file__).parents[3] / "shared"
RELEASED = SHARED / "weights" / "squeezenet1_0_deepcomp_torchvision.pth"


def on_meta(stem: str = "imagenet", **knobs) -> nn.Module:
    with torch.device("meta"):
        return build("squeezenet", stem=stem, num_classes=1000, **knobs)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_the_function_of_torchvision(version):
    theirs = getattr(torchvision.models, f"squeezenet{version.replace('.', '_')}")(num_classes=CLASSES)
    ours = build("squeezenet", stem="imagenet", num_classes=CLASSES, version=version)
    assert_same_function(ours, theirs, random_images(2, 100))


def by_table_1(bypass: str, squeeze_ratio: float, share_3x3: float) -> Function:
    """Table 1 and Figure 2: max pooling after conv1, fire4 and fire8; (e_1x1 + e_3x3) of a Fire module by Section 5."""

    def function(layers: Layers, x: Tensor) -> Tensor:
        x = functional.max_pool2d(layers.conv(96, 7, 2, padding=0, bias=True)(x).relu(), 3, 2, ceil_mode=True)
        for number, expand in enumerate((128, 128, 256, 256, 384, 384, 512, 512), start=2):
            expand_3x3 = round(share_3x3 * expand)
            y = layers.conv(round(squeeze_ratio * expand), 1, bias=True)(x).relu()
            small, large = (
                layers.conv(expand - expand_3x3, 1, bias=True), layers.conv(expand_3x3, 3, bias=True)
            )  # fmt: skip
            y = torch.cat([small(y), large(y)], dim=1).relu()
            if bypass != "none" and number in (3, 5, 7, 9):
                y = y + x
            elif bypass == "complex":
                y = y + layers.conv(expand, 1, bias=True)(x)
            x = functional.max_pool2d(y, 3, 2, ceil_mode=True) if number in (4, 8) else y
        return layers.conv(CLASSES, 1, bias=True)(x).relu().mean((2, 3))

    return function


@pytest.mark.parametrize(
    ("bypass", "squeeze_ratio", "share_3x3"),
    [("none", 0.125, 0.5), ("simple", 0.125, 0.5), ("complex", 0.125, 0.5), ("none", 0.5, 0.25)],
)
def test_the_function_of_table_1_and_figure_2(bypass, squeeze_ratio, share_3x3):
    ours = build(
        "squeezenet", stem="imagenet", num_classes=CLASSES,
        bypass=bypass, squeeze_ratio=squeeze_ratio, share_3x3=share_3x3,
    )  # fmt: skip
    assert_follows(ours, by_table_1(bypass, squeeze_ratio, share_3x3), random_images(2, 79))


def test_rows_of_table_1():
    sizes = {stage.name: stage.output[1:] for stage in count_stages(on_meta(), 227)}
    sides = [111, 55, 55, 55, 55, 27, 27, 27, 27, 27, 13, 13, 13]
    assert list(sizes.values()) == [*((side, side) for side in sides), ()]
    printed: dict[str, dict[str, str]] = {}
    for figure in read("squeezenet_t1"):
        printed.setdefault(figure.row_id, {})[figure.metric] = figure.value
    table = describe(on_meta(), 227)
    for number in range(2, 10):
        row = printed[f"fire{number}"]
        line = next(line for line in table.splitlines() if f" fire{number} " in line)
        assert f"1×1 conv, {row['s1x1']}; 1×1 conv, {row['e1x1']}; 3×3 conv, {row['e3x3']} " in line
        assert f" {int(row['params']):,} " in line
    assert "7×7 conv, 96, stride 2" in table and "18 weighted layers" in table and "1,248,424" in table


@pytest.mark.parametrize(
    ("inputs", "expand", "ratio"), [(96, 128, 0.125), (512, 512, 0.25), (128, 256, 0.75)]
)
def test_saving_of_a_fire_module(inputs, expand, ratio):
    module = fire(inputs, expand, ratio, 0.5)
    weights = sum(m.weight.numel() for m in module.modules() if isinstance(m, nn.Conv2d))
    s, e1, e3 = int(expand * ratio), expand // 2, expand // 2
    assert weights == s * inputs + s * e1 + 9 * s * e3 < 9 * (e1 + e3) * inputs


def test_a_fire_module_is_its_three_convolutions():
    torch.manual_seed(0)
    module = fire(6, 16, 0.25, 0.75)
    squeeze, small, large = (m for m in module.modules() if isinstance(m, nn.Conv2d))
    assert (small.out_channels, large.out_channels) == (4, 12)
    x = torch.randn(2, 6, 5, 5)
    squeezed = functional.conv2d(x, squeeze.weight, squeeze.bias).relu()
    expected = torch.cat(
        [
            functional.conv2d(squeezed, small.weight, small.bias).relu(),
            functional.conv2d(squeezed, large.weight, large.bias, padding=1).relu(),
        ],
        dim=1,
    )
    torch.testing.assert_close(module(x.clone()), expected)


def test_bypasses_are_where_figure_2_puts_them():
    assert not [m for name, m in on_meta().named_modules() if "shortcut" in name]
    simple, complex_ = on_meta(bypass="simple"), on_meta(bypass="complex")
    around = {n: type(getattr(complex_, f"fire{n}").shortcut) for n in range(2, 10)}
    assert around == {n: nn.Conv2d if n % 2 == 0 else nn.Identity for n in range(2, 10)}
    assert [n for n in range(2, 10) if hasattr(getattr(simple, f"fire{n}"), "shortcut")] == [3, 5, 7, 9]


def test_a_bypass_adds_its_input():
    torch.manual_seed(0)
    network = build("squeezenet", stem="cifar", num_classes=10, bypass="complex")
    x = torch.rand(2, 128, 4, 4)
    torch.testing.assert_close(network.fire3(x), network.fire3.module(x) + x)
    torch.testing.assert_close(network.fire4(x), network.fire4.module(x) + network.fire4.shortcut(x))


def test_late_downsampling_keeps_feature_maps_large_and_costs_more():
    early, own, same, late = (on_meta(pool_after=layers) for layers in ("1,3,5", "version", "1,4,8", "1,6,9"))
    sides = {stage.name: stage.output[-1] for stage in count_stages(late, 227) if stage.output[1:]}
    assert [sides[f"fire{number}"] for number in range(2, 10)] == [55] * 5 + [27] * 3
    assert sides["conv10"] == 13 and [*dict(early.named_children())][4] == "maxpool3"
    counts = [count(network, 227) for network in (early, own, late)]
    assert counts[0].parameters == counts[1].parameters == counts[2].parameters
    assert counts[0].mult_adds < counts[1].mult_adds < counts[2].mult_adds
    assert [*dict(own.named_modules())] == [*dict(same.named_modules())]
    assert [*dict(on_meta(version="1.1").named_children())] == [*dict(early.named_children())]


def test_cifar_images_reach_fire9_at_4x4():
    sizes = {stage.name: stage.output[1:] for stage in count_stages(on_meta("cifar"), 32)}
    assert sizes["conv1"] == (32, 32) and sizes["fire9"] == (4, 4)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"squeeze_ratio": 0}, r"squeeze_ratio 0.0 is not in \(0, 1\]"),
        ({"squeeze_ratio": 1.5}, "squeeze_ratio 1.5 is not in"),
        ({"squeeze_ratio": 0.001}, "squeeze_ratio 0.001 leaves a layer of a Fire module without channels"),
        ({"share_3x3": 1}, r"share_3x3 1.0 is not in \(0, 1\)"),
        ({"share_3x3": 0.999}, "share_3x3 0.999 leaves a layer of a Fire module without channels"),
        ({"bypass": "both"}, "bypass: 'both' is not one of none, simple, complex"),
        ({"version": "1.2"}, "version: '1.2' is not one of 1.0, 1.1"),
    ],
)
def test_refusals(knobs, message):
    with pytest.raises(ValueError, match=message):
        on_meta(**knobs)


@pytest.mark.skipif(not RELEASED.exists(), reason="needs the released weights in ../shared/weights")
def test_fire8_is_pruned_to_30_percent_where_table_1_prints_33():
    weights = torch.load(RELEASED, weights_only=True)
    left = {i: weights[f"features.{i}.expand3x3.weight"].ne(0).float().mean().item() for i in (9, 10, 12)}
    assert left[9] == pytest.approx(0.33, abs=0.005)
    assert left[10] == pytest.approx(0.30, abs=0.005) and left[12] == pytest.approx(0.30, abs=0.005)
