"""ResNeXt: torchvision's function, Table 1 on CIFAR; the three forms are one, a grouped kernel is block-diagonal."""

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional

from architectures import build
from architectures.resnext import ResNeXtBlock
from tests.architectures.reference import (
    CLASSES,
    Function,
    Layers,
    assert_follows,
    assert_same_function,
    random_images,
)

CARDINALITY, WIDTH = 4, 3


def test_the_function_of_torchvision():
    theirs = torchvision.models.resnext50_32x4d(num_classes=CLASSES)
    assert_same_function(build("resnext", stem="imagenet", num_classes=CLASSES), theirs, random_images(2, 64))


def by_equation_3(n: int, cardinality: int, path_width: int) -> Function:
    """The CIFAR form by Section 5.3, as Equation 3 sums it: x + Σ T_i(x), every path with its share of the kernels."""

    def function(layers: Layers, x: Tensor) -> Tensor:
        x = layers.conv_norm(64, 3)(x).relu()
        for stage in range(3):
            for index in range(n):
                stride = 2 if stage and index == 0 else 1
                inside, outputs = cardinality * path_width * 2**stage, 256 * 2**stage
                first, middle = layers.conv_norm(inside, 1), layers.take(inside, None, 3, 3)
                middle_norm, last = layers.norm(inside), layers.take(outputs, inside, 1, 1)
                last_norm = layers.norm(outputs)
                paths = zip(first(x).relu().chunk(cardinality, dim=1), middle.chunk(cardinality), strict=True)
                y = torch.cat([functional.conv2d(path, kernel, None, stride, 1) for path, kernel in paths], 1)
                parts = zip(
                    middle_norm(y).relu().chunk(cardinality, 1), last.chunk(cardinality, 1), strict=True
                )
                y = last_norm(sum(functional.conv2d(part, kernel) for part, kernel in parts))
                x = (y + (layers.conv_norm(outputs, 1, stride)(x) if index == 0 else x)).relu()
        return layers.linear(x.shape[1])(x.mean((2, 3)))

    return function


@pytest.mark.parametrize(("cardinality", "path_width"), [(1, 8), (4, 3)])
def test_the_cifar_form_by_equation_3(cardinality, path_width):
    ours = build(
        "resnext",
        stem="cifar",
        num_classes=CLASSES,
        depth=20,
        cardinality=cardinality,
        base_width=path_width,
    )
    assert_follows(ours, by_equation_3(2, cardinality, path_width), random_images(3, 16))


def layers(module: nn.Module, kind: type) -> list[nn.Module]:
    return [m for m in module.modules() if isinstance(m, kind)]


def copy_grouped(grouped: ResNeXtBlock, split: ResNeXtBlock) -> None:
    """Give every path its rows of the first two kernels and, in form (a), its columns of the last."""
    first, middle, last = layers(grouped.branch, nn.Conv2d)
    norms = layers(grouped.branch, nn.BatchNorm2d)
    d = middle.out_channels // CARDINALITY
    paths = split.branch[0].paths
    with torch.no_grad():
        for c, path in enumerate(paths):
            rows = slice(c * d, (c + 1) * d)
            convolutions = layers(path, nn.Conv2d)
            convolutions[0].weight.copy_(first.weight[rows])
            convolutions[1].weight.copy_(middle.weight[rows])
            if len(convolutions) == 3:
                convolutions[2].weight.copy_(last.weight[:, rows])
            for mine, whole in zip(layers(path, nn.BatchNorm2d), norms[:2], strict=True):
                mine.weight.copy_(whole.weight[rows])
                mine.bias.copy_(whole.bias[rows])
        for mine in layers(split.branch[1:], nn.Conv2d):
            mine.weight.copy_(last.weight)
        split.branch[-1].load_state_dict(norms[2].state_dict())
        split.shortcut.load_state_dict(grouped.shortcut.state_dict())


@pytest.mark.parametrize("form", ["a", "b"])
@pytest.mark.parametrize("training", [True, False])
def test_forms_are_equal(form, training):
    torch.manual_seed(0)
    shape = {"inputs": 8, "width": 64, "stride": 2, "cardinality": CARDINALITY, "base_width": WIDTH}
    grouped = ResNeXtBlock(**shape, form="c", residual=True).double()
    for norm in layers(grouped, nn.BatchNorm2d):
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.uniform_(norm.bias, -0.5, 0.5)
    split = ResNeXtBlock(**shape, form=form, residual=True).double()
    copy_grouped(grouped, split)

    images = torch.randn(3, 8, 6, 6, dtype=torch.double)
    probe = torch.randn(3, 256, 3, 3, dtype=torch.double)
    outputs, gradients = [], []
    for block in (grouped, split):
        x = images.clone().requires_grad_()
        y = block.train(training)(x)
        (y * probe).sum().backward()
        outputs.append(y.detach())
        gradients.append(x.grad)
    torch.testing.assert_close(outputs[0], outputs[1])
    torch.testing.assert_close(gradients[0], gradients[1])
    first = layers(grouped.branch, nn.Conv2d)[0].weight.grad
    parts = [layers(path, nn.Conv2d)[0].weight.grad for path in split.branch[0].paths]
    torch.testing.assert_close(first, torch.cat(parts))
    assert outputs[0].std() > 0.1 and gradients[0].std() > 1e-3


@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
def test_forms_have_equal_parameters(stem):
    sizes = set()
    for form in "abc":
        with torch.device("meta"):
            network = build("resnext", stem=stem, num_classes=10, cardinality=4, base_width=8, form=form)
        sizes.add(sum(p.numel() for p in network.parameters()))
    assert len(sizes) == 1


def test_grouped_convolution_has_a_block_diagonal_kernel():
    torch.manual_seed(0)
    block = ResNeXtBlock(8, 64, 1, cardinality=CARDINALITY, base_width=WIDTH, form="c", residual=False)
    grouped = layers(block.branch, nn.Conv2d)[1]
    assert grouped.groups == CARDINALITY
    kernel = torch.zeros(12, 12, 3, 3)
    for c in range(CARDINALITY):
        rows = slice(c * WIDTH, (c + 1) * WIDTH)
        kernel[rows, rows] = grouped.weight.detach()[rows]
    x = torch.randn(2, 12, 5, 5)
    with torch.no_grad():
        torch.testing.assert_close(grouped(x), functional.conv2d(x, kernel, padding=1))
    assert kernel.count_nonzero() * CARDINALITY == kernel.numel()


def test_cardinality_1_is_a_resnet_with_its_stride_in_the_3x3():
    torch.manual_seed(0)
    one = build("resnext", stem="cifar", num_classes=10, depth=11, cardinality=1, base_width=64).eval()
    with torch.device("meta"):
        imagenet = [
            build("resnet", stem="imagenet", num_classes=10, depth=50, stride_in="3x3"),
            build("resnext", stem="imagenet", num_classes=10, depth=50, cardinality=1, base_width=64),
        ]
    shapes = [[(name, t.shape) for name, t in network.state_dict().items()] for network in imagenet]
    assert shapes[0] == shapes[1]
    assert one(torch.randn(1, 3, 32, 32)).shape == (1, 10)


def test_without_residual_there_is_no_shortcut():
    with torch.device("meta"):
        network = build("resnext", stem="imagenet", num_classes=10, residual=False)
    assert not [name for name, _ in network.named_modules() if "shortcut" in name]


@pytest.mark.parametrize(
    ("stem", "knobs", "message"),
    [
        ("cifar", {"depth": 28}, "depth 28 is not 9n . 2; the nearest are 20 and 29"),
        ("imagenet", {"depth": 34}, "depth 34 is not one of 50, 101, 152, 200"),
        ("cifar", {"cardinality": 0}, "cardinality 0 is too small; it must be at least 1"),
        ("cifar", {"base_width": -4}, "base_width -4 is too small"),
        ("cifar", {"form": "d"}, "form: 'd' is not one of a, b, c"),
    ],
)
def test_refusals(stem, knobs, message):
    with torch.device("meta"), pytest.raises(ValueError, match=message):
        build("resnext", stem=stem, num_classes=10, **knobs)
