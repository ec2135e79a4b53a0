"""Pre-activation ResNet: the five orders by Figure 4, the shortcuts by Table 1, logits against timm's."""

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures import build
from architectures.preact_resnet import ORDERS, UNIT_LAYERS
from reports.printed.figures import Figure, read
from tests.architectures.reference import (
    CLASSES,
    Function,
    Layers,
    assert_follows,
    assert_same_function,
    excited,
    random_images,
    randomise,
)


def small(depth: int = 8, **knobs) -> nn.Module:
    """A network with batch normalisation that does something, in evaluation mode."""
    torch.manual_seed(0)
    network = build("preact_resnet", stem="cifar", num_classes=10, depth=depth, **knobs).eval()
    randomise(network)
    return network


def on_meta(stem: str = "cifar", **knobs) -> nn.Module:
    with torch.device("meta"):
        return build("preact_resnet", stem=stem, num_classes=10, **knobs)


def of_kind(module: nn.Module, kind: type) -> list[nn.Module]:
    return [m for m in module.modules() if isinstance(m, kind)]


def by_figure_4(unit: nn.Module, order: str, x: Tensor) -> Tensor:
    """One unit of two convolutions with an identity shortcut, drawn as in Figure 4 (a) to (e)."""
    first, second = of_kind(unit.branch, nn.Conv2d)
    one, two = of_kind(unit, nn.BatchNorm2d)
    if order == "original":
        return (x + two(second(one(first(x)).relu()))).relu()
    if order == "bn_after_addition":
        return two(x + second(one(first(x)).relu())).relu()
    if order == "relu_before_addition":
        return x + two(second(one(first(x)).relu())).relu()
    if order == "relu_only_preactivation":
        return x + two(second(one(first(x.relu())).relu()))
    return x + second(two(first(one(x).relu())).relu())


@pytest.mark.parametrize("order", ORDERS)
def test_orders_of_figure_4(order):
    # Of two units in a stage the second has an activation of its own and an identity for a shortcut.
    unit = small(depth=14, unit=order).conv3_x[1]
    x = torch.randn(2, 32, 6, 6)
    with torch.no_grad():
        torch.testing.assert_close(unit(x.clone()), by_figure_4(unit, order, x))


def test_original_order_is_resnet():
    torch.manual_seed(0)
    resnet = build("resnet", stem="cifar", num_classes=10, depth=20).eval()
    randomise(resnet)
    ours = build("preact_resnet", stem="cifar", num_classes=10, depth=20, unit="original").eval()
    source, target = resnet.state_dict(), ours.state_dict()
    ours.load_state_dict(dict(zip(target, source.values(), strict=True)))
    images = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), resnet(images))


@pytest.mark.parametrize("order", ["original", "full_preactivation"])
def test_orders_have_the_released_networks_parameters(order):
    # Conv1, and 18 units a stage of 1×1, 3×3, 1×1 with batch normalisation before (or after) each.
    weights, norms, inputs = 27 * 16, 0, 16
    for width in (16, 32, 64):
        for unit in range(18):
            weights += inputs * width + 9 * width * width + 4 * width * width
            norms += 2 * (inputs + 2 * width) if order == "full_preactivation" else 2 * 6 * width
            if unit == 0:
                weights += inputs * 4 * width
                norms += 0 if order == "full_preactivation" else 2 * 4 * width
            inputs = 4 * width
    norms += 2 * 256 if order == "full_preactivation" else 2 * 16
    network = on_meta(depth=164, unit=order)
    assert sum(p.numel() for p in network.parameters()) == weights + norms + 10 * 256 + 10


def test_the_function_of_timm():
    # timm normalises and activates after the max pooling, the paper before it: with positive scales, and in
    # evaluation, both are the same.
    theirs = timm.create_model("resnetv2_50", num_classes=CLASSES)
    ours = build("preact_resnet", stem="imagenet", num_classes=CLASSES, depth=50, stride_in="3x3")
    first = ["stem", "stages.0.blocks.0.norm1"]  # theirs declares a block's projection before it
    assert_same_function(
        ours, theirs, random_images(2, 64), modes=[False],
        order=lambda name: next((i for i, part in enumerate(first) if name.startswith(part)), len(first)),
    )  # fmt: skip


def by_figure_4_and_table_1(
    n: int,
    block: str,
    order: str,
    shortcut: str = "identity",
    scales: tuple[float, float] = (1.0, 1.0),
    se: int = 0,
) -> Function:
    """The CIFAR form: n units of a stage, their layers in the order of Figure 4, their shortcuts those of Table 1.

    scales: of shortcut and branch. se: the reduction of squeeze-and-excitation at a branch's end; 0 is none.
    """
    pre_normalised, pre_activated = order == "full_preactivation", "preactivation" in order

    def unit(layers: Layers, x: Tensor, width: int, stride: int, first: bool) -> Tensor:
        outputs = 4 * width if block == "bottleneck" else width
        kernels = {"single": (3,), "basic": (3, 3), "bottleneck": (1, 3, 1)}[block]
        changes = stride > 1 or outputs != x.shape[1]
        projects = shortcut == "conv" or changes and block == "bottleneck"
        normalised_at_the_end = order in ("original", "relu_before_addition", "relu_only_preactivation")
        if projects:
            project = (layers.conv_norm if normalised_at_the_end else layers.conv)(outputs, 1, stride)
        if shortcut.endswith("gating"):
            gate_bias, gate = layers.take(outputs, 1, 1), layers.conv(outputs, 1, stride)
        activated = x
        if pre_normalised and not first:
            activated = layers.norm(x.shape[1])(x)
        if pre_activated and not first:
            activated = activated.relu()
        y = activated
        for index, kernel in enumerate(kernels):
            if index:
                y = layers.norm(width)(y).relu()
            last = index == len(kernels) - 1
            y = layers.conv(outputs if last else width, kernel, stride if index == 0 else 1)(y)
        if normalised_at_the_end:
            y = layers.norm(outputs)(y)
        if order == "relu_before_addition":
            y = y.relu()
        if se:
            y = excited(layers, y, se)
        h = project(activated) if projects else x
        if changes and not projects:
            h = functional.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, x.shape[1] // 2, x.shape[1] // 2))
        if shortcut.endswith("gating"):
            g = (gate(x) + gate_bias).sigmoid()
            h, y = h * (1 - g), y * g if shortcut.startswith("exclusive") else y
        total = scales[0] * h + scales[1] * y
        if order == "bn_after_addition":
            total = layers.norm(outputs)(total)
        return total.relu() if order in ("original", "bn_after_addition") else total

    def function(layers: Layers, x: Tensor) -> Tensor:
        x = layers.conv_norm(16, 3)(x).relu()
        for width in (16, 32, 64):
            for index in range(n):
                x = unit(layers, x, width, 2 if width > 16 and index == 0 else 1, width == 16 and index == 0)
        if pre_normalised:
            x = layers.norm(x.shape[1])(x)
        if pre_activated:
            x = x.relu()
        return layers.linear(x.shape[1])(x.mean((2, 3)))

    return function


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("block", "depth"), [("single", 8), ("basic", 14), ("bottleneck", 20)])
def test_the_cifar_form_by_figure_4(order, block, depth):
    ours = build("preact_resnet", stem="cifar", num_classes=CLASSES, depth=depth, unit=order, block=block)
    assert_follows(ours, by_figure_4_and_table_1(2, block, order), random_images(3, 16))


@pytest.mark.parametrize(
    ("shortcut", "scales"),
    [
        ("identity", (0.0, 1.0)),
        ("identity", (0.5, 0.5)),
        ("exclusive_gating", (1.0, 1.0)),
        ("shortcut_only_gating", (1.0, 1.0)),
        ("conv", (1.0, 1.0)),
    ],
)
def test_the_cifar_form_by_table_1(shortcut, scales):
    ours = build(
        "preact_resnet", stem="cifar", num_classes=CLASSES, depth=14, unit="original", shortcut=shortcut,
        shortcut_scale=scales[0], branch_scale=scales[1], gate_bias=-1.0,
    )  # fmt: skip
    function = by_figure_4_and_table_1(2, "basic", "original", shortcut, scales)
    assert_follows(ours, function, random_images(3, 16))


@pytest.mark.parametrize(("depth", "block"), [(14, "basic"), (164, "bottleneck")])
def test_se_is_at_the_end_of_every_branch(depth, block, monkeypatch):
    # Of 54 bottlenecks the gradients differ by more than 1e-8, since rounding grows from one to the next; 6 are left.
    monkeypatch.setitem(UNIT_LAYERS, "bottleneck", 162 // 2)
    ours = build("se_preact_resnet", stem="cifar", num_classes=CLASSES, depth=depth)
    function = by_figure_4_and_table_1(2, block, "full_preactivation", se=16)
    assert_follows(ours, function, random_images(3, 16))


def test_x_l_is_x_0_and_the_sum_of_the_branches():
    """Equation 4, and Equation 5: with branches of zero a gradient passes unattenuated."""
    network = small(depth=20)
    branches = []
    for unit in network.conv2_x:
        unit.branch.register_forward_hook(lambda module, inputs, output: branches.append(output))
    x = torch.randn(2, 16, 6, 6)
    with torch.no_grad():
        torch.testing.assert_close(network.conv2_x(x), x + sum(branches))
    for unit in network.conv2_x:
        nn.init.zeros_(unit.branch[-1].weight)
    assert torch.equal(network.conv2_x(x), x)
    x.requires_grad_()
    probe = torch.randn(2, 16, 6, 6)
    (network.conv2_x(x) * probe).sum().backward()
    assert torch.equal(x.grad, probe)


@pytest.mark.parametrize(
    ("knobs", "sum_of"),
    [
        ({"shortcut_scale": 0.0}, lambda h, y, g: y),
        ({"shortcut_scale": 0.5}, lambda h, y, g: 0.5 * h + y),
        ({"shortcut_scale": 0.5, "branch_scale": 0.5}, lambda h, y, g: 0.5 * h + 0.5 * y),
        ({"shortcut": "exclusive_gating", "gate_bias": -1.0}, lambda h, y, g: (1 - g) * h + g * y),
        ({"shortcut": "shortcut_only_gating", "gate_bias": 0.0}, lambda h, y, g: (1 - g) * h + y),
        ({"shortcut_dropout": 0.5}, lambda h, y, g: h + y),
    ],
)
def test_shortcuts_of_table_1(knobs, sum_of):
    unit = small(unit="original", **knobs).conv2_x[0]
    x = torch.randn(2, 16, 6, 6)
    with torch.no_grad():
        gate = unit.shortcut.gate
        g = gate and torch.sigmoid(gate.convolution(x) + knobs["gate_bias"])
        torch.testing.assert_close(unit(x), sum_of(x, unit.branch(x), g).relu())


def test_the_1x1_shortcut_is_resnets_option_c():
    ours = on_meta(depth=110, shortcut="conv", unit="original")
    with torch.device("meta"):
        resnet = build("resnet", stem="cifar", num_classes=10, depth=110, shortcut="C")
    shapes = [sorted(tuple(p.shape) for p in network.parameters()) for network in (ours, resnet)]
    assert shapes[0] == shapes[1]


def test_dropout_is_on_the_shortcut_alone():
    unit = small(unit="full_preactivation", shortcut_dropout=0.5).conv2_x[0]
    nn.init.zeros_(unit.branch[-1].weight)
    unit.shortcut.train()
    x = torch.ones(1, 16, 32, 32)
    with torch.no_grad():
        values = unit(x).unique(return_counts=True)
    assert values[0].tolist() == [0, 2] and 0.45 < values[1][0] / x.numel() < 0.55


@pytest.mark.parametrize(
    "figure", [f for f in read("preact_t4") if f.kwargs.get("depth", 0) in (110, 164, 1001)]
)
def test_parameters_of_table_4(figure: Figure):
    unit = "original" if figure.arch == "ResNet" else "full_preactivation"
    network = on_meta(depth=figure.kwargs["depth"], unit=unit)
    weights = sum(p.numel() for p in network.parameters() if p.dim() > 1)
    # Weights only: with batch normalisation 1001 layers have 10.3M, where 10.2M are printed.
    assert round(weights / 1e6, 1) == figure.kwargs["params_M"]


@pytest.mark.parametrize(
    ("stem", "knobs"),
    [("cifar", {"depth": d}) for d in (20, 110, 164)]
    + [("cifar", {"depth": 110, "block": "single"}), ("cifar", {"depth": 110, "block": "bottleneck"})]
    + [
        ("cifar", {"depth": 110, "shortcut": "conv"}),
        ("cifar", {"depth": 20, "shortcut": "exclusive_gating"}),
    ]
    + [("imagenet", {"depth": d}) for d in (18, 101, 152, 200)],
)
def test_depth_is_the_number_of_weighted_layers(stem, knobs):
    layers = [
        module
        for path, module in on_meta(stem, **knobs).named_modules()
        if isinstance(module, (nn.Conv2d, nn.Linear)) and "shortcut" not in path
    ]
    assert len(layers) == knobs["depth"]


@pytest.mark.parametrize(
    "knobs",
    [
        {"depth": 11, "block": "single", "unit": "relu_only_preactivation"},
        {"depth": 8, "unit": "bn_after_addition", "shortcut": "exclusive_gating"},
        {"depth": 11, "block": "bottleneck", "unit": "relu_only_preactivation"},
        {"depth": 11, "block": "bottleneck", "unit": "relu_before_addition"},
        {"depth": 8, "unit": "original", "shortcut": "shortcut_only_gating"},
    ],
)
def test_orders_train_with_every_block_and_gate(knobs):
    torch.manual_seed(0)
    network = build("preact_resnet", stem="cifar", num_classes=10, **knobs)
    loss = nn.functional.cross_entropy(network(torch.randn(2, 3, 8, 8)), torch.tensor([1, 7]))
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize(
    ("stem", "knobs", "message"),
    [
        ("cifar", {"depth": 165}, "depth 165 is not 9n . 2; the nearest are 164 and 173"),
        ("cifar", {"depth": 111}, "depth 111 is not 6n . 2; the nearest are 110 and 116"),
        ("cifar", {"depth": 111, "block": "single"}, "depth 111 is not 3n . 2; the nearest are 110 and 113"),
        ("imagenet", {"depth": 164}, "depth 164 is not one of 18, 34, 50, 101, 152, 200"),
        (
            "imagenet",
            {"block": "single"},
            "block single doesn't give depth 200 on ImageNet; choose bottleneck",
        ),
        ("cifar", {"shortcut_dropout": 1.0}, r"shortcut_dropout 1.0 is not in \[0, 1\)"),
        ("cifar", {"unit": "preact"}, "unit: 'preact' is not one of original, bn_after_addition"),
    ],
)
def test_refusals(stem, knobs, message):
    with pytest.raises(ValueError, match=message):
        on_meta(stem, **knobs)
