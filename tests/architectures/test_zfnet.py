"""ZFNet: the sizes of Figure 3, and the variants of Table 3."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures import build
from architectures.counting import count, count_stages
from architectures.describe import describe
from tests.architectures.reference import CLASSES, Layers, assert_follows, random_images


def on_meta(stem: str = "imagenet", **knobs) -> nn.Module:
    with torch.device("meta"):
        return build("zfnet", stem=stem, num_classes=1000, **knobs)


def test_figure_3_described():
    lines = describe(on_meta(), 224).splitlines()[2:]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|"))[:3] for line in lines]
    assert rows == [
        ("layer_1", "55×55", "7×7 conv, 96, stride 2; 3×3 max pool, stride 2; local response norm"),
        ("layer_2", "13×13", "5×5 conv, 256, stride 2; 3×3 max pool, stride 2; local response norm"),
        ("layer_3", "13×13", "3×3 conv, 384"),
        ("layer_4", "13×13", "3×3 conv, 384"),
        ("layer_5", "6×6", "3×3 conv, 256; 3×3 max pool, stride 2"),
        ("layer_6", "1×1", "4096-d fully connected"),
        ("layer_7", "1×1", "4096-d fully connected"),
        ("output", "1×1", "1000-d fully connected"),
        ("total", "", "8 weighted layers"),
    ]


def by_figure_3(layers: Layers, x: Tensor) -> Tensor:
    """Convolution, ReLU, pooling whose windows hang over the edge, normalisation across channels (layers 1, 2)."""

    def normalised(a: Tensor) -> Tensor:
        squares = functional.pad(a.square(), (0, 0, 0, 0, 2, 2))
        return a / (2 + 1e-4 * sum(squares[:, i : i + a.shape[1]] for i in range(5))) ** 0.75

    x = layers.conv(96, 7, 2, padding=1, bias=True)(x).relu()
    x = normalised(functional.max_pool2d(x, 3, 2, ceil_mode=True))
    x = layers.conv(256, 5, 2, padding=0, bias=True)(x).relu()
    x = normalised(functional.max_pool2d(x, 3, 2, ceil_mode=True))
    for channels in (384, 384, 256):
        x = layers.conv(channels, 3, bias=True)(x).relu()
    x = functional.max_pool2d(x, 3, 2, ceil_mode=True)
    x = layers.linear(6 * 6 * 256, 64)(x.flatten(1)).relu()
    x = layers.linear(64, 64)(x).relu()
    return layers.linear(64)(x)


def test_the_function_of_figure_3():
    ours = build("zfnet", stem="imagenet", num_classes=CLASSES, fc=64)
    assert_follows(ours, by_figure_3, random_images(2, 224, scale=100))


@pytest.mark.parametrize(("layer", "side"), [("layer_1", 110), ("layer_2", 26)])
def test_feature_map_sizes_of_figure_3(layer, side):
    inputs = {"layer_1": (1, 3, 224, 224), "layer_2": (1, 96, 55, 55)}[layer]
    convolution = on_meta().get_submodule(layer)[0]
    assert convolution(torch.empty(inputs, device="meta")).shape[2:] == (side, side)


@pytest.mark.parametrize(("stem", "images", "side", "last"), [("imagenet", 224, 13, 6), ("cifar", 32, 4, 2)])
@pytest.mark.parametrize("conv1", ["7x7/2", "11x11/4"])
def test_both_first_convolutions_lead_to_the_same_sizes(stem, images, side, last, conv1):
    outputs = {stage.name: stage.output[1:] for stage in count_stages(on_meta(stem, conv1=conv1), images)}
    assert outputs["layer_2"] == outputs["layer_4"] == (side, side)
    assert outputs["layer_5"] == (last, last)


def test_replication_of_alexnet_has_its_layers_without_groups():
    with torch.device("meta"):
        alexnet = build("alexnet", stem="imagenet", num_classes=1000, groups=1)
    assert count(on_meta(conv1="11x11/4"), 224) == count(alexnet, 224)


@pytest.mark.parametrize(
    ("remove", "layers", "less"),
    [
        # weights and biases that go: 3×3 convolutions of 384 channels; layer 5's inputs; hidden layers
        ("3,4", 6, (9 * 256 * 384 + 384) + (9 * 384 * 384 + 384) + 9 * (384 - 256) * 256),
        ("7", 7, 4096 * 4096 + 4096),
        ("6,7", 6, (9216 + 4096) * 4096 + 2 * 4096 - (9216 - 4096) * 1000),
    ],
)
@pytest.mark.parametrize("conv1", ["7x7/2", "11x11/4"])
def test_removed_layers(remove, layers, less, conv1):
    whole, rest = count(on_meta(conv1=conv1), 224), count(on_meta(conv1=conv1, remove=remove), 224)
    assert (rest.layers, whole.parameters - rest.parameters) == (layers, less)


def test_all_four_removed():
    network = on_meta(remove="3,4,6,7")
    assert list(dict(network.named_children())) == ["layer_1", "layer_2", "layer_5", "output"]


def test_widths_of_table_3():
    wide = on_meta(channels345=(512, 1024, 512), fc=8192)
    shapes = [wide.get_submodule(f"layer_{i}.0").weight.shape for i in (3, 4, 5)]
    assert shapes == [(512, 256, 3, 3), (1024, 512, 3, 3), (512, 1024, 3, 3)]
    assert [wide.get_submodule(f"layer_{i}.1").weight.shape for i in (6, 7)] == [
        (8192, 512 * 36),
        (8192, 8192),
    ]


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"channels345": (384, 384)}, "channels345 has 2 numbers; it takes one each for layers 3, 4 and 5"),
        ({"channels345": (384, 0, 256)}, "channels345 0 is too small"),
        ({"fc": 0}, "fc 0 is too small"),
        ({"remove": "5"}, "remove: '5' is not one of none, 3,4, 7, 6,7, 3,4,6,7"),
        ({"conv1": "5x5/1"}, "conv1: '5x5/1' is not one of 7x7/2, 11x11/4"),
        ({"dropout": -0.1}, r"dropout -0.1 is not in \[0, 1\)"),
    ],
)
def test_refusals(knobs, message):
    with pytest.raises(ValueError, match=message):
        on_meta(**knobs)
