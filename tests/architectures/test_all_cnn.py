"""All-CNN: the layers of Tables 1, 2 and 6."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures import build
from architectures.counting import count
from architectures.describe import describe
from tests.architectures.reference import CLASSES, Function, Layers, assert_follows, random_images

FORMS = ("base", "strided", "convpool", "all")


def on_meta(stem: str = "cifar", num_classes: int = 10, **knobs) -> nn.Module:
    with torch.device("meta"):
        return build("all_cnn", stem=stem, num_classes=num_classes, **knobs)


def rows(network: nn.Module, images: int) -> list[tuple[str, ...]]:
    """Output size and layer of each row that has layers."""
    lines = describe(network, images).splitlines()[2:-1]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [(size, layer) for _, size, layer, *_ in cells if layer]


def by_tables_1_and_2(model: str, form: str) -> Function:
    """A base model of Table 1 in a form of Table 2: a ReLU after every convolution, the last 3×3 not padded."""
    kernels = {"A": (5,), "B": (5, 1), "C": (3, 3)}[model]

    def function(layers: Layers, x: Tensor) -> Tensor:
        for width in (96, 192):
            for number, kernel in enumerate(kernels, start=1):
                stride = 2 if form == "strided" and number == len(kernels) else 1
                x = layers.conv(width, kernel, stride, bias=True)(x).relu()
            if form in ("all", "convpool"):
                x = layers.conv(width, 3, 2 if form == "all" else 1, bias=True)(x).relu()
            if form in ("base", "convpool"):
                x = functional.max_pool2d(x, 3, 2, ceil_mode=True)
        x = layers.conv(192, 3, padding=0, bias=True)(x).relu()
        x = layers.conv(192, 1, bias=True)(x).relu()
        return layers.conv(CLASSES, 1, bias=True)(x).relu().mean((2, 3))

    return function


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("model", ["A", "B", "C"])
def test_the_function_of_tables_1_and_2(model, form):
    ours = build("all_cnn", stem="cifar", num_classes=CLASSES, model=model, form=form)
    assert_follows(ours, by_tables_1_and_2(model, form), random_images(2, 20))


TOP = [("6×6", "3×3 conv, 192"), ("6×6", "1×1 conv, 192"), ("6×6", "1×1 conv, 10")]
TOP.append(("1×1", "global average pool"))


@pytest.mark.parametrize(
    ("model", "first", "second"),
    [
        ("A", ["5×5 conv, 96"], ["5×5 conv, 192"]),
        ("B", ["5×5 conv, 96", "1×1 conv, 96"], ["5×5 conv, 192", "1×1 conv, 192"]),
        ("C", ["3×3 conv, 96", "3×3 conv, 96"], ["3×3 conv, 192", "3×3 conv, 192"]),
    ],
)
def test_table_1_described(model, first, second):
    pool = "3×3 max pool, stride 2"
    assert rows(on_meta(model=model, form="base"), 32) == [
        *(("32×32", layer) for layer in first), ("16×16", pool),
        *(("16×16", layer) for layer in second), ("8×8", pool), *TOP,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("form", "first", "reduction"),
    [
        ("strided", ["3×3 conv, {}"], "3×3 conv, {}, stride 2"),
        ("convpool", ["3×3 conv, {}"] * 3, "3×3 max pool, stride 2"),
        ("all", ["3×3 conv, {}"] * 2, "3×3 conv, {}, stride 2"),
    ],
)
def test_table_2_described(form, first, reduction):
    expected = []
    for side, channels in ((32, 96), (16, 192)):
        expected += [(f"{side}×{side}", layer.format(channels)) for layer in first]
        expected.append((f"{side // 2}×{side // 2}", reduction.format(channels)))
    assert rows(on_meta(form=form), 32) == expected + TOP


def test_table_6_described():
    network = on_meta("imagenet", 1000)
    assert rows(network, 224) == [
        ("55×55", "11×11 conv, 96, stride 4"), ("55×55", "1×1 conv, 96"), ("27×27", "3×3 conv, 96, stride 2"),
        ("27×27", "5×5 conv, 256"), ("27×27", "1×1 conv, 256"), ("13×13", "3×3 conv, 256, stride 2"),
        ("13×13", "3×3 conv, 384"), ("13×13", "1×1 conv, 384"), ("6×6", "3×3 conv, 384, stride 2"),
        ("6×6", "3×3 conv, 1024"), ("6×6", "1×1 conv, 1024"), ("6×6", "1×1 conv, 1000"),
        ("1×1", "global average pool"),
    ]  # fmt: skip
    # "less than 10 million parameters" (Section 3.3)
    assert 9e6 < count(network, 224).parameters < 10e6


@pytest.mark.parametrize("model", "ABC")
def test_what_the_forms_add(model):
    counts = {form: count(on_meta(model=model, form=form), 32) for form in FORMS}
    added = 9 * 96 * 96 + 96 + 9 * 192 * 192 + 192
    assert counts["strided"].parameters == counts["base"].parameters
    assert counts["convpool"].parameters == counts["all"].parameters == counts["base"].parameters + added
    assert counts["strided"].mult_adds < counts["base"].mult_adds < counts["all"].mult_adds
    assert counts["all"].mult_adds < counts["convpool"].mult_adds


@pytest.mark.parametrize(
    ("stem", "form", "dropped"),
    [
        ("cifar", "base", ["input", "layer3.1", "layer6.1"]),
        ("cifar", "strided", ["input", "layer2.2", "layer4.2"]),
        ("cifar", "all", ["input", "layer3.2", "layer6.2"]),
        ("imagenet", "all", ["layer9.2"]),
    ],
)
def test_what_is_dropped(stem, form, dropped):
    modules = on_meta(stem, form=form).named_modules()
    rates = {name: module.p for name, module in modules if isinstance(module, nn.Dropout) and module.p}
    assert list(rates) == dropped
    assert set(rates.values()) == ({0.2, 0.5} if stem == "cifar" else {0.5})


@pytest.mark.parametrize(
    ("stem", "knobs", "message"),
    [
        ("imagenet", {"model": "C"}, "model C has no ImageNet form; choose B .Table 6."),
        ("cifar", {"model": "D"}, "model: 'D' is not one of A, B, C"),
        ("cifar", {"form": "pool"}, "form: 'pool' is not one of base, strided, convpool, all"),
        ("cifar", {"input_dropout": 1.0}, r"input_dropout 1.0 is not in \[0, 1\)"),
        ("cifar", {"dropout": -1}, r"dropout -1.0 is not in \[0, 1\)"),
    ],
)
def test_refusals(stem, knobs, message):
    with pytest.raises(ValueError, match=message):
        on_meta(stem, **knobs)
