"""What the notes say of the networks' structure: each sentence gets its verdict, and another network another one."""

import pytest
from torch import nn

import architectures
from architectures import shufflenet_v1
from reports.verdicts import checks, complexity

HOLD = (
    *("resnet.projections_where_shape_changes", "resnet.depth_in_conv4", "googlenet.layers_22"),
    *("nin.mlpconv_is_1x1", "mobilenetv2.widens_where_resnet_narrows", "shufflenet.unit_widths"),
    *("shufflenetv2.unit_follows_guidelines", "squeezenet.squeeze_quarter", "inceptionresnet.reduction_a_filters"),
)  # fmt: skip


@pytest.mark.parametrize("claim", HOLD)
def test_claim_holds(claim):
    holds, evidence = checks.find(claim)()
    assert holds is True, evidence


@pytest.mark.parametrize(
    ("claim", "said", "right"),
    [
        ("alexnet.groups_meet_late", False, "conv3 1"),
        ("mobilenetv2.shortcut_at_stride_1", False, "10 of 13 blocks of stride 1"),
        ("mobilenetv3.se_added", False, "a channel times one number"),
        ("squeezenet.share_of_alexnet", "sense", "2.05 %, where 2.14 %"),
    ],
)
def test_what_the_notes_have_otherwise_is_said_with_what_is_right(claim, said, right):
    holds, evidence = checks.find(claim)()
    assert holds == said and right in evidence


@pytest.mark.parametrize(
    ("claim", "arch", "knobs", "evidence"),
    [
        ("resnet.projections_where_shape_changes", "resnet", {"shortcut": "C"}, "conv2_x.1 has another"),
        ("googlenet.layers_22", "googlenet", {"module": "naive"}, "13 layers"),
        ("mobilenetv2.widens_where_resnet_narrows", "mobilenet_v2", {"expansion": 4}, "MobileNet v2 4 times"),
        ("mobilenetv2.shortcut_at_stride_1", "mobilenet_v2", {"residual": "none"}, "0 of 13"),
        (
            "shufflenetv2.unit_follows_guidelines",
            "shufflenet_v2",
            {"residual": True},
            "in 0 nothing is added",
        ),
        ("squeezenet.squeeze_quarter", "squeezenet", {"squeeze_ratio": 0.25}, "fire2 32, 64, 64"),
        ("squeezenet.share_of_alexnet", "squeezenet", {"squeeze_ratio": 0.25}, "3."),
    ],
)
def test_another_network_would_be_noticed(monkeypatch, claim, arch, knobs, evidence):
    real = architectures.build

    def build(name, **arguments):
        return real(name, **(arguments | knobs if name == arch else arguments))

    monkeypatch.setattr(architectures, "build", build)
    holds, said = checks.find(claim).__wrapped__()  # without the cache
    assert holds is False and evidence in said


def test_networks_of_one_depth_would_be_noticed(monkeypatch):
    real = architectures.build
    monkeypatch.setattr(
        architectures, "build", lambda arch, **arguments: real(arch, **arguments | {"depth": 34})
    )
    assert checks.find("resnet.depth_in_conv4").__wrapped__()[0] is False


def test_a_3x3_behind_the_convolution_of_an_mlpconv_would_be_noticed(monkeypatch):
    real = architectures.build

    def build(arch, **arguments):
        network = real(arch, **arguments)
        network.mlpconv_1[2] = nn.Conv2d(192, 160, 3, padding=1)
        network.mlpconv_1[2].weight.data[:, :, 1, 1] += 1
        return network

    monkeypatch.setattr(architectures, "build", build)
    with pytest.raises(RuntimeError):  # 1,728 weights for 192 inputs
        checks.find("nin.mlpconv_is_1x1").__wrapped__()


def test_a_unit_half_as_narrow_would_be_noticed(monkeypatch):
    monkeypatch.setattr(shufflenet_v1, "BOTTLENECK", 2)
    complexity.stages.cache_clear()
    try:
        holds, evidence = checks.find("shufflenet.unit_widths").__wrapped__()
    finally:
        complexity.stages.cache_clear()
    assert holds is False and "in 0 of 80 units" in evidence


def test_groups_all_the_way_would_be_noticed(monkeypatch):
    real = architectures.build

    def build(arch, **arguments):
        network = real(arch, **arguments)
        network.conv3[0].groups = 2
        return network

    monkeypatch.setattr(architectures, "build", build)
    holds, evidence = checks.find("alexnet.groups_meet_late").__wrapped__()
    assert holds is True and "no convolution" in evidence
