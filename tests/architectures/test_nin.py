"""NiN: widths and sizes of the released networks, what an mlpconv computes, and the heads of Table 5."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures import build
from architectures.counting import count
from architectures.describe import describe
from architectures.nin import mlpconv
from tests.architectures.reference import CLASSES, Function, Layers, assert_follows, random_images


def on_meta(stem: str, num_classes: int = 10, **knobs) -> nn.Module:
    with torch.device("meta"):
        return build("nin", stem=stem, num_classes=num_classes, **knobs)


def rows(network: nn.Module, images: int) -> list[tuple[str, ...]]:
    lines = describe(network, images).splitlines()[2:]
    return [tuple(cell.strip() for cell in line.strip("|").split("|"))[:3] for line in lines]


def test_the_cifar_network_described():
    assert rows(on_meta("cifar"), 32) == [
        ("mlpconv_1", "32×32", "5×5 conv, 192; 1×1 conv, 160; 1×1 conv, 96"),
        ("pooling_1", "16×16", "3×3 max pool, stride 2"),
        ("mlpconv_2", "16×16", "5×5 conv, 192; 1×1 conv, 192; 1×1 conv, 192"),
        ("pooling_2", "8×8", "3×3 max pool, stride 2"),
        ("mlpconv_3", "8×8", "3×3 conv, 192; 1×1 conv, 192; 1×1 conv, 10"),
        ("head", "1×1", "global average pool"),
        ("total", "", "9 weighted layers"),
    ]


def test_the_imagenet_network_described():
    assert rows(on_meta("imagenet", 1000), 224) == [
        ("mlpconv_1", "54×54", "11×11 conv, 96, stride 4; 1×1 conv, 96; 1×1 conv, 96"),
        ("pooling_1", "27×27", "3×3 max pool, stride 2"),
        ("mlpconv_2", "27×27", "5×5 conv, 256; 1×1 conv, 256; 1×1 conv, 256"),
        ("pooling_2", "13×13", "3×3 max pool, stride 2"),
        ("mlpconv_3", "13×13", "3×3 conv, 384; 1×1 conv, 384; 1×1 conv, 384"),
        ("pooling_3", "6×6", "3×3 max pool, stride 2"),
        ("mlpconv_4", "6×6", "3×3 conv, 1024; 1×1 conv, 1024; 1×1 conv, 1000"),
        ("head", "1×1", "global average pool"),
        ("total", "", "12 weighted layers"),
    ]


def by_figure_2(mlpconvs: list[tuple[tuple[int, int, int], list[int]]], head: str, side: int) -> Function:
    """Stacked mlpconv layers with overlapping max pooling between them, and a head over the classes' feature maps."""

    def function(layers: Layers, x: Tensor) -> Tensor:
        for number, ((kernel, stride, padding), widths) in enumerate(mlpconvs):
            if number:
                x = functional.max_pool2d(x, 3, 2, ceil_mode=True)
            x = layers.conv(widths[0], kernel, stride, padding=padding, bias=True)(x).relu()
            for width in widths[1:]:
                x = layers.conv(width, 1, bias=True)(x).relu()
        return x.mean((2, 3)) if head == "gap" else layers.linear(CLASSES * side**2)(x.flatten(1))

    return function


@pytest.mark.parametrize("head", ["gap", "fc"])
def test_the_function_on_cifar(head):
    mlpconvs = [((5, 1, 2), [192, 160, 96]), ((5, 1, 2), [192] * 3), ((3, 1, 1), [192, 192, CLASSES])]
    ours = build("nin", stem="cifar", num_classes=CLASSES, head=head)
    assert_follows(ours, by_figure_2(mlpconvs, head, side=8), random_images(2, 32))


def test_the_function_on_imagenet():
    mlpconvs = [
        ((11, 4, 0), [96] * 3), ((5, 1, 2), [256] * 3), ((3, 1, 1), [384] * 3), ((3, 1, 1), [1024, 1024, CLASSES])
    ]  # fmt: skip
    ours = build("nin", stem="imagenet", num_classes=CLASSES)
    assert_follows(ours, by_figure_2(mlpconvs, "gap", side=6), random_images(2, 107))


def test_an_mlpconv_is_one_small_network_at_every_position():
    # Equation 2: the same layers of units for the patch around each pixel
    torch.manual_seed(0)
    layer = mlpconv(3, (7, 6, 5), depth=3, size=3, stride=1, padding=1)
    x = torch.randn(2, 3, 4, 4)
    f = functional.unfold(x, 3, padding=1).transpose(1, 2)
    for convolution in layer[::2]:
        f = functional.linear(f, convolution.weight.flatten(1), convolution.bias).relu()
    torch.testing.assert_close(layer(x), f.transpose(1, 2).reshape(2, 5, 4, 4))


def test_global_average_pooling_has_no_parameters_but_a_fully_connected_layer_has():
    gap, fc, dropped = (count(on_meta("cifar", head=head), 32) for head in ("gap", "fc", "fc_dropout"))
    assert fc.parameters - gap.parameters == 10 * 8 * 8 * 10 + 10
    assert dropped == fc
    assert not list(on_meta("cifar").head.parameters())


def test_dropout_of_the_heads():
    def dropouts(network: nn.Module) -> list[str]:
        return [name for name, module in network.named_modules() if isinstance(module, nn.Dropout)]

    assert dropouts(on_meta("cifar", head="fc")) == ["pooling_1.1", "pooling_2.1"]
    assert dropouts(on_meta("cifar", head="fc_dropout"))[2:] == ["head.1"]
    assert dropouts(on_meta("imagenet")) == ["pooling_3.1"]


@pytest.mark.parametrize(
    ("depth", "widths"),
    [
        (1, [96, 192, 10]),
        (2, [192, 96, 192, 192, 192, 10]),
        (4, [192, 160, 160, 96, 192, 192, 192, 192, 192, 192, 192, 10]),
    ],
)
def test_depth_of_the_mlpconv_layers(depth, widths):
    network = on_meta("cifar", mlpconv_depth=depth)
    assert [m.out_channels for m in network.modules() if isinstance(m, nn.Conv2d)] == widths


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"mlpconv_depth": 0}, "mlpconv_depth 0 is too small; it must be at least 1"),
        (
            {"head": "fc_dropout", "dropout": 0},
            "head fc_dropout needs a dropout above 0; without, choose head fc",
        ),
        ({"head": "fc+dropout"}, "head: 'fc.dropout' is not one of gap, fc, fc_dropout"),
        ({"dropout": 1}, r"dropout 1.0 is not in \[0, 1\)"),
    ],
)
def test_refusals(knobs, message):
    with pytest.raises(ValueError, match=message):
        on_meta("cifar", **knobs)
