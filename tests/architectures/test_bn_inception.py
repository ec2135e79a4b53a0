"""BN-Inception: Figure 5 row by row, its modules, the networks that the paper compares."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.inception import InceptionA

from architectures import build
from architectures.bn_inception import FIGURE_5, Filters, convolution, inception_module
from architectures.counting import count, count_stages
from architectures.describe import describe
from tests.architectures.reference import CLASSES, Function, Layers, assert_follows, excited, random_images

# Figure 5: channels of the modules. 4c and 4d by their filters, as in Caffe; the column of the sizes says 576.
OUTPUTS = {
    "3a": 256, "3b": 320, "3c": 576, "4a": 576, "4b": 576, "4c": 608, "4d": 608, "4e": 1056, "5a": 1024,
    "5b": 1024,
}  # fmt: skip


def on_meta(stem: str = "imagenet", **knobs) -> nn.Module:
    with torch.device("meta"):
        return build("bn_inception", stem=stem, num_classes=1000, **knobs)


def make(inputs: int, outputs: int, size: int, stride: int = 1) -> list[nn.Module]:
    return convolution(inputs, outputs, size, stride, batch_norm=True, activation="relu")


def test_rows_of_figure_5():
    rows = [
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in describe(on_meta(), 224).splitlines()[2:]
    ]
    assert [row[:3] for row in rows[:4]] == [
        ("conv1", "112×112", "7×7 conv, 24, C=3, stride 2; 1×1 conv, 64"),
        ("pool1", "56×56", "3×3 max pool, stride 2"),
        ("conv2", "56×56", "1×1 conv, 64; 3×3 conv, 192"),
        ("pool2", "28×28", "3×3 max pool, stride 2"),
    ]
    sides = ["28×28"] * 2 + ["14×14"] * 5 + ["7×7"] * 3
    assert [row[:2] for row in rows[4:14]] == [
        (f"inception_{name}", side) for name, side in zip(FIGURE_5, sides, strict=True)
    ]
    assert [row[0] for row in rows[14:]] == ["avg_pool", "linear", "total"]
    described = {row[0].removeprefix("inception_"): row[2] for row in rows}
    assert described["3a"] == (
        "1×1 conv, 64; 1×1 conv, 64; 3×3 conv, 64; 1×1 conv, 64; 3×3 conv, 96; 3×3 conv, 96; "
        "3×3 average pool; 1×1 conv, 32"
    )
    assert described["3c"] == (
        "1×1 conv, 128; 3×3 conv, 160, stride 2; 1×1 conv, 64; 3×3 conv, 96; 3×3 conv, 96, stride 2; "
        "3×3 max pool, stride 2"
    )
    assert "max pool" in described["5b"] and "average pool" in described["5a"]


# Figure 5: #1×1, #3×3 reduce, #3×3, double #3×3 reduce, double #3×3, pooling, its projection.
ROWS: dict[str, tuple[int, int, int, int, int, str, int]] = {
    "3a": (64, 64, 64, 64, 96, "avg", 32), "3b": (64, 64, 96, 64, 96, "avg", 64),
    "3c": (0, 128, 160, 64, 96, "max", 0),
    "4a": (224, 64, 96, 96, 128, "avg", 128), "4b": (192, 96, 128, 96, 128, "avg", 128),
    "4c": (160, 128, 160, 128, 160, "avg", 128), "4d": (96, 128, 192, 160, 192, "avg", 128),
    "4e": (0, 128, 192, 192, 256, "max", 0),
    "5a": (352, 192, 320, 160, 224, "avg", 128), "5b": (352, 192, 320, 192, 224, "max", 128),
}  # fmt: skip


def by_figure_5(*, se: bool) -> Function:
    """Figure 5 with the full first convolution; se: squeeze-and-excitation behind every module."""

    def path(layers: Layers, x: Tensor, *boxes: tuple[int, int], stride: int = 1) -> Tensor:
        for number, (channels, kernel) in enumerate(boxes, start=1):
            x = layers.conv_norm(channels, kernel, stride if number == len(boxes) else 1)(x).relu()
        return x

    def module(layers: Layers, x: Tensor, row: tuple) -> Tensor:
        alone, reduce_3x3, conv_3x3, reduce_double, double, pooling, projection = row
        stride = 1 if alone else 2
        outputs = [path(layers, x, (alone, 1))] if alone else []
        outputs.append(path(layers, x, (reduce_3x3, 1), (conv_3x3, 3), stride=stride))
        outputs.append(path(layers, x, (reduce_double, 1), (double, 3), (double, 3), stride=stride))
        pool = functional.max_pool2d if pooling == "max" else functional.avg_pool2d
        pooled = pool(x, 3, stride, padding=1)
        outputs.append(path(layers, pooled, (projection, 1)) if projection else pooled)
        y = torch.cat(outputs, dim=1)
        return excited(layers, y) if se else y

    def function(layers: Layers, x: Tensor) -> Tensor:
        x = functional.max_pool2d(path(layers, x, (64, 7), stride=2), 3, 2, ceil_mode=True)
        x = functional.max_pool2d(path(layers, x, (64, 1), (192, 3)), 3, 2, ceil_mode=True)
        for row in ROWS.values():
            x = module(layers, x, row)
        return layers.linear(1024)(x.mean((2, 3)))

    return function


@pytest.mark.parametrize(("name", "knobs"), [("bn_inception", {"conv1": "full"}), ("se_bn_inception", {})])
def test_the_function_of_figure_5(name, knobs):
    ours = build(name, stem="imagenet", num_classes=CLASSES, **knobs)
    assert_follows(ours, by_figure_5(se=name.startswith("se")), random_images(2, 64))


def test_widths_of_the_modules_put_out():
    network = on_meta()
    shapes = {stage.name: stage.output for stage in count_stages(network, 224)}
    assert {name: shapes[f"inception_{name}"][0] for name in FIGURE_5} == OUTPUTS
    assert {name: getattr(network, f"inception_{name}").outputs for name in FIGURE_5} == OUTPUTS


def test_parameters_of_the_caffe_network():
    """11,295,240, converted for several libraries; its convolutions keep the biases that ours leave out."""
    network = on_meta(conv1="full")
    biases = sum(m.out_channels for m in network.modules() if isinstance(m, nn.Conv2d))
    assert count(network, 224).parameters + biases == 11_295_240


def test_a_third_more_cost_than_googlenet():
    """Appendix: the cost grows by about 30 %, the depth by 9 layers (and module 3c has three more)."""
    with torch.device("meta"):
        googlenet = build("googlenet", stem="imagenet", num_classes=1000, conv1="separable", auxiliary=False)
    ours, theirs = count(on_meta(), 224), count(googlenet, 224)
    assert round(100 * (ours.mult_adds / theirs.mult_adds - 1)) == 30
    assert ours.layers - theirs.layers == 9 + 3


def test_a_module_is_torchvision_s_where_their_5x5_is_a_3x3():
    """InceptionA of Inception v3: the same paths, but for a 5×5, here 3×3 with zeros around it."""
    torch.manual_seed(0)
    theirs = InceptionA(192, pool_features=32).eval()
    ours = inception_module(192, Filters(64, 48, 64, 64, 96, "avg", 32), make).eval()
    kernel = theirs.branch5x5_2.conv.weight.data
    kernel[:, :, [0, -1]], kernel[:, :, :, [0, -1]] = 0, 0
    for module in [*theirs.modules(), *ours.modules()]:
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-5
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    target = ours.state_dict()
    source = [t[:, :, 1:-1, 1:-1] if t.shape[-2:] == (5, 5) else t for t in theirs.state_dict().values()]
    assert [t.shape for t in source] == [t.shape for t in target.values()]
    ours.load_state_dict(dict(zip(target, source, strict=True)))
    x = torch.randn(2, 192, 9, 9)
    with torch.no_grad():
        expected = theirs(x)
        assert (ours(x) - expected).abs().max() <= 1e-4
    assert expected.std() > 1e-2


@pytest.mark.parametrize("side", [8, 7])
def test_a_reduction_passes_its_pooled_input_through_behind_the_convolutions(side):
    torch.manual_seed(0)
    module = inception_module(6, Filters(0, 4, 3, 4, 5, "max", 0), make).eval()
    x = torch.randn(2, 6, side, side)
    assert module.outputs == 3 + 5 + 6
    y = module(x)
    assert y.shape == (2, 14, 4, 4)
    # Every pixel is the largest of its neighbourhood, and the 3×3 convolutions look at the same one.
    for row in range(4):
        for column in range(4):
            around = x[:, :, max(0, 2 * row - 1) : 2 * row + 2, max(0, 2 * column - 1) : 2 * column + 2]
            assert torch.equal(y[:, 8:, row, column], around.amax(dim=(2, 3)))
    strides = [m.stride[0] for m in module.modules() if isinstance(m, nn.Conv2d)]
    assert strides == [1, 2, 1, 1, 2]


def test_maximum_and_average_pooling_where_figure_5_has_them():
    network = on_meta()
    kinds = [
        next(
            m for m in getattr(network, f"inception_{name}").modules() if type(m).__name__.endswith("Pool2d")
        )
        for name in FIGURE_5
    ]
    assert [type(kind).__name__[:3] for kind in kinds] == ["Avg"] * 2 + ["Max"] + ["Avg"] * 4 + [
        "Max", "Avg", "Max",
    ]  # fmt: skip


def test_the_paper_s_networks():
    """Section 4.2.2: normalisation before every nonlinearity, or biases; what BN-x5 leaves out of BN-Baseline."""
    inception = on_meta(batch_norm=False, lrn=True, dropout=0.4)
    baseline = on_meta(lrn=True, dropout=0.4)
    sigmoid = on_meta(activation="sigmoid")
    convolutions = {
        name: [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.groups == 1]
        for name, network in (("inception", inception), ("baseline", baseline))
    }
    assert all(m.bias is not None for m in convolutions["inception"])
    assert all(m.bias is None for m in convolutions["baseline"])

    def number(network: nn.Module, kind: type[nn.Module]) -> int:
        return sum(isinstance(module, kind) for module in network.modules())

    layers = len(convolutions["inception"])
    for network, norms, relus, sigmoids, local in (
        (inception, 0, layers, 0, 2),
        (baseline, layers, layers, 0, 2),
        (on_meta(), layers, layers, 0, 0),
        (sigmoid, layers, 0, layers, 0),
    ):
        kinds = (nn.BatchNorm2d, nn.ReLU, nn.Sigmoid, nn.LocalResponseNorm)
        assert [number(network, kind) for kind in kinds] == [norms, relus, sigmoids, local]
    assert [m.p for m in baseline.modules() if isinstance(m, nn.Dropout)] == [0.4]


def test_normalisation_comes_before_the_nonlinearity():
    layers = [type(layer) for layer in on_meta(activation="sigmoid").inception_3a.paths[1]]
    assert layers == [nn.Conv2d, nn.BatchNorm2d, nn.Sigmoid] * 2


def test_cifar_images_reach_the_modules_at_16_8_and_4_pixels():
    for knobs in ({}, {"lrn": True}):
        sides = {stage.name: stage.output[1:] for stage in count_stages(on_meta("cifar", **knobs), 32)}
        assert [sides[f"inception_{name}"] for name in ("3a", "3c", "4d", "5b")] == [
            (16, 16), (8, 8), (8, 8), (4, 4),
        ]  # fmt: skip
        assert sides["conv1"] == (32, 32) and "pool1" not in sides


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"conv1": "7x7"}, "conv1: '7x7' is not one of separable, full"),
        ({"activation": "tanh"}, "activation: 'tanh' is not one of relu, sigmoid"),
        ({"dropout": 1.0}, r"dropout 1.0 is not in \[0, 1\)"),
    ],
)
def test_refusals(knobs, message):
    with pytest.raises(ValueError, match=message):
        on_meta(**knobs)
