"""ShuffleNet v2: Table 5 row by row; the function against torchvision's; residual, SE and split forms."""

import pytest
import torch
import torchvision
from torch import nn

from architectures import build
from architectures.counting import count_stages
from architectures.describe import describe
from architectures.shufflenet_v2 import ShuffleUnit
from tests.architectures.reference import CLASSES, assert_same_function, random_images


def on_meta(stem: str = "imagenet", **knobs) -> nn.Module:
    with torch.device("meta"):
        return build("shufflenet_v2", stem=stem, num_classes=1000, **knobs)


@pytest.mark.parametrize(
    ("reference", "knobs"),
    [
        # At 0.5x half of stage 2's 48 channels are as many as come in, so that both forms are one.
        ("shufflenet_v2_x0_5", {"scale": 0.5}),
        ("shufflenet_v2_x1_0", {"scale": 1.0, "downsampling": "half"}),
        ("shufflenet_v2_x2_0", {"scale": 2.0, "downsampling": "half"}),
    ],
)
def test_the_function_of_torchvision(reference, knobs):
    ours = build("shufflenet_v2", stem="imagenet", num_classes=CLASSES, **knobs)
    theirs = getattr(torchvision.models, reference)(num_classes=CLASSES)
    assert_same_function(ours, theirs, random_images(2, 64))


def test_the_released_form_departs_from_torchvisions_in_stage_2_alone():
    released, half = on_meta(), on_meta(downsampling="half")
    shapes = [{n: p.shape for n, p in network.named_parameters()} for network in (released, half)]
    different = {name for name in shapes[0] if shapes[0][name] != shapes[1][name]}
    assert different and all(name.startswith("stage2.0.") for name in different)
    assert released.stage2[0].shortcut[2].out_channels == 24 and half.stage2[0].shortcut[2].out_channels == 58


@pytest.mark.parametrize(
    ("scale", "channels", "last"), [(0.5, 48, 1024), (1.0, 116, 1024), (1.5, 176, 1024), (2.0, 244, 2048)]
)
def test_rows_of_table_5(scale, channels, last):
    network = on_meta(scale=scale)
    outputs = {stage.name: stage.output for stage in count_stages(network, 224)}
    assert outputs == {
        "conv1": (24, 112, 112),
        "max_pool": (24, 56, 56),
        "stage2": (channels, 28, 28),
        "stage3": (2 * channels, 14, 14),
        "stage4": (4 * channels, 7, 7),
        "conv5": (last, 7, 7),
        "global_pool": (last,),
        "fc": (1000,),
    }
    assert [len(stage) for stage in (network.stage2, network.stage3, network.stage4)] == [4, 8, 4]
    width = channels // 2
    # At 0.5x the unit that halves the resolution has the same widths.
    times = 4 if scale == 0.5 else 3
    text = f"[1×1 conv, {width}; 3×3 conv, {width}, C={width}; 1×1 conv, {width}] × {times}"
    assert text in describe(network, 224)


@pytest.mark.parametrize(("split", "untouched"), [(0.5, 10), (0.25, 5), (0.9, 18)])
def test_split_leaves_its_share_untouched(split, untouched):
    torch.manual_seed(0)
    unit = ShuffleUnit(20, split, residual=False, se=False).eval()
    x = torch.rand(2, 20, 4, 4)
    unshuffled = torch.nn.ChannelShuffle(10)(unit(x))
    assert torch.equal(unshuffled[:, :untouched], x[:, :untouched])
    torch.testing.assert_close(unshuffled[:, untouched:], unit.branch(x[:, untouched:]).relu())


def test_a_residual_unit_whose_branch_is_zero_only_shuffles():
    torch.manual_seed(0)
    unit = ShuffleUnit(8, 0.5, residual=True, se=False).eval()
    nn.init.zeros_(unit.branch[-1].weight)
    x = torch.rand(2, 8, 4, 4)
    assert torch.equal(unit(x), torch.nn.ChannelShuffle(2)(x))
    unit.residual = False
    assert not unit(x)[:, 1::2].any()


def test_excitation_weighs_the_right_branch_alone():
    torch.manual_seed(0)
    unit = ShuffleUnit(32, 0.5, residual=False, se=True).eval()
    nn.init.constant_(unit.branch[-1].excitation[2].bias, -200.0)
    x = torch.rand(2, 32, 4, 4)
    y = unit(x)
    assert torch.equal(y[:, ::2], x[:, :16]) and not y[:, 1::2].any()


def test_cifar_images_reach_stage_4_at_4x4():
    sizes = {stage.name: stage.output[1:] for stage in count_stages(on_meta("cifar"), 32)}
    assert "max_pool" not in sizes
    assert [sizes[name] for name in ("conv1", "stage2", "stage4")] == [(32, 32), (16, 16), (4, 4)]


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"scale": 0.75}, "scale 0.75 is not one of 0.5, 1, 1.5, 2"),
        ({"split": 0}, r"split 0.0 is not in \(0, 1\); the paper's is 0.5"),
        ({"split": 1}, r"split 1.0 is not in \(0, 1\)"),
        ({"split": 0.999}, "split 0.999 leaves one side of a unit without channels"),
        ({"downsampling": "quarter"}, "downsampling: 'quarter' is not one of inputs, half"),
    ],
)
def test_refusals(knobs, message):
    with pytest.raises(ValueError, match=message):
        on_meta(**knobs)
