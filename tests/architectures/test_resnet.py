"""ResNet and plain networks: shortcuts and depths by the paper's text; the function against torchvision's."""

import pytest
import torch
import torchvision
from torch import Tensor, nn

from architectures import build
from architectures.resnet import ResidualBlock, shortcut_connection
from reports.printed.figures import read
from tests.architectures.reference import (
    CLASSES,
    Function,
    Layers,
    assert_follows,
    assert_same_function,
    random_images,
)


def on_meta(name: str, stem: str, **knobs) -> nn.Module:
    with torch.device("meta"):
        return build(name, stem=stem, num_classes=10, **knobs)


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("reference", "knobs"),
    [("resnet18", {}), ("resnet34", {}), ("resnet50", {}), ("resnet50", {"stride_in": "3x3"})],
)
def test_the_function_of_torchvision(reference, knobs):
    theirs = getattr(torchvision.models, reference)(num_classes=CLASSES)
    if reference == "resnet50" and not knobs:  # the paper's stride is in the first 1×1, theirs in the 3×3
        for block in theirs.modules():
            if isinstance(block, torchvision.models.resnet.Bottleneck):
                block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
    ours = build("resnet", stem="imagenet", num_classes=CLASSES, depth=int(reference[6:]), **knobs)
    modes = [False, True] if reference == "resnet18" else [False]
    assert_same_function(ours, theirs, random_images(2, 64), modes=modes)


def by_section_4_2(n: int, shortcut: str | None, *, bottleneck: bool) -> Function:
    """The CIFAR form: n blocks of two or three layers at each of 32, 16 and 8 pixels, with 16, 32, 64 channels."""

    def function(layers: Layers, x: Tensor) -> Tensor:
        x = layers.conv_norm(16, 3)(x).relu()
        for width in (16, 32, 64):
            for index in range(n):
                stride = 2 if width > 16 and index == 0 else 1
                outputs = 4 * width if bottleneck else width
                y = layers.conv_norm(width, 1 if bottleneck else 3, stride)(x).relu()
                y = layers.conv_norm(width, 3)(y)
                if bottleneck:
                    y = layers.conv_norm(outputs, 1)(y.relu())
                x = (y + carried(layers, x, outputs, stride, shortcut)).relu()
        return layers.linear(x.shape[1])(x.mean((2, 3)))

    return function


def carried(layers: Layers, x: Tensor, outputs: int, stride: int, shortcut: str | None) -> Tensor | float:
    """Section 4.1: (A) zeros for the new channels, (B) projections where the shape changes, (C) always."""
    changes = x.shape[1] != outputs or stride > 1
    if shortcut == "C" or shortcut == "B" and changes:
        return layers.conv_norm(outputs, 1, stride)(x)
    if shortcut and changes:
        missing = outputs - x.shape[1]
        zeros = x.new_zeros(len(x), missing // 2, *x.shape[2:])
        more_zeros = x.new_zeros(len(x), missing - missing // 2, *x.shape[2:])
        return torch.cat([zeros, x, more_zeros], dim=1)[:, :, ::stride, ::stride]
    return x if shortcut else 0.0


@pytest.mark.parametrize("shortcut", ["A", "B", "C", None])
@pytest.mark.parametrize("block", ["basic", "bottleneck"])
def test_the_cifar_form_by_section_4_2(shortcut, block):
    bottleneck = block == "bottleneck"
    knobs = {"depth": 20 if bottleneck else 14, "block": block}
    if shortcut:
        ours = build("resnet", stem="cifar", num_classes=CLASSES, shortcut=shortcut, **knobs)
    else:
        ours = build("plain", stem="cifar", num_classes=CLASSES, **knobs)
    assert_follows(ours, by_section_4_2(2, shortcut, bottleneck=bottleneck), random_images(3, 16))


def test_stride_in_the_1x1_is_another_function():
    first, second = (
        on_meta("resnet", "imagenet", stride_in=place).conv3_x[0].branch for place in ("1x1", "3x3")
    )
    assert [m.stride[0] for m in first if isinstance(m, nn.Conv2d)] == [2, 1, 1]
    assert [m.stride[0] for m in second if isinstance(m, nn.Conv2d)] == [1, 2, 1]


def test_shortcut_a_subsamples_and_pads_with_zeros():
    x = torch.randn(2, 3, 4, 4)
    y = shortcut_connection("A", 3, 6, stride=2)(x)
    assert torch.equal(y[:, 1:4], x[:, :, ::2, ::2])
    assert y.shape == (2, 6, 2, 2) and not y[:, [0, 4, 5]].any()


def test_which_shortcuts_have_parameters():
    for option, in_same, in_changed in (("A", 0, 0), ("B", 0, 8 * 16 + 32), ("C", 8 * 8 + 16, 8 * 16 + 32)):
        assert parameters(shortcut_connection(option, 8, 8, 1)) == in_same
        assert parameters(shortcut_connection(option, 8, 16, 2)) == in_changed


def test_shortcut_a_and_none_cost_no_parameters():
    assert parameters(on_meta("resnet", "cifar", depth=20)) == parameters(on_meta("plain", "cifar", depth=20))
    assert parameters(on_meta("resnet", "imagenet", depth=34)) > parameters(
        on_meta("plain", "imagenet", depth=34)
    )


@pytest.mark.parametrize(
    ("depth", "shortcut", "millions"),
    [
        (18, "A", 11.52),
        (18, "B", 11.69),
        (18, "C", 12.04),
        (34, "A", 21.62),
        (34, "B", 21.80),
        (34, "C", 22.72),
    ],
)
def test_what_shortcuts_cost(depth, shortcut, millions):
    with torch.device("meta"):
        network = build("resnet", stem="imagenet", num_classes=1000, depth=depth, shortcut=shortcut)
    assert abs(parameters(network) / 1e6 - millions) <= 0.005


@pytest.mark.parametrize("figure", [f for f in read("resnet_t1") if "blocks" in f.kwargs])
def test_blocks_of_each_stage_in_table_1(figure):
    network = on_meta("resnet", "imagenet", depth=figure.kwargs["depth"])
    lengths = [sum(isinstance(block, ResidualBlock) for block in stage) for stage in list(network)[1:-1]]
    assert lengths == figure.kwargs["blocks"]


@pytest.mark.parametrize("option", "ABC")
def test_a_block_whose_branch_is_zero_is_its_shortcut(option):
    network = build("resnet", stem="cifar", num_classes=10, depth=8, shortcut=option).eval()
    block = network.conv3_x[0]
    nn.init.zeros_(block.branch[-1].weight)
    x = torch.randn(2, 16, 8, 8)
    with torch.no_grad():
        assert torch.equal(block(x), block.shortcut(x).relu())


@pytest.mark.parametrize("knobs", [{"depth": 14}, {"depth": 20, "block": "bottleneck"}])
def test_blocks_whose_branches_are_zero_are_the_identity_up_to_the_relu(knobs):
    network = build("resnet", stem="cifar", num_classes=10, **knobs).eval()
    stage = network.conv3_x[1:]  # the first block halves the resolution
    for block in stage:
        nn.init.zeros_(block.branch[-1].weight)
    x = torch.randn(2, stage[0].outputs, 8, 8)
    with torch.no_grad():
        assert torch.equal(stage(x), x.relu())


@pytest.mark.parametrize("option", "ABC")
def test_weighted_shortcuts_start_as_plain_ones_and_learn(option):
    torch.manual_seed(0)
    knobs = {"stem": "cifar", "num_classes": 10, "depth": 8, "shortcut": option}
    weighted, plain = build("resnet", weighted=True, **knobs).eval(), build("resnet", **knobs).eval()
    weights = {name: p for name, p in weighted.named_parameters() if p.ndim == 0}
    assert len(weights) == 3 and parameters(weighted) == parameters(plain) + 3
    others = [t for name, t in weighted.state_dict().items() if name not in weights]
    plain.load_state_dict(dict(zip(plain.state_dict(), others, strict=True)))
    images = torch.randn(2, 3, 32, 32)
    logits = weighted(images)
    assert torch.equal(logits, plain(images))
    logits.square().sum().backward()
    assert all(weight.grad.abs() > 0 for weight in weights.values())


def test_a_weight_scales_its_shortcut():
    torch.manual_seed(0)
    block = build("resnet", stem="cifar", num_classes=10, depth=8, weighted=True).eval().conv2_x[0]
    nn.init.constant_(block.shortcut[1].weight, 0.25)
    x = torch.randn(2, 16, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(block(x), (block.branch(x) + 0.25 * x).relu())


def test_a_plain_block_is_its_branch_alone():
    block = build("plain", stem="cifar", num_classes=10, depth=8).eval().conv3_x[0]
    x = torch.randn(2, 16, 8, 8)
    with torch.no_grad():
        assert torch.equal(block(x), block.branch(x).relu())


@pytest.mark.parametrize(
    ("name", "stem", "knobs"),
    [("resnet", "cifar", {"depth": d}) for d in (8, 20, 32, 44, 56, 110)]
    + [("resnet", "cifar", {"depth": d, "block": "bottleneck"}) for d in (11, 29, 164)]
    + [("resnet", "imagenet", {"depth": d}) for d in (18, 34, 50, 101, 152, 200)]
    + [("plain", "imagenet", {"depth": d}) for d in (18, 34)],
)
def test_depth_is_the_number_of_weighted_layers(name, stem, knobs):
    layers = [
        module
        for path, module in on_meta(name, stem, **knobs).named_modules()
        if isinstance(module, (nn.Conv2d, nn.Linear)) and "shortcut" not in path
    ]
    assert len(layers) == knobs["depth"]


@pytest.mark.parametrize(
    ("stem", "blocks", "width"), [("imagenet", [4, 6, 8, 4], 96), ("cifar", [4, 4, 4], 24)]
)
def test_scaled_in_depth_and_width(stem, blocks, width):
    depth = {"imagenet": 50, "cifar": 20}[stem]
    network = on_meta("resnet", stem, depth=depth, depth_mult=1.3, width_mult=1.5)
    stages = [child for name, child in network.named_children() if name.endswith("_x")]
    assert [sum(isinstance(block, ResidualBlock) for block in stage) for stage in stages] == blocks
    assert network.conv1[0].out_channels == width


@pytest.mark.parametrize(
    ("name", "stem", "knobs", "message"),
    [
        ("resnet", "imagenet", {"depth_mult": 0.0}, "depth_mult 0.0 is not positive"),
        (
            "resnet",
            "imagenet",
            {"depth_mult": 1e9},
            "depth_mult 1000000000.0 repeats a layer over 10,000 times",
        ),
        ("resnet", "imagenet", {"width_mult": -1.0}, "width_mult -1.0 is not positive"),
        ("resnet", "cifar", {"depth": 21}, "depth 21 is not 6n . 2; the nearest are 20 and 26"),
        ("resnet", "cifar", {"depth": 0}, "depth 0 is not 6n . 2; the smallest is 8"),
        ("resnet", "cifar", {"depth": 32, "block": "bottleneck"}, "not 9n . 2; the nearest are 29 and 38"),
        ("plain", "cifar", {"depth": 57}, "the nearest are 56 and 62"),
        ("resnet", "imagenet", {"depth": 20}, "depth 20 is not one of 18, 34, 50, 101, 152, 200"),
        ("resnet", "imagenet", {"depth": 34, "block": "bottleneck"}, "choose basic"),
        ("resnet", "cifar", {"shortcut": "D"}, "shortcut: 'D' is not one of A, B, C"),
    ],
)
def test_refusals(name, stem, knobs, message):
    with pytest.raises(ValueError, match=message):
        on_meta(name, stem, **knobs)
