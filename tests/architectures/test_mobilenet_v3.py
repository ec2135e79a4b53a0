"""MobileNet v3: Tables 1 and 2, h-swish and where it is, the last stage, and torchvision's logits."""

import pytest
import timm
import torch
import torchvision
from torch import nn
from torch.nn import functional

from architectures import build
from architectures.counting import count
from architectures.describe import describe
from architectures.layers.squeeze_excitation import SqueezeExcitation
from tests.architectures.reference import CLASSES, assert_same_function, random_images, set_epsilon

LARGE, SMALL = "mobilenet_v3_large", "mobilenet_v3_small"
# Tables 1 and 2: kernel, exp size, #out, SE, NL, s.
TABLES = {
    LARGE: """
        3 16 16 - RE 1 | 3 64 24 - RE 2 | 3 72 24 - RE 1 | 5 72 40 SE RE 2 | 5 120 40 SE RE 1
        5 120 40 SE RE 1 | 3 240 80 - HS 2 | 3 200 80 - HS 1 | 3 184 80 - HS 1 | 3 184 80 - HS 1
        3 480 112 SE HS 1 | 3 672 112 SE HS 1 | 5 672 160 SE HS 2 | 5 960 160 SE HS 1 | 5 960 160 SE HS 1
    """,
    SMALL: """
        3 16 16 SE RE 2 | 3 72 24 - RE 2 | 3 88 24 - RE 1 | 5 96 40 SE HS 2 | 5 240 40 SE HS 1
        5 240 40 SE HS 1 | 5 120 48 SE HS 1 | 5 144 48 SE HS 1 | 5 288 96 SE HS 2 | 5 576 96 SE HS 1
        5 576 96 SE HS 1
    """,
}


def on_meta(name: str = LARGE, stem: str = "imagenet", **knobs) -> nn.Module:
    with torch.device("meta"):
        return build(name, stem=stem, num_classes=1000, **knobs)


def blocks(network: nn.Module) -> list[nn.Module]:
    return [child for name, child in network.named_children() if name.startswith("bneck")]


def row_of(block: nn.Module) -> str:
    """The block in the words of the paper's tables."""
    (depthwise,) = [m for m in block if isinstance(m, nn.Conv2d) and m.groups > 1]
    squeezed = any(isinstance(m, SqueezeExcitation) for m in block)
    (bend,) = {type(m) for m in block if isinstance(m, (nn.ReLU, nn.Hardswish))}
    return " ".join(
        [
            *map(str, (depthwise.kernel_size[0], depthwise.groups, block[-1].num_features)),
            "SE" if squeezed else "-",
            "HS" if bend is nn.Hardswish else "RE",
            str(depthwise.stride[0]),
        ]
    )


@pytest.mark.parametrize("name", [LARGE, SMALL])
def test_tables_1_and_2(name):
    rows = [row.strip() for line in TABLES[name].strip().splitlines() for row in line.split("|")]
    network = on_meta(name)
    assert [row_of(block) for block in blocks(network)] == rows
    assert isinstance(network.conv2d[-1], nn.Hardswish) and isinstance(network.conv2d_1x1[-1], nn.Hardswish)
    lines = describe(network, 224).splitlines()[-5:-1]
    wide, hidden = ("960", "1280") if name == LARGE else ("576", "1024")
    assert [[cell.strip() for cell in line.split("|")[2:4]] for line in lines] == [
        ["7×7", f"1×1 conv, {wide}"],
        ["1×1", "global average pool"],
        ["1×1", f"1×1 conv, {hidden}"],
        ["1×1", "1×1 conv, 1000"],
    ]


@pytest.mark.parametrize("name", [LARGE, SMALL])
def test_the_function_of_torchvision(name):
    # Their last two layers are fully connected, where Tables 1 and 2 have 1×1 convolutions, and their ε is 0.001.
    theirs = getattr(torchvision.models, name)(num_classes=CLASSES)
    set_epsilon(theirs)
    ours = build(name, stem="imagenet", num_classes=CLASSES)
    assert_same_function(ours, theirs, random_images(2, 64))


@pytest.mark.parametrize(("name", "reference"), [(LARGE, "large_075"), (SMALL, "small_075")])
def test_widths_of_timm_at_three_quarters(name, reference):
    with torch.device("meta"):
        theirs = timm.create_model(f"mobilenetv3_{reference}")
    assert (
        sum(p.numel() for p in theirs.parameters()) == count(on_meta(name, width_mult=0.75), 224).parameters
    )


def test_hswish_is_the_formula_and_near_swish():
    x = torch.linspace(-8, 8, 160_001, dtype=torch.double)
    hswish = on_meta().conv2d[-1](x.clone())
    torch.testing.assert_close(hswish, x * functional.relu6(x + 3) / 6)
    gap = (hswish - x * torch.sigmoid(x)).abs()
    assert gap.max() == pytest.approx(0.1422, abs=1e-4)
    assert abs(abs(x[gap.argmax()].item()) - 3) < 0.1


@pytest.mark.parametrize(
    ("name", "start", "blocks_bent"), [(LARGE, "16", 15), (LARGE, "112", 5), (SMALL, "96", 3)]
)
def test_hswish_from(name, start, blocks_bent):
    network = on_meta(name, hswish_from=start)
    bent = [" HS " in row_of(block) for block in blocks(network)]
    assert sum(bent) == blocks_bent and bent == sorted(bent)
    assert isinstance(network.conv2d[-1], nn.Hardswish)


@pytest.mark.parametrize("name", [LARGE, SMALL])
def test_hswish_never_is_relu_everywhere(name):
    assert not [m for m in on_meta(name, hswish_from="never").modules() if isinstance(m, nn.Hardswish)]


@pytest.mark.parametrize(("name", "carriers"), [(LARGE, 8), (SMALL, 9)])
def test_squeeze_and_excite(name, carriers):
    kept = [m for m in on_meta(name).modules() if isinstance(m, SqueezeExcitation)]
    assert len(kept) == carriers and all(isinstance(m.excitation[-1], nn.Hardsigmoid) for m in kept)
    assert not [m for m in on_meta(name, se=False).modules() if isinstance(m, SqueezeExcitation)]


def test_original_last_stage_of_figure_5():
    table = describe(on_meta(last_stage="original"), 224).splitlines()[-5:-1]
    assert [[cell.strip() for cell in line.split("|")[2:4]] for line in table] == [
        ["7×7", "1×1 conv, 960; 3×3 conv, 960, C=960; 1×1 conv, 320"],
        ["7×7", "1×1 conv, 1280"],
        ["1×1", "global average pool"],
        ["1×1", "1×1 conv, 1000"],
    ]


def test_kernels_of_the_released_minimalistic_network():
    sizes = {m.kernel_size for m in on_meta(kernels="3x3").modules() if isinstance(m, nn.Conv2d)}
    assert sizes == {(1, 1), (3, 3)}


@pytest.mark.parametrize(("name", "last"), [(LARGE, 15), (SMALL, 11)])
def test_cifar_form_ends_at_4x4(name, last):
    table = describe(on_meta(name, "cifar"), 32).replace(" ", "")
    assert f"|bneck_{last}|4×4|" in table and "|bneck_1|32×32|" in table


@pytest.mark.parametrize(
    ("name", "knobs", "message"),
    [
        (LARGE, {"width_mult": 0.0}, "width_mult 0.0 is not positive"),
        (LARGE, {"stem_channels": 0}, "stem_channels 0 is too small; it must be at least 1"),
        (SMALL, {"last_channels": 0}, "last_channels 0 is too small; it must be at least 1"),
        (SMALL, {"dropout": 1.0}, r"dropout 1.0 is not in \[0, 1\); 0 is none"),
        (SMALL, {"hswish_from": "80"}, "hswish_from: '80' is not one of 16, 24, 40, 48, 96, never"),
        (SMALL, {"last_stage": "original"}, "mobilenet_v3_small has no knob 'last_stage'"),
    ],
)
def test_refusals(name, knobs, message):
    with pytest.raises(ValueError, match=message):
        on_meta(name, **knobs)
