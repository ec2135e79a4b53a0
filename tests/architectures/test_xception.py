"""Xception: the function against timm's, the separable convolution, and Figure 5's flows."""

import pytest
import timm
import torch
from torch import nn

from architectures import build
from architectures.describe import describe
from architectures.xception import SeparableConv
from tests.architectures.reference import CLASSES, assert_same_function, random_images


def on_meta(stem: str = "imagenet", **knobs) -> nn.Module:
    with torch.device("meta"):
        return build("xception", stem=stem, num_classes=1000, **knobs)


def test_the_function_of_timm():
    theirs = timm.create_model("legacy_xception", num_classes=CLASSES)
    rows = list(dict.fromkeys(name.split(".")[0] for name in theirs.state_dict()))
    assert_same_function(
        build("xception", stem="imagenet", num_classes=CLASSES), theirs, random_images(2, 71), modes=[False],
        # Within a block timm declares the shortcut ("skip") first, we last.
        order=lambda name: (rows.index(name.split(".")[0]), ".skip" in name),
    )  # fmt: skip


@pytest.mark.parametrize(("activation", "function"), [("none", lambda x: x), ("relu", torch.relu)])
def test_a_separable_convolution_is_a_depthwise_and_a_pointwise_one(activation, function):
    torch.manual_seed(0)
    layer = SeparableConv(5, 7, activation)
    depthwise, pointwise = (m.weight.detach() for m in layer if isinstance(m, nn.Conv2d))
    x = torch.randn(2, 5, 6, 6)
    alone = [nn.functional.conv2d(x[:, [c]], depthwise[[c]], padding=1) for c in range(5)]
    mixed = torch.einsum("oc,nchw->nohw", pointwise[:, :, 0, 0], function(torch.cat(alone, dim=1)))
    with torch.no_grad():
        torch.testing.assert_close(layer(x), mixed)


def test_without_activation_a_separable_convolution_is_one_convolution():
    torch.manual_seed(0)
    layer = SeparableConv(4, 3, "none")
    depthwise, pointwise = (m.weight.detach() for m in layer if isinstance(m, nn.Conv2d))
    kernel = pointwise * depthwise.transpose(0, 1)
    x = torch.randn(2, 4, 5, 5)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), nn.functional.conv2d(x, kernel, padding=1))


def test_figure_5():
    rows = [[c.strip() for c in line.split("|")] for line in describe(on_meta(), 299).splitlines()[2:]]
    assert [row[1:3] for row in rows[:-1]] == [
        ["entry_flow", "19×19"],
        ["middle_flow", "19×19"],
        ["exit_flow", "10×10"],
        ["classifier", "1×1"],
    ]
    separable = "3×3 conv, {0}, C={0}; 1×1 conv, {1}"
    assert rows[0][3] == "; ".join(
        ["3×3 conv, 32, stride 2", "3×3 conv, 64"]
        + [separable.format(64, 128), separable.format(128, 128), "3×3 max pool, stride 2"]
        + [separable.format(128, 256), separable.format(256, 256), "3×3 max pool, stride 2"]
        + [separable.format(256, 728), separable.format(728, 728), "3×3 max pool, stride 2"]
    )
    assert rows[1][3] == f"[[{separable.format(728, 728)}] × 3] × 8"
    assert rows[2][3] == "; ".join(
        [separable.format(728, 728), separable.format(728, 1024), "3×3 max pool, stride 2"]
        + [separable.format(1024, 1536), separable.format(1536, 2048)]
    )
    assert rows[-1][4] == "22,855,952"


def test_36_convolutional_layers():
    separable = [m for m in on_meta().modules() if isinstance(m, SeparableConv)]
    plain = [m for m in on_meta().entry_flow.children() if isinstance(m, nn.Conv2d)]
    assert len(separable) + len(plain) == 36


def test_the_cifar_form_ends_at_4x4():
    table = describe(on_meta("cifar"), 32)
    assert [line.split("|")[2].strip() for line in table.splitlines()[2:5]] == ["8×8", "8×8", "4×4"]


def test_without_residual_there_is_no_shortcut():
    assert not [name for name, _ in on_meta(residual=False).named_modules() if "shortcut" in name]


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"dropout": -0.1}, r"dropout -0.1 is not in \[0, 1\)"),
        ({"intermediate_activation": "tanh"}, "'tanh' is not one of none, relu, elu"),
    ],
)
def test_refusals(knobs, message):
    with pytest.raises(ValueError, match=message):
        on_meta(**knobs)
