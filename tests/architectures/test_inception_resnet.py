"""Inception-ResNet: the released network against timm's, Figure 15's boxes, scaled residuals."""

from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures import build
from architectures.counting import count, count_stages
from architectures.describe import describe
from architectures.inception_resnet import RELEASED_SCALES, ResidualInception
from architectures.layers.inception_module import Conv
from architectures.layers.squeeze_excitation import SqueezeExcitation
from tests.architectures.reference import (
    CLASSES,
    Function,
    Layer,
    Layers,
    assert_follows,
    assert_same_function,
    random_images,
    set_epsilon,
)

NAMES = ("inception_resnet_v1", "inception_resnet_v2", "inception_resnet_v2_tf")
BLOCKS = ("inception_a", "inception_b", "inception_c")


def on_meta(name: str, stem: str = "imagenet", **knobs) -> nn.Module:
    with torch.device("meta"):
        return build(name, stem=stem, num_classes=1000, **knobs)


def outputs(network: nn.Module, resolution: int) -> dict[str, tuple[int, ...]]:
    return {stage.name: stage.output for stage in count_stages(network, resolution)}


def residuals(network: nn.Module) -> list[ResidualInception]:
    return [module for module in network.modules() if isinstance(module, ResidualInception)]


def test_the_function_of_timm():
    theirs = timm.create_model("inception_resnet_v2", num_classes=CLASSES)
    set_epsilon(theirs)  # 0.001, as TensorFlow has it
    theirs.repeat, theirs.repeat_1, theirs.repeat_2 = (
        row[:1] for row in (theirs.repeat, theirs.repeat_1, theirs.repeat_2)
    )  # fewer in both, and so quick; the last one is theirs.block8
    ours = build("inception_resnet_v2_tf", stem="imagenet", num_classes=CLASSES, blocks=(1, 1, 2))
    assert_same_function(ours, theirs, random_images(2, 107))


# Convolutions of each path, channels and kernel, by Figures 10, 11, 13, 12 and 16, 17, 19, 18; k, l, m, n of Table 1.
FIGURES: dict[str, dict[str, Any]] = {
    "inception_resnet_v1": {
        "a": [[(32, 1)], [(32, 1), (32, 3)], [(32, 1), (32, 3), (32, 3)]],
        "b": [[(128, 1)], [(128, 1), (128, (1, 7)), (128, (7, 1))]],
        "c": [[(192, 1)], [(192, 1), (192, (1, 3)), (192, (3, 1))]],
        "reduction_b": [[(256, 1), (384, 3)], [(256, 1), (256, 3)], [(256, 1), (256, 3), (256, 3)]],
        "klmn": (192, 192, 256, 384),
    },
    "inception_resnet_v2": {
        "a": [[(32, 1)], [(32, 1), (32, 3)], [(32, 1), (48, 3), (64, 3)]],
        "b": [[(192, 1)], [(128, 1), (160, (1, 7)), (192, (7, 1))]],
        "c": [[(192, 1)], [(192, 1), (224, (1, 3)), (256, (3, 1))]],
        "reduction_b": [[(256, 1), (384, 3)], [(256, 1), (288, 3)], [(256, 1), (288, 3), (320, 3)]],
        "klmn": (256, 256, 384, 384),
    },
}


def by_the_figures(name: str, scale: float) -> Function:
    """One module of each kind between the reductions; "V" of the figures is without padding."""
    figures = FIGURES[name]
    k, l, m, n = figures["klmn"]

    def conv(layers: Layers, channels: int, kernel: Any, stride: int = 1, *, valid: bool = False) -> Layer:
        convolution = layers.conv(channels, kernel, stride, padding=0 if valid else None)
        norm = layers.norm(channels)
        return lambda x: norm(convolution(x)).relu()

    def path(layers: Layers, x: Tensor, boxes: list, *, halves: bool = False) -> Tensor:
        for number, (channels, kernel) in enumerate(boxes, start=1):
            last = halves and number == len(boxes)
            x = conv(layers, channels, kernel, 2 if last else 1, valid=last)(x)
        return x

    def reduction(layers: Layers, x: Tensor, paths: list) -> Tensor:
        outputs = [path(layers, x, boxes, halves=True) for boxes in paths]
        return torch.cat([*outputs, functional.max_pool2d(x, 3, 2)], dim=1)

    def residual(layers: Layers, x: Tensor, paths: list) -> Tensor:
        y = torch.cat([path(layers, x, boxes) for boxes in paths], dim=1)
        return (x + scale * layers.conv(x.shape[1], 1, bias=True)(y)).relu()

    def stem(layers: Layers, x: Tensor) -> Tensor:
        x = conv(layers, 32, 3, 2, valid=True)(x)
        x = conv(layers, 32, 3, valid=True)(x)
        x = conv(layers, 64, 3)(x)
        if name == "inception_resnet_v1":  # Figure 14
            x = conv(layers, 80, 1)(functional.max_pool2d(x, 3, 2))
            x = conv(layers, 192, 3, valid=True)(x)
            return conv(layers, 256, 3, 2, valid=True)(x)
        # Figure 3
        x = torch.cat([functional.max_pool2d(x, 3, 2), conv(layers, 96, 3, 2, valid=True)(x)], dim=1)
        short = path(layers, x, [(64, 1)])
        short = conv(layers, 96, 3, valid=True)(short)
        long = path(layers, x, [(64, 1), (64, (1, 7)), (64, (7, 1))])
        x = torch.cat([short, conv(layers, 96, 3, valid=True)(long)], dim=1)
        return torch.cat([conv(layers, 192, 3, 2, valid=True)(x), functional.max_pool2d(x, 3, 2)], dim=1)

    def function(layers: Layers, x: Tensor) -> Tensor:
        x = residual(layers, stem(layers, x), figures["a"])
        x = reduction(layers, x, [[(n, 3)], [(k, 1), (l, 3), (m, 3)]])
        x = residual(layers, x, figures["b"])
        x = residual(layers, reduction(layers, x, figures["reduction_b"]), figures["c"])
        return layers.linear(x.shape[1])(x.mean((2, 3)))

    return function


@pytest.mark.parametrize("name", FIGURES)
def test_the_function_of_the_figures(name):
    ours = build(name, stem="imagenet", num_classes=CLASSES, blocks=(1, 1, 1), residual_scale=0.2)
    assert_follows(ours, by_the_figures(name, 0.2), random_images(2, 107))


def test_sizes_of_figure_14():
    x, sizes = torch.empty(1, 3, 299, 299, device="meta"), []
    for layer in on_meta("inception_resnet_v1").stem:
        x = layer(x)
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            sizes.append((x.shape[-1], x.shape[1]))
    assert sizes == [(149, 32), (147, 32), (147, 64), (73, 64), (73, 80), (71, 192), (35, 256)]


@pytest.mark.parametrize(
    ("name", "channels"),
    [("inception_resnet_v1", (256, 896, 1792)), ("inception_resnet_v2", (384, 1152, 2144))],
)
def test_boxes_of_figure_15(name, channels):
    network = on_meta(name)
    a, b, c = channels
    assert outputs(network, 299) == {
        "stem": (a, 35, 35),
        "inception_a": (a, 35, 35),
        "reduction_a": (b, 17, 17),
        "inception_b": (b, 17, 17),
        "reduction_b": (c, 8, 8),
        "inception_c": (c, 8, 8),
        "average_pooling": (c,),
        "softmax": (1000,),
    }
    assert [len(getattr(network, row)) for row in BLOCKS] == [5, 10, 5]


@pytest.mark.parametrize(
    ("name", "row", "text"),
    [
        # Figures 14, 10, 11, 12, 13; 16 to 19.
        ("inception_resnet_v1", "stem", "1×1 conv, 80; 3×3 conv, 192; 3×3 conv, 256, stride 2"),
        ("inception_resnet_v1", "inception_a", "[1×1 conv, 32; 1×1 conv, 32; 3×3 conv, 32; 1×1 conv, 32; 3×3 conv, 32; 3×3 conv, 32; 1×1 conv, 256] × 5"),
        ("inception_resnet_v1", "inception_b", "[1×1 conv, 128; 1×1 conv, 128; 1×7 conv, 128; 7×1 conv, 128; 1×1 conv, 896] × 10"),
        ("inception_resnet_v1", "reduction_b", "3×3 conv, 384, stride 2; 1×1 conv, 256; 3×3 conv, 256, stride 2; 1×1 conv, 256; 3×3 conv, 256; 3×3 conv, 256, stride 2; 3×3 max pool, stride 2"),
        ("inception_resnet_v1", "inception_c", "[1×1 conv, 192; 1×1 conv, 192; 1×3 conv, 192; 3×1 conv, 192; 1×1 conv, 1792] × 5"),
        ("inception_resnet_v2", "inception_a", "1×1 conv, 32; 3×3 conv, 48; 3×3 conv, 64; 1×1 conv, 384] × 5"),
        ("inception_resnet_v2", "reduction_a", "3×3 conv, 384, stride 2; 1×1 conv, 256; 3×3 conv, 256; 3×3 conv, 384, stride 2; 3×3 max pool, stride 2"),
        ("inception_resnet_v2", "inception_b", "[1×1 conv, 192; 1×1 conv, 128; 1×7 conv, 160; 7×1 conv, 192; 1×1 conv, 1152] × 10"),
        ("inception_resnet_v2", "inception_c", "[1×1 conv, 192; 1×1 conv, 192; 1×3 conv, 224; 3×1 conv, 256; 1×1 conv, 2144] × 5"),
    ],
)  # fmt: skip
def test_modules_of_the_figures(name, row, text):
    line = next(line for line in describe(on_meta(name), 299).splitlines() if f" {row} " in line)
    assert text in line


def test_version_1_has_the_figures_parameters_and_its_ports_to_faces_more():
    """timesler/facenet-pytorch: a sixth module C, and 512 units, normalised, before the classes."""
    network = on_meta("inception_resnet_v1")
    ours = sum(p.numel() for p in network.parameters())
    module_c = sum(p.numel() for p in network.inception_c[0].parameters())
    linear = sum(p.numel() for p in network.softmax.parameters())
    assert ours == 22_756_328
    assert ours + module_c - linear + 1792 * 512 + 2 * 512 + 512 * 1000 + 1000 == 23_995_624


def test_costs_of_section_3_2():
    costs = {name: count(on_meta(name), 299).mult_adds for name in NAMES}
    with torch.device("meta"):
        for name in ("inception_v3", "inception_v4"):
            costs[name] = count(build(name, stem="imagenet", num_classes=1000), 299).mult_adds
    assert costs["inception_resnet_v1"] == pytest.approx(costs["inception_v3"], rel=0.1)
    assert costs["inception_resnet_v2_tf"] == pytest.approx(costs["inception_v4"], rel=0.1)
    assert costs["inception_resnet_v2"] < 0.8 * costs["inception_v4"]


@pytest.mark.parametrize("name", NAMES)
def test_grids_of_the_cifar_form(name):
    sizes = outputs(on_meta(name, "cifar"), 32)
    assert [sizes[row][1:] for row in BLOCKS] == [(16, 16), (8, 8), (4, 4)]


def block(scale: float | None, **knobs) -> ResidualInception:
    torch.manual_seed(0)
    return ResidualInception(8, ([Conv(4, 1)], [Conv(3, 1), Conv(4, 3)]), scale, **knobs).eval()


def test_a_residual_is_scaled_before_the_addition():
    x = torch.randn(2, 8, 5, 5)
    for scale in (0.1, 1.0):
        with torch.no_grad():
            residual = block(scale).branch(x)
            torch.testing.assert_close(block(scale)(x), (x + scale * residual).relu())
            torch.testing.assert_close(block(scale, linear=True)(x), x + scale * residual)
    with torch.no_grad():
        torch.testing.assert_close(block(None)(x), residual.relu())


@pytest.mark.parametrize("name", NAMES)
def test_without_shortcuts_the_layers_stay(name):
    whole, plain = on_meta(name), on_meta(name, residual=False)
    assert count(whole, 299) == count(plain, 299)
    assert all(b.scale is not None for b in residuals(whole)) and all(
        b.scale is None for b in residuals(plain)
    )


def test_scales():
    assert {b.scale for b in residuals(on_meta("inception_resnet_v1"))} == {0.1}
    assert {b.scale for b in residuals(on_meta("inception_resnet_v2", residual_scale=0.3))} == {0.3}
    released = [[b.scale for b in getattr(on_meta(NAMES[2]), row)] for row in BLOCKS]
    a, b, c = RELEASED_SCALES
    assert released == [[a] * 10, [b] * 20, [c] * 9 + [1.0]]


def test_squeeze_and_excitation_can_end_every_residual_branch():
    network = on_meta("inception_resnet_v2", "cifar")
    for module in residuals(network):
        module.branch.append(SqueezeExcitation(module.outputs, module.outputs // 16))
    assert len(residuals(network)) == 20
    assert outputs(network, 32)["softmax"] == (1000,)


@pytest.mark.parametrize(
    ("name", "knobs", "message"),
    [
        (
            NAMES[0],
            {"residual_scale": 0},
            r"residual_scale 0.0 is not in \(0, 1\]; the paper's are 0.1 to 0.3",
        ),
        (NAMES[1], {"residual_scale": 1.5}, "residual_scale 1.5 is not in"),
        (NAMES[1], {"blocks": (5, 10)}, r"blocks \(5, 10\) is wrong; give 3 numbers of at least 1"),
        (
            NAMES[2],
            {"reduction_a_channels": (1, 1, 1, 0)},
            "reduction_a_channels .* is wrong; give 4 numbers",
        ),
        (NAMES[0], {"dropout": 1}, r"dropout 1.0 is not in \[0, 1\)"),
    ],
)
def test_refusals(name, knobs, message):
    with pytest.raises(ValueError, match=message):
        on_meta(name, **knobs)
