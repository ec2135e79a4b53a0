"""AlexNet: layer sizes by the paper, normalisation by its formula, the function against torchvision's."""

from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional

import architectures.alexnet
from architectures import build
from architectures.alexnet import AlexNet
from architectures.counting import count, count_stages
from architectures.describe import describe
from architectures.layers.local_response_normalisation import local_response_normalisation
from tests.architectures.reference import (
    CLASSES,
    Layers,
    assert_follows,
    assert_same_function,
    random_images,
    with_few_units,
)


def on_meta(stem: str = "imagenet", **knobs) -> nn.Module:
    with torch.device("meta"):
        return build("alexnet", stem=stem, num_classes=1000, **knobs)


def test_the_function_of_torchvision(monkeypatch):
    # Theirs is the one-column network of arXiv:1404.5997: other widths, no normalisation, no groups.
    monkeypatch.setattr(architectures.alexnet, "HIDDEN_UNITS", 64)
    ours = AlexNet(
        "imagenet", CLASSES, (64, 192, 384, 256, 256), groups=1, normalisation=None, pool_first=False,
        pool=(3, 2), activation=nn.ReLU, dropout=0.5, conv1_padding=2,
    )  # fmt: skip
    theirs = torchvision.models.alexnet(num_classes=CLASSES)
    with_few_units(theirs.classifier, 256 * 6 * 6)
    assert_same_function(ours, theirs, random_images(2, 224))


def by_figure_2(layers: Layers, x: Tensor) -> Tensor:
    """Section 3 with the two columns of Figure 2 as two networks, which meet in conv3 and behind conv5 alone."""

    def normalised(a: Tensor) -> Tensor:
        squares = functional.pad(a.square(), (0, 0, 0, 0, 2, 2))
        sums = sum(squares[:, i : i + a.shape[1]] for i in range(5))
        return a / (2 + 1e-4 * sums) ** 0.75

    def in_columns(kernels: int, size: int) -> Callable[[list[Tensor]], list[Tensor]]:
        weights, biases = layers.take(kernels, None, size, size).chunk(2), layers.take(kernels).chunk(2)
        return lambda columns: [
            functional.conv2d(column, weight, bias, padding=size // 2).relu()
            for column, weight, bias in zip(columns, weights, biases, strict=True)
        ]

    x = layers.conv(96, 11, 4, padding=2, bias=True)(x).relu()
    x = functional.max_pool2d(normalised(x), 3, 2)
    x = torch.cat(in_columns(256, 5)(list(x.chunk(2, dim=1))), dim=1)
    x = functional.max_pool2d(normalised(x), 3, 2)
    x = layers.conv(384, 3, bias=True)(x).relu()
    conv4, conv5 = in_columns(384, 3), in_columns(256, 3)
    x = functional.max_pool2d(torch.cat(conv5(conv4(list(x.chunk(2, dim=1)))), dim=1), 3, 2)
    x = layers.linear(256 * 6 * 6, 64)(x.flatten(1)).relu()
    x = layers.linear(64, 64)(x).relu()
    return layers.linear(64)(x)


def test_the_function_of_figure_2(monkeypatch):
    monkeypatch.setattr(architectures.alexnet, "HIDDEN_UNITS", 64)
    ours = build("alexnet", stem="imagenet", num_classes=CLASSES)
    assert_follows(ours, by_figure_2, random_images(2, 224, scale=100))


@pytest.mark.parametrize(
    ("k", "n", "alpha", "beta"), [(2.0, 5, 1e-4, 0.75), (1.0, 3, 0.7, 0.5), (2.0, 7, 2.0, 1.0)]
)
def test_local_response_normalisation_by_its_formula(k, n, alpha, beta):
    torch.manual_seed(0)
    a = 30 * torch.randn(2, 9, 3, 4, dtype=torch.double)
    expected = torch.empty_like(a)
    for i in range(9):
        window = a[:, max(0, i - n // 2) : min(8, i + n // 2) + 1]
        expected[:, i] = a[:, i] / (k + alpha * (window**2).sum(1)) ** beta
    torch.testing.assert_close(local_response_normalisation(k, n, alpha, beta)(a), expected)


def test_two_columns_are_two_networks_between_the_layers_that_join_them():
    torch.manual_seed(0)
    conv2 = build("alexnet", stem="cifar", num_classes=10).conv2[0]
    x = torch.randn(1, 96, 5, 5)
    halves = [
        functional.conv2d(x[:, 48 * c : 48 * (c + 1)], conv2.weight[128 * c : 128 * (c + 1)], padding=2)
        for c in range(2)
    ]
    expected = torch.cat(halves, dim=1) + conv2.bias[:, None, None]
    torch.testing.assert_close(conv2(x), expected)
    convolutions = [getattr(on_meta(), f"conv{i}")[0] for i in range(1, 6)]
    assert [layer.groups for layer in convolutions] == [1, 2, 1, 2, 2]


@pytest.mark.parametrize(("padding", "images"), [(0, 227), (2, 224)])
@pytest.mark.parametrize("pool", ["3/2", "2/2"])
def test_sizes_of_figure_2(padding, images, pool):
    # (227 - 11) / 4 + 1 = 55
    stages = count_stages(on_meta(conv1_padding=padding, pool=pool), images)
    sides = {stage.name: stage.output[-1] for stage in stages}
    assert [sides[name] for name in ("conv1", "pool1", "pool2", "conv5", "pool5")] == [55, 27, 13, 13, 6]


def test_parameters_and_mult_adds():
    # 61.0M and 62.4M parameters, 724M and 1135M multiply-adds; groups halve convolutions 2, 4 and 5
    two, one = (count(on_meta(groups=groups, conv1_padding=0), 227) for groups in (2, 1))
    assert two.parameters == 60_965_224 and two.layers == 8
    assert [round(c.mult_adds / 1e6) for c in (two, one)] == [724, 1135]
    assert one.parameters - two.parameters == 307_200 + 663_552 + 442_368


def test_half_kernels():
    network = on_meta(groups=1, half_kernels=True)
    assert [getattr(network, f"conv{i}")[0].out_channels for i in range(1, 6)] == [48, 128, 192, 192, 256]


def test_figure_2_described():
    lines = describe(on_meta(conv1_padding=0), 227).splitlines()[2:]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|"))[:3] for line in lines]
    assert rows == [
        ("conv1", "55×55", "11×11 conv, 96, stride 4"),
        ("norm1", "55×55", "local response norm"),
        ("pool1", "27×27", "3×3 max pool, stride 2"),
        ("conv2", "27×27", "5×5 conv, 256, C=2"),
        ("norm2", "27×27", "local response norm"),
        ("pool2", "13×13", "3×3 max pool, stride 2"),
        ("conv3", "13×13", "3×3 conv, 384"),
        ("conv4", "13×13", "3×3 conv, 384, C=2"),
        ("conv5", "13×13", "3×3 conv, 256, C=2"),
        ("pool5", "6×6", "3×3 max pool, stride 2"),
        ("fc6", "1×1", "4096-d fully connected"),
        ("fc7", "1×1", "4096-d fully connected"),
        ("fc8", "1×1", "1000-d fully connected"),
        ("total", "", "8 weighted layers"),
    ]


def test_order_and_absence_of_normalisation():
    first_rows = [list(dict(on_meta(**knobs).named_children()))[:3] for knobs in (
        {}, {"order": "pool_lrn"}, {"lrn": False},
    )]  # fmt: skip
    assert first_rows == [
        ["conv1", "norm1", "pool1"],
        ["conv1", "pool1", "norm1"],
        ["conv1", "pool1", "conv2"],
    ]
    norm = on_meta(lrn_k=1.0, lrn_n=3, lrn_alpha=0.5, lrn_beta=0.25).norm2
    assert (norm.k, norm.size, norm.alpha, norm.beta) == (1.0, 3, 1.5, 0.25)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"groups": 3}, "groups 3 is not one of 1, 2"),
        (
            {"half_kernels": True},
            "half_kernels is the network of one GPU and doesn't go with groups 2; use 1",
        ),
        ({"lrn_n": 4}, "lrn_n 4 is even; a window around a channel is odd, such as 3 or 5"),
        ({"lrn_n": 0}, "lrn_n 0 is too small"),
        ({"lrn_alpha": 0.0}, "lrn_alpha 0.0 is not positive; lrn false leaves the normalisation out"),
        ({"dropout": 1.0}, r"dropout 1.0 is not in \[0, 1\); 0 is none"),
        ({"conv1_padding": 1}, "conv1_padding 1 is not one of 0, 2"),
        ({"pool": "3/3"}, "pool: '3/3' is not one of 3/2, 2/2"),
    ],
)
def test_refusals(knobs, message):
    with pytest.raises(ValueError, match=f"^alexnet: .*{message}|^{message}"):
        on_meta(**knobs)
