"""ShuffleNet: Table 1 row by row and as a function, what the shuffle lets through, refusals."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures import build
from architectures.counting import count, count_stages
from architectures.describe import describe
from architectures.layers.channel_shuffle import ChannelShuffle
from architectures.layers.squeeze_excitation import SqueezeExcitation
from architectures.shufflenet_v1 import ShuffleUnit
from tests.architectures.reference import CLASSES, Function, Layers, assert_follows, excited, random_images

PLAIN = {"shuffle": True, "depthwise_relu": False, "se": False}


def on_meta(stem: str = "imagenet", **knobs) -> nn.Module:
    with torch.device("meta"):
        return build("shufflenet_v1", stem=stem, num_classes=1000, **knobs)


def by_table_1(groups: int, first: int, channels: int, *, shuffle: bool, shallow: bool, se: str) -> Function:
    """Table 1 with the units of Figure 2 (b) and (c), and the shuffle of Section 3.1 as reshape and transpose.

    se: the units with squeeze-and-excitation, by their stride: "", "1" or "12".
    """

    def unit(layers: Layers, x: Tensor, outputs: int, stride: int, first_groups: int) -> Tensor:
        inside = groups * round(outputs / 4 / groups)
        y = layers.conv_norm(inside, 1, groups=first_groups)(x).relu()
        if shuffle:
            y = y.reshape(len(y), groups, inside // groups, *y.shape[2:]).transpose(1, 2).reshape(y.shape)
        y = layers.conv_norm(inside, 3, stride, groups=inside)(y)
        y = layers.conv_norm(outputs - (x.shape[1] if stride == 2 else 0), 1, groups=groups)(y)
        if stride == 2:
            y = torch.cat([functional.avg_pool2d(x, 3, 2, padding=1), y], dim=1)
        if str(stride) in se:
            y = excited(layers, y, reduction=16)
        return (y if stride == 2 else x + y).relu()

    def function(layers: Layers, x: Tensor) -> Tensor:
        x = layers.conv_norm(first, 3, 2)(x).relu()
        x = functional.max_pool2d(x, 3, 2, padding=1)
        for stage, repeats in ((2, 3), (3, 7), (4, 3)):
            outputs = channels * 2 ** (stage - 2)
            x = unit(layers, x, outputs, 2, 1 if stage == 2 else groups)
            for _ in range(repeats // 2 if shallow else repeats):
                x = unit(layers, x, outputs, 1, groups)
        return layers.linear(4 * channels)(x.mean((2, 3)))

    return function


@pytest.mark.parametrize(
    ("groups", "channels", "first", "knobs"),
    [
        (1, 144, 24, {}),
        (2, 200, 24, {}),
        (3, 240, 24, {}),
        (4, 272, 24, {}),
        (8, 384, 24, {}),
        (3, 240, 24, {"shuffle": False}),
        (3, 60, 12, {"scale": 0.25}),
        (8, 192, 16, {"scale": 0.5, "shallow": True}),
        (3, 240, 24, {"se": True}),
        (3, 240, 24, {"se": True, "se_units": "identity"}),
    ],
)
def test_the_function_of_table_1_and_figure_2(groups, channels, first, knobs):
    ours = build("shufflenet_v1", stem="imagenet", num_classes=CLASSES, groups=groups, **knobs)
    function = by_table_1(
        groups, first, channels,
        shuffle=knobs.get("shuffle", True),
        shallow=knobs.get("shallow", False),
        se={"all": "12", "identity": "1"}[knobs.get("se_units", "all")] if "se" in knobs else "",
    )  # fmt: skip
    assert_follows(ours, function, random_images(3, 64))


def shuffles(network: nn.Module) -> list[ChannelShuffle]:
    return [module for module in network.modules() if isinstance(module, ChannelShuffle)]


@pytest.mark.parametrize(
    ("groups", "channels"), [(1, 144), (2, 200), (3, 240), (4, 272), (8, 384)], ids=lambda value: str(value)
)
def test_rows_of_table_1(groups, channels):
    network = on_meta(groups=groups)
    outputs = {stage.name: stage.output for stage in count_stages(network, 224)}
    assert outputs == {
        "conv1": (24, 112, 112),
        "max_pool": (24, 56, 56),
        "stage2": (channels, 28, 28),
        "stage3": (2 * channels, 14, 14),
        "stage4": (4 * channels, 7, 7),
        "global_pool": (4 * channels,),
        "fc": (1000,),
    }
    assert [len(stage) for stage in (network.stage2, network.stage3, network.stage4)] == [4, 8, 4]
    table = describe(network, 224)
    of_groups = f", C={groups}" if groups > 1 else ""
    width = channels // 4
    assert (
        f"1×1 conv, {width}; 3×3 conv, {width}, C={width}, stride 2; 1×1 conv, {channels - 24}{of_groups}; "
        f"[1×1 conv, {width}{of_groups}; 3×3 conv, {width}, C={width}; 1×1 conv, {channels}{of_groups}] × 3"
    ) in table
    assert "50 weighted layers" in table


def test_shallow_form_has_26_layers():
    assert count(on_meta(shallow=True), 224).layers == 26


@pytest.mark.parametrize("shuffle", [True, False])
def test_groups_mix_only_by_the_shuffle(shuffle):
    torch.manual_seed(0)
    unit = ShuffleUnit(24, 24, 1, 3, 3, **PLAIN | {"shuffle": shuffle}).eval()
    x = torch.rand(1, 24, 5, 5, requires_grad=True)
    unit.branch(x)[:, :8].sum().backward()
    of_other_groups = x.grad[:, 8:].abs().max()
    assert (of_other_groups > 1e-4) if shuffle else (of_other_groups == 0)


@pytest.mark.parametrize("shuffle", [True, False])
def test_without_shuffle_groups_meet_only_where_a_stage_begins(shuffle):
    torch.manual_seed(0)
    network = build("shufflenet_v1", stem="cifar", num_classes=10, groups=3, scale=0.25, shuffle=shuffle)
    first, *others = network.eval().stage3
    for units in (first, nn.Sequential(*others)):
        x = torch.rand(1, 60 if units is first else 120, 8, 8, requires_grad=True)
        y = units(x)
        y[:, : y.shape[1] // 3].sum().backward()
        of_other_groups = x.grad[:, x.shape[1] // 3 :].abs().max()
        assert (of_other_groups > 1e-4) if shuffle or units is first else (of_other_groups == 0)


@pytest.mark.parametrize(("groups", "same"), [(1, True), (3, False)])
def test_shuffle_off_is_the_identity_in_its_place(groups, same):
    torch.manual_seed(0)
    on, off = (
        build(
            "shufflenet_v1", stem="cifar", num_classes=10, groups=groups, scale=0.25, shuffle=shuffle
        ).eval()
        for shuffle in (True, False)
    )
    nn.init.normal_(on.fc.weight)
    off.load_state_dict(on.state_dict())
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        shuffled, plain = on(images), off(images)
        assert torch.equal(shuffled, plain) is same
        for module in shuffles(on):
            module.groups = 1
        assert torch.equal(on(images), plain)
    assert len(shuffles(on)) == len(shuffles(off)) == 16


def test_units_of_figure_2():
    torch.manual_seed(0)
    x = torch.rand(2, 12, 6, 6)
    unit = ShuffleUnit(12, 12, 1, 3, 3, **PLAIN).eval()
    torch.testing.assert_close(unit(x), (x + unit.branch(x)).relu())
    down = ShuffleUnit(12, 48, 2, 3, 3, **PLAIN).eval()
    y = down(x)
    assert y.shape == (2, 48, 3, 3)
    torch.testing.assert_close(y[:, :12], functional.avg_pool2d(x, 3, 2, 1))
    torch.testing.assert_close(y[:, 12:], down.branch(x).relu())
    kinds = [type(m).__name__ for m in down.branch]
    assert kinds == [
        *("Conv2d", "BatchNorm2d", "ReLU", "ChannelShuffle"),
        *("Conv2d", "BatchNorm2d", "Conv2d", "BatchNorm2d"),
    ]


def test_depthwise_relu_is_behind_every_depthwise_convolution():
    units, others = (
        [unit for unit in on_meta(depthwise_relu=value).modules() if isinstance(unit, ShuffleUnit)]
        for value in (True, False)
    )
    assert len(units) == 16
    for unit, other in zip(units, others, strict=True):
        kinds, without = ([type(module) for module in branch] for branch in (unit.branch, other.branch))
        depthwise = next(i for i, layer in enumerate(unit.branch) if getattr(layer, "groups", 1) > 3)
        assert kinds[depthwise + 2] is nn.ReLU
        assert kinds[: depthwise + 2] + kinds[depthwise + 3 :] == without


def test_excitation_weighs_all_channels_of_a_unit():
    torch.manual_seed(0)
    x = torch.rand(2, 24, 6, 6)
    for outputs, stride in ((24, 1), (96, 2)):
        unit = ShuffleUnit(24, outputs, stride, 3, 3, **PLAIN | {"se": True}).eval()
        nn.init.zeros_(unit.excitation.excitation[2].weight)
        nn.init.constant_(unit.excitation.excitation[2].bias, -50.0)
        silent = x if stride == 1 else torch.zeros(2, 96, 3, 3)
        torch.testing.assert_close(unit(x), silent)


def test_senets_shufflenet_has_it_in_units_of_stride_1_alone():
    for se_units, carriers in (("all", [4, 8, 4]), ("identity", [3, 7, 3])):
        network = on_meta(se=True, se_units=se_units)
        stages = (network.stage2, network.stage3, network.stage4)
        assert [
            sum(isinstance(unit.excitation, SqueezeExcitation) for unit in stage) for stage in stages
        ] == carriers
    assert not [m for m in on_meta(se_units="identity").modules() if isinstance(m, SqueezeExcitation)]


@pytest.mark.parametrize(("groups", "scale"), [(g, s) for g in (1, 2, 3, 4, 8) for s in (0.25, 0.5, 1.5, 2)])
def test_every_printed_width_can_be_built(groups, scale):
    channels = int({1: 144, 2: 200, 3: 240, 4: 272, 8: 384}[groups] * scale)
    network = on_meta(groups=groups, scale=scale)
    ends = (network.stage2[-1], network.stage3[-1], network.stage4[-1])
    assert [unit.branch[-1].num_features for unit in ends] == [channels, 2 * channels, 4 * channels]


def test_cifar_images_reach_stage_4_at_4x4():
    sizes = {stage.name: stage.output[1:] for stage in count_stages(on_meta("cifar"), 32)}
    assert "max_pool" not in sizes
    assert [sizes[name] for name in ("conv1", "stage2", "stage4")] == [(32, 32), (16, 16), (4, 4)]


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"groups": 5}, "groups 5 is not one of 1, 2, 3, 4, 8"),
        ({"scale": 0.0}, "scale 0.0 is too small"),
        ({"scale": -1}, "scale -1.0 is too small"),
        ({"scale": 0.05}, "scale 0.05 is too small; the paper's smallest is 0.25"),
    ],
)
def test_refusals(knobs, message):
    with pytest.raises(ValueError, match=message):
        on_meta(**knobs)


@pytest.mark.parametrize(("groups", "scale", "channels"), [(3, 0.33, 78), (8, 0.7, 272), (8, 3, 1152)])
def test_widths_in_between_are_rounded_to_whole_groups(groups, scale, channels):
    network = on_meta(groups=groups, scale=scale)
    assert network.stage2[-1].branch[-1].num_features == channels
    convolutions = [m for m in network.stage2[1].modules() if isinstance(m, nn.Conv2d)]
    assert convolutions[0].out_channels == groups * round(channels / 4 / groups)
