"""MobileNet v2: Table 2's rows, where the shortcuts go, and torchvision's logits."""

import pytest
import torch
import torchvision
from torch import nn

from architectures import build
from architectures.counting import count
from architectures.describe import describe
from architectures.mobilenet_v2 import Residual, divisible_by_8
from tests.architectures.reference import CLASSES, assert_same_function, random_images, randomise


def on_meta(stem: str = "imagenet", **knobs) -> nn.Module:
    with torch.device("meta"):
        return build("mobilenet_v2", stem=stem, num_classes=1000, **knobs)


def shapes(network: nn.Module) -> list[torch.Size]:
    return [tensor.shape for tensor in network.state_dict().values()]


def joined(network: nn.Module) -> int:
    return sum(isinstance(module, Residual) for module in network.modules())


def test_the_function_of_torchvision():
    # Their classifier is a fully connected layer where Table 2 has a 1×1 convolution.
    ours = build("mobilenet_v2", stem="imagenet", num_classes=CLASSES)
    theirs = torchvision.models.mobilenet_v2(num_classes=CLASSES)
    assert_same_function(ours, theirs, random_images(2, 64))


@pytest.mark.parametrize("alpha", [0.35, 0.75, 1.4])
def test_widths_of_torchvision(alpha):
    with torch.device("meta"):
        theirs = torchvision.models.mobilenet_v2(width_mult=alpha)
    assert sum(p.numel() for p in theirs.parameters()) == count(on_meta(width_mult=alpha), 224).parameters


def test_table_2():
    # Columns c, n and s of the paper's Table 2, and the input size of the next row.
    table = [(16, 1, 112), (24, 2, 56), (32, 3, 28), (64, 4, 14), (96, 3, 14), (160, 3, 7), (320, 1, 7)]
    lines = describe(on_meta(), 224).splitlines()[2:-1]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert [row[0] for row in rows[:1] + rows[8:]] == ["conv2d", "conv2d_1x1", "avgpool", "classifier"]
    assert rows[0][1:3] == ["112×112", "3×3 conv, 32, stride 2"]
    assert [row[1:3] for row in rows[8:]] == [
        ["7×7", "1×1 conv, 1280"],
        ["1×1", "global average pool"],
        ["1×1", "1×1 conv, 1000"],
    ]
    assert [row[1] for row in rows[1:8]] == [f"{size}×{size}" for *_, size in table]
    network, inputs = on_meta(), 32
    for number, (outputs, times, _) in enumerate(table, start=1):
        row = getattr(network, f"bottleneck_{number}")
        assert len(row) == times
        for block in row:
            convolutions = [module for module in block.modules() if isinstance(module, nn.Conv2d)]
            wide = inputs if number == 1 else 6 * inputs
            widths = [wide, outputs] if number == 1 else [wide, wide, outputs]
            assert [convolution.out_channels for convolution in convolutions] == widths
            assert convolutions[-2].groups == wide
            inputs = outputs


def test_layers():
    # One convolution, 17 blocks of three layers (the first of two), two 1×1 convolutions; some texts say 54.
    assert count(on_meta(), 224).layers == 1 + 17 * 3 - 1 + 2


def test_cifar_form_ends_at_4x4():
    assert "| bottleneck_7 | 4×4" in describe(on_meta("cifar"), 32)


@pytest.mark.parametrize(("residual", "shortcuts"), [("bottlenecks", 10), ("expansions", 10), ("none", 0)])
def test_shortcuts_move_but_layers_stay(residual, shortcuts):
    network = on_meta(residual=residual)
    assert joined(network) == shortcuts
    assert shapes(network) == shapes(on_meta())


def test_shortcuts_of_figure_6_join_thin_or_wide_layers():
    thin = {m[0].in_channels for m in on_meta().modules() if isinstance(m, Residual)}
    wide = {m[0].in_channels for m in on_meta(residual="expansions").modules() if isinstance(m, Residual)}
    assert thin == {24, 32, 64, 96, 160}
    assert wide == {144, 192, 384, 576, 960}


def test_without_its_shortcuts_either_form_is_the_network_without(monkeypatch):
    torch.manual_seed(0)
    forms = [
        build("mobilenet_v2", stem="cifar", num_classes=10, width_mult=0.35, residual=residual).eval()
        for residual in ("none", "bottlenecks", "expansions")
    ]
    randomise(forms[0])
    for form in forms[1:]:
        form.load_state_dict(dict(zip(form.state_dict(), forms[0].state_dict().values(), strict=True)))
    images = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        none, thin, wide = (form(images) for form in forms)
        assert (thin - none).abs().max() > 1e-2 and (wide - none).abs().max() > 1e-2
        assert (thin - wide).abs().max() > 1e-2
        monkeypatch.setattr(Residual, "forward", nn.Sequential.forward)
        for form in forms[1:]:
            torch.testing.assert_close(form(images), none)


def test_residual_branch_at_zero_is_the_identity():
    block = build("mobilenet_v2", stem="cifar", num_classes=10).bottleneck_3[1].eval()
    assert isinstance(block, Residual)
    nn.init.zeros_(block[-1].weight)
    x = torch.randn(1, 32, 4, 4)
    with torch.no_grad():
        assert torch.equal(block(x), x)


def test_projection_is_linear_unless_asked():
    linear, bent = (
        [type(block[-1]) for block in on_meta(projection=projection).bottleneck_4]
        for projection in ("linear", "relu6")
    )
    assert linear == [nn.BatchNorm2d] * 4 and bent == [nn.ReLU6] * 4


@pytest.mark.parametrize("residual", ["bottlenecks", "expansions", "none"])
def test_expansion_1_has_no_expansion_layers(residual):
    network = on_meta(expansion=1, residual=residual)
    pointwise = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (1, 1)]
    assert len(pointwise) == 17 + 2
    assert count(network, 32).layers == 1 + 17 * 2 + 2


@pytest.mark.parametrize(
    ("width", "rounded"),
    [(32 * 0.35, 16), (16 * 0.35, 8), (24 * 0.75, 24), (64 * 0.35, 24), (1280 * 1.4, 1792)],
)
def test_widths_are_multiples_of_8(width, rounded):
    # 11.2 → 8 would take away over a tenth, so 16; 18 → 16 likewise, so 24.
    assert divisible_by_8(width) == rounded


def test_depth_repeats_the_bottlenecks_of_every_row():
    rows = [
        child for name, child in on_meta(depth_mult=1.4).named_children() if name.startswith("bottleneck")
    ]
    assert [len(row) for row in rows] == [2, 3, 5, 6, 5, 5, 2]


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"depth_mult": -2.0}, "depth_mult -2.0 is not positive"),
        ({"expansion": 0}, "expansion 0 is too small; it must be at least 1"),
        ({"width_mult": 0.0}, "width_mult 0.0 is not positive"),
        ({"projection": "relu"}, "projection: 'relu' is not one of linear, relu6"),
        ({"residual": "all"}, "residual: 'all' is not one of bottlenecks, expansions, none"),
    ],
)
def test_refusals(knobs, message):
    with pytest.raises(ValueError, match=message):
        on_meta(**knobs)


def test_dropout_stands_before_the_classifier():
    assert [m.p for m in on_meta().classifier.modules() if isinstance(m, nn.Dropout)] == [0.2]
    with pytest.raises(ValueError, match=r"dropout 1.0 is not in \[0, 1\); 0 is none"):
        on_meta(dropout=1.0)
