"""Wide ResNet: depths and block types by the paper's text; the ImageNet form against torchvision's."""

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import resnet as models

from architectures import build
from architectures.describe import describe
from architectures.resnet import IMAGENET_BLOCKS
from architectures.wide_resnet import WideBlock
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


def on_meta(stem: str = "cifar", **knobs) -> nn.Module:
    with torch.device("meta"):
        return build("wide_resnet", stem=stem, num_classes=10, **knobs)


def test_the_function_of_torchvision(monkeypatch):
    monkeypatch.setitem(IMAGENET_BLOCKS, 50, ("bottleneck", (1, 2, 1, 1)))  # shorter in both, and so quick
    ours = build("wide_resnet", stem="imagenet", num_classes=CLASSES)
    theirs = models.ResNet(models.Bottleneck, [1, 2, 1, 1], num_classes=CLASSES, width_per_group=128)
    assert_same_function(ours, theirs, random_images(2, 64))


def by_table_1(n: int, k: int, kernels: tuple[int, ...], *, reduction: int | None = None) -> Function:
    """Groups of n blocks, BN-ReLU-convolution in turn; the first of a group projects its activated input.

    reduction: of squeeze-and-excitation at the end of every branch, if there is any.
    """

    def function(layers: Layers, x: Tensor) -> Tensor:
        x = layers.conv(16, 3)(x)
        for width in (16 * k, 32 * k, 64 * k):
            for index in range(n):
                stride = 2 if index == 0 and width > 16 * k else 1
                activated = y = layers.norm(x.shape[1])(x).relu()
                for number, kernel in enumerate(kernels):
                    if number:
                        y = layers.norm(width)(y).relu()
                    y = layers.conv(width, kernel, stride if number == 0 else 1)(y)
                if reduction:
                    y = excited(layers, y, reduction)
                x = y + (layers.conv(width, 1, stride)(activated) if index == 0 else x)
        x = layers.norm(64 * k)(x).relu()
        return layers.linear(64 * k)(x.mean((2, 3)))

    return function


@pytest.mark.parametrize("kernels", [(3, 3), (3, 1), (1, 3), (1, 3, 1), (3, 1, 1), (3, 1, 3)])
def test_the_cifar_form_by_table_1(kernels):
    block = f"B({','.join(map(str, kernels))})"
    ours = build("wide_resnet", stem="cifar", num_classes=CLASSES, depth=16, widen_factor=2, block=block)
    assert_follows(ours, by_table_1(2, 2, kernels), random_images(3, 16))


@pytest.mark.parametrize("layers_per_block", [1, 2, 4])
def test_deepening_factors_by_section_2(layers_per_block):
    # 2n convolutions in a group, however many blocks they make.
    ours = build(
        "wide_resnet", stem="cifar", num_classes=CLASSES, depth=16, widen_factor=2,
        layers_per_block=layers_per_block,
    )  # fmt: skip
    function = by_table_1(4 // layers_per_block, 2, (3,) * layers_per_block)
    assert_follows(ours, function, random_images(3, 16))


def test_se_is_at_the_end_of_every_branch():
    ours = build("se_wide_resnet", stem="cifar", num_classes=CLASSES, depth=16, widen_factor=2)
    assert_follows(ours, by_table_1(2, 2, (3, 3), reduction=16), random_images(3, 16))


def wrn_by_formula(n: int, k: int) -> int:
    """Parameters of WRN-(6n + 4)-k for ten classes, from Table 1; k > 1, so that every group projects."""
    inputs, total = 16, 27 * 16
    for width in (16 * k, 32 * k, 64 * k):
        total += 2 * inputs + 9 * inputs * width + inputs * width
        total += (2 * n - 1) * (2 * width + 9 * width * width)
        inputs = width
    return total + 2 * inputs + 10 * inputs + 10


@pytest.mark.parametrize(("depth", "k"), [(10, 2), (16, 4), (40, 2)])
def test_parameters_by_formula(depth, k):
    network = on_meta(depth=depth, widen_factor=k)
    assert sum(p.numel() for p in network.parameters()) == wrn_by_formula((depth - 4) // 6, k)


@pytest.mark.parametrize("depth", [16, 28, 40])
def test_depth_is_the_number_of_convolutions(depth):
    network = on_meta(depth=depth, widen_factor=2)
    assert sum(isinstance(m, nn.Conv2d) for m in network.modules()) == depth


def test_table_1():
    rows = [line.split("|") for line in describe(on_meta(), 32).splitlines()[2:]]
    assert [tuple(cell.strip() for cell in row[1:4]) for row in rows[:-1]] == [
        ("conv1", "32×32", "3×3 conv, 16"),
        ("conv2", "32×32", "[3×3 conv, 160; 3×3 conv, 160] × 4"),
        ("conv3", "16×16", "[3×3 conv, 320; 3×3 conv, 320] × 4"),
        ("conv4", "8×8", "[3×3 conv, 640; 3×3 conv, 640] × 4"),
        ("classifier", "1×1", "global average pool; 10-d fully connected"),
    ]


@pytest.mark.parametrize("projects", [True, False])
def test_a_block_by_its_formula(projects):
    torch.manual_seed(0)
    inputs, stride = (4, 2) if projects else (6, 1)
    block = WideBlock(inputs, 6, stride, (3, 1), dropout=0.3).eval()
    randomise(block)
    first, second = (m for m in block.branch if isinstance(m, nn.Conv2d))
    *before, between = (m for m in block.modules() if isinstance(m, nn.BatchNorm2d))
    x = torch.randn(2, inputs, 8, 8)
    with torch.no_grad():
        activated = before[0](x).relu()
        shortcut = block.shortcut(activated) if projects else x
        torch.testing.assert_close(block(x), shortcut + second(between(first(activated)).relu()))


@pytest.mark.parametrize(("layers", "blocks"), [(1, 12), (2, 6), (3, 4), (4, 3)])
def test_deepening_keeps_the_parameters(layers, blocks):
    network = on_meta(depth=40, widen_factor=2, layers_per_block=layers)
    assert len(network.conv3) == blocks
    # Table 3 compares l at "the same number of parameters".
    assert sum(p.numel() for p in network.parameters()) == wrn_by_formula(6, 2)


def test_dropout_is_between_the_convolutions():
    network = on_meta(depth=10, widen_factor=2, dropout=0.3, block="B(3,1,3)")
    for block in network.conv2:
        kinds = [type(m) for m in block.branch if isinstance(m, (nn.Conv2d, nn.Dropout))]
        assert kinds == [nn.Conv2d, nn.Dropout, nn.Conv2d, nn.Dropout, nn.Conv2d]


@pytest.mark.parametrize(
    ("stem", "knobs", "message"),
    [
        ("cifar", {"depth": 29}, "depth 29 is not 6n . 4; the nearest are 28 and 34"),
        ("cifar", {"widen_factor": 0}, "widen_factor 0.0 makes 0.0 channels of 16"),
        ("cifar", {"widen_factor": 1.2}, "widen_factor 1.2 makes 19.2 channels of 16"),
        ("cifar", {"layers_per_block": 3}, "layers_per_block 3 doesn't divide the 8 convolutions"),
        ("cifar", {"layers_per_block": 0}, "layers_per_block 0 is too small"),
        (
            "cifar",
            {"layers_per_block": 4, "block": "B(1,3)"},
            "layers_per_block 4 goes with block B.3,3. only",
        ),
        ("cifar", {"block": "B(3)"}, "block: 'B.3.' is not one of"),
        ("cifar", {"dropout": 1.0}, "dropout 1.0 is not in"),
        ("imagenet", {"depth": 28}, "depth 28 is not one of 18, 34, 50, 101, 152, 200"),
        ("imagenet", {"dropout": 0.3}, "are knobs of the CIFAR form; leave them out"),
    ],
)
def test_refusals(stem, knobs, message):
    with pytest.raises(ValueError, match=message):
        on_meta(stem, **knobs)
