"""Highway networks: the released network's counts, the gate at its limits, the plain counterpart."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures import build
from architectures.counting import count
from architectures.describe import describe
from architectures.highway import HighwayLayer, stage_lengths
from lightning_modules import recipes
from lightning_modules.initialisation import initialise
from tests.architectures.reference import CLASSES, Function, Layers, assert_follows, random_images


def on_meta(name: str, num_classes: int = 10, **knobs) -> nn.Module:
    with torch.device("meta"):
        return build(name, stem="cifar", num_classes=num_classes, **knobs)


def test_counts_of_the_released_network():
    # cifar10-19layers/sample.log of the authors' code, which has 100 outputs.
    network = on_meta("highway", num_classes=100)
    assert sum(p.numel() for p in network.parameters()) == 2_265_928
    layers = [
        sum(p.numel() for p in m.parameters()) for m in network.modules() if isinstance(m, HighwayLayer)
    ]
    assert layers == [18_496] * 4 + [115_360] * 5 + [295_168] * 5


def test_rows_of_the_released_network():
    rows = [line.split("|") for line in describe(on_meta("highway"), 32).splitlines()[2:]]
    assert [(row[2].strip(), row[3].strip()) for row in rows[:-1]] == [
        ("16×16", "[3×3 conv, 32] × 5; 2×2 max pool, stride 2"),
        ("8×8", "[3×3 conv, 80] × 6; 2×2 max pool, stride 2"),
        ("8×8", "[3×3 conv, 128] × 6"),
        ("1×1", "1×1 conv, 100; global average pool; 10-d fully connected"),
    ]


def by_equation_3(lengths: tuple[int, ...], *, gated: bool) -> Function:
    """Three stages, the first layer of each plain: y = H(x) · T(x) + x · (1 - T(x)), or y = H(x) without gates."""

    def function(layers: Layers, x: Tensor) -> Tensor:
        for stage, (width, length) in enumerate(zip((32, 80, 128), lengths, strict=True), start=1):
            x = layers.conv(width, 3, bias=True)(x).relu()
            for _ in range(length - 1):
                transformed = layers.conv(width, 3, bias=True)(x).relu()
                if gated:
                    gate_bias, gate = layers.take(width, 1, 1), layers.conv(width, 3)
                    t = 1 / (1 + torch.exp(-gate(x) - gate_bias))
                    transformed = transformed * t + x * (1 - t)
                x = transformed
            x = functional.max_pool2d(x, 2) if stage < 3 else x
        x = layers.conv(100, 1, bias=True)(x).relu()
        return layers.linear(100)(x.mean((2, 3)))

    return function


@pytest.mark.parametrize("name", ["highway", "plain_highway"])
@pytest.mark.parametrize(("depth", "lengths"), [(19, (5, 6, 6)), (11, (3, 3, 3))])
def test_the_function_of_equation_3(name, depth, lengths):
    ours = build(name, stem="cifar", num_classes=CLASSES, depth=depth)
    assert_follows(ours, by_equation_3(lengths, gated=name == "highway"), random_images(2, 16))


@pytest.mark.parametrize(("depth", "lengths"), [(19, [5, 6, 6]), (11, [3, 3, 3]), (32, [10, 10, 10])])
def test_depth_is_the_number_of_weighted_layers(depth, lengths):
    assert stage_lengths(depth) == lengths
    for name in ("highway", "plain_highway"):
        assert count(on_meta(name, depth=depth), 32).layers == depth


def test_a_closed_gate_carries_and_an_open_one_transforms():
    torch.manual_seed(0)
    x = torch.randn(2, 6, 5, 5)
    with torch.no_grad():
        closed = HighwayLayer(6, gate_bias=-200.0)
        assert torch.equal(closed(x), x)
        opened = HighwayLayer(6, gate_bias=200.0)
        assert torch.equal(opened(x), opened.transform(x))
        halfway = HighwayLayer(6, gate_bias=0.0)
        nn.init.zeros_(halfway.shortcut.gate.convolution.weight)
        torch.testing.assert_close(halfway(x), (halfway.transform(x) + x) / 2)


def test_the_gate_by_its_formula():
    torch.manual_seed(0)
    layer = HighwayLayer(4, gate_bias=-1.0)
    x = torch.randn(2, 4, 6, 6)
    with torch.no_grad():
        weight = layer.shortcut.gate.convolution.weight
        gate = 1 / (1 + torch.exp(1 - nn.functional.conv2d(x, weight, padding=1)))
        torch.testing.assert_close(layer(x), layer.transform(x) * gate + x * (1 - gate))
        assert gate.std() > 0.01


def test_a_recipes_initialisation_leaves_the_gates_closed():
    network = build("highway", stem="cifar", num_classes=10, depth=8, gate_bias=-3)
    initialise(network, recipes.find("highway_cifar"))
    gates = [m.shortcut.gate for m in network.modules() if isinstance(m, HighwayLayer)]
    assert len(gates) == 3 and all((gate.bias == -3).all() for gate in gates)


def test_the_plain_counterpart_is_the_network_of_the_transforms():
    gated, plain = on_meta("highway"), on_meta("plain_highway")
    transforms = [p.shape for name, p in gated.named_parameters() if ".shortcut." not in name]
    assert transforms == [p.shape for p in plain.parameters()]
    assert not any(isinstance(m, HighwayLayer) for m in plain.modules())


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"depth": 7}, "depth 7 is too small; it must be at least 8"),
        ({"dropout": 1.0}, r"dropout 1.0 is not in \[0, 1\)"),
    ],
)
def test_refusals(knobs, message):
    with pytest.raises(ValueError, match=f"^highway: {message}"):
        on_meta("highway", **knobs)
