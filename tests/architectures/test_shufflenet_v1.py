"""ShuffleNet: Table 1 row by row, what the shuffle lets through, units against plain arithmetic, refusals."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from architectures import build
from architectures.counting import count, count_stages
from architectures.describe import describe
from architectures.layers.channel_shuffle import ChannelShuffle
from architectures.layers.squeeze_excitation import SqueezeExcitation
from architectures.shufflenet_v1 import ShuffleUnit

PLAIN = {"shuffle": True, "depthwise_relu": False, "se": False}


def on_meta(stem: str = "imagenet", **knobs) -> nn.Module:
    with torch.device("meta"):
        return build("shufflenet_v1", stem=stem, num_classes=1000, **knobs)


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
