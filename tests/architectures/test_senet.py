"""SENet: timm's function, the block against Equations 2 to 4, the positions of Figure 5, Table 1, refusals."""

from copy import deepcopy

import pytest
import timm
import torch
from timm.models.senet import SEBottleneck, SENet
from torch import Tensor, nn
from torch.nn import functional

import architectures.vgg
from architectures import build
from architectures.counting import count
from architectures.describe import describe
from architectures.inception_resnet import ResidualInception
from architectures.layers.squeeze_excitation import SqueezeExcitation, reduced_channels
from architectures.resnet import IMAGENET_BLOCKS, Bottleneck, ResidualBlock
from architectures.senet import SENet154, excite
from tests.architectures.reference import (
    CLASSES,
    Layers,
    assert_follows,
    assert_same_function,
    excited,
    random_images,
    randomise,
)


def on_meta(name: str, stem: str = "imagenet", num_classes: int = 1000, **knobs) -> nn.Module:
    with torch.device("meta"):
        return build(name, stem=stem, num_classes=num_classes, **knobs)


def excitations(module: nn.Module) -> list[SqueezeExcitation]:
    return [m for m in module.modules() if isinstance(m, SqueezeExcitation)]


@pytest.mark.parametrize(
    ("reference", "name", "knobs"),
    [
        ("seresnet50", "se_resnet", {"stride_in": "3x3"}),
        ("legacy_seresnet50", "se_resnet", {}),
        ("legacy_seresnet18", "se_resnet", {"depth": 18}),
        ("seresnext50_32x4d", "se_resnext", {}),
        ("legacy_seresnext50_32x4d", "se_resnext", {}),
    ],
)
def test_the_function_of_timm(reference, name, knobs, monkeypatch):
    shorter = {}
    if not reference.startswith("legacy"):  # whose builders don't take the number of blocks
        monkeypatch.setitem(IMAGENET_BLOCKS, 50, ("bottleneck", (1, 2, 1, 1)))
        shorter["layers"] = (1, 2, 1, 1)
    theirs = timm.create_model(reference, num_classes=CLASSES, drop_rate=0.0, **shorter)
    ours = build(name, stem="imagenet", num_classes=CLASSES, **knobs)
    if reference.startswith("legacy"):
        # They pool as Caffe does, without padding and with sizes rounded up.
        theirs.pool0 = nn.MaxPool2d(3, stride=2, padding=1)
    if reference == "legacy_seresnet18":
        # Their basic block has a ReLU before SE, which the paper hasn't.
        for block in ours.modules():
            if isinstance(block, ResidualBlock):
                block.branch.insert(len(block.branch) - 1, nn.ReLU())
    modes = [False] if reference.startswith("legacy") else [False, True]
    assert_same_function(ours, theirs, random_images(2, 64), modes=modes)


def test_the_function_of_timms_senet_154_with_fewer_blocks():
    blocks = (1, 2, 1, 1)
    theirs = SENet(
        SEBottleneck, blocks, groups=64, reduction=16, inplanes=128, input_3x3=True,
        downsample_kernel_size=3, downsample_padding=1, num_classes=CLASSES, drop_rate=0.0,
    )  # fmt: skip
    theirs.pool0 = nn.MaxPool2d(3, stride=2, padding=1)
    ours = SENet154(CLASSES, blocks, reduction=16, dropout=0.2)
    assert_same_function(ours, theirs, random_images(2, 64), modes=[False])


def vgg_16_by_section_3_3(layers: Layers, x: Tensor) -> Tensor:
    """Column D of VGG's Table 1 for images of 32 pixels, normalised; SE behind the ReLU of every convolution."""
    for repeats, channels in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        for _ in range(repeats):
            convolution, norm = layers.conv(channels, 3, bias=True), layers.norm(channels)
            x = excited(layers, norm(convolution(x)).relu())
        x = functional.max_pool2d(x, 2)
    x = layers.linear(512, 64)(x.flatten(1)).relu()
    x = layers.linear(64, 64)(x).relu()
    return layers.linear(64)(x)


def test_se_is_behind_every_relu_of_vgg(monkeypatch):
    monkeypatch.setitem(architectures.vgg.LAST_SIDE, "imagenet", 1)
    monkeypatch.setattr(architectures.vgg, "HIDDEN_UNITS", 64)
    ours = build("se_vgg", stem="imagenet", num_classes=CLASSES)
    assert_follows(ours, vgg_16_by_section_3_3, random_images(3, 32))


@pytest.mark.parametrize(("depth", "theirs"), [(110, 1_744_664), (164, 1_904_882)])
def test_pre_activation_networks_of_others_lack_the_last_activation(depth, theirs):
    """osmr/imgclsmob normalise twice before the first unit and not at the end; on basic blocks they project."""
    last = 256 if depth == 164 else 64
    projections = 0 if depth == 164 else 16 * 32 + 32 * 64
    ours = count(on_meta("se_preact_resnet", "cifar", num_classes=10, depth=depth), 32).parameters
    assert ours + projections + 2 * 16 - 2 * last == theirs


def test_se_is_in_every_residual_branch_of_inception_resnet_and_nowhere_else():
    plain, excited = on_meta("inception_resnet_v2_tf"), on_meta("se_inception_resnet_v2")
    branches = [m.branch for m in excited.modules() if isinstance(m, ResidualInception)]
    assert [branch[-1] for branch in branches] == excitations(excited) and len(branches) == 40
    assert count(excited, 299).mult_adds - count(plain, 299).mult_adds == 8_495_360


def test_senet_154_has_154_layers_and_timms_parameters():
    with torch.device("meta"):
        theirs = timm.create_model("legacy_senet154")
    counts = count(on_meta("senet_154"), 224)
    assert counts.layers == 154
    assert counts.parameters == sum(p.numel() for p in theirs.parameters())


@pytest.mark.parametrize(
    ("gate", "function"), [("sigmoid", torch.sigmoid), ("tanh", torch.tanh), ("relu", torch.relu)]
)
@pytest.mark.parametrize("squeeze", ["average", "max"])
@pytest.mark.parametrize("bias", [True, False])
def test_the_block_is_equations_2_to_4(gate, function, squeeze, bias):
    torch.manual_seed(0)
    block = SqueezeExcitation(16, 8, bias=bias, gate=gate, squeeze=squeeze).double()
    x = torch.randn(3, 16, 5, 4, dtype=torch.double)
    first, _, second, _ = block.excitation
    z = x.mean(dim=(2, 3)) if squeeze == "average" else x.amax(dim=(2, 3))
    b_1, b_2 = (first.bias, second.bias) if bias else (0, 0)
    s = function((z @ first.weight.flatten(1).T + b_1).relu() @ second.weight.flatten(1).T + b_2)
    torch.testing.assert_close(block(x), x * s[:, :, None, None])
    assert (first.bias is not None) is bias and s.std() > 1e-3


def test_one_fully_connected_layer():
    torch.manual_seed(0)
    block = SqueezeExcitation(8, None, bias=False)
    x = torch.randn(3, 8, 5, 4)
    s = torch.sigmoid(x.mean(dim=(2, 3)) @ block.excitation[0].weight.flatten(1).T)
    torch.testing.assert_close(block(x), x * s[:, :, None, None])
    assert sum(p.numel() for p in block.parameters()) == 8 * 8


def test_without_squeeze_a_scale_depends_on_its_own_pixel_alone():
    torch.manual_seed(0)
    block = SqueezeExcitation(8, 2, squeeze="none")
    x = torch.randn(1, 8, 5, 4)
    other = x.clone()
    other[:, :, 0, 0] += 1
    changed = (block(x) != block(other)).any(dim=1)
    assert changed[0, 0, 0] and changed.sum() == 1
    averaging = SqueezeExcitation(8, 2)
    assert (averaging(x) != averaging(other)).any(dim=1).all()


@pytest.mark.parametrize(
    ("channels", "reduction", "reduced"), [(64, 16, 4), (16, 16, 1), (8, 16, 1), (216, 16, 13), (64, 1, 64)]
)
def test_reduced_channels(channels, reduction, reduced):
    assert reduced_channels(channels, reduction) == reduced


def by_hand(block: Bottleneck, position: str, excitation: SqueezeExcitation, x: Tensor) -> Tensor:
    """Figure 5, from a bottleneck without SE."""
    inner, last = block.branch[:6], block.branch[6:]
    return {
        "standard": lambda: (excitation(block.branch(x)) + block.shortcut(x)).relu(),
        "pre": lambda: (block.branch(excitation(x)) + block.shortcut(x)).relu(),
        "post": lambda: excitation((block.branch(x) + block.shortcut(x)).relu()),
        "identity": lambda: (block.branch(x) + excitation(block.shortcut(x))).relu(),
        "3x3": lambda: (last(excitation(inner(x))) + block.shortcut(x)).relu(),
    }[position]()


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(
    ("position", "channels"), [("standard", 16), ("pre", 8), ("post", 16), ("identity", 16), ("3x3", 4)]
)
def test_positions_of_figure_5(position, channels, stride):
    torch.manual_seed(0)
    plain = Bottleneck(8, 4, stride, "B", "1x1").double().eval()
    block, excitation = deepcopy(plain), SqueezeExcitation(channels, 2).double()
    excite(block, position, lambda wanted: {channels: excitation}[wanted])
    x = torch.randn(2, 8, 6, 6, dtype=torch.double)
    with torch.no_grad():
        expected = by_hand(plain, position, excitation, x)
        torch.testing.assert_close(block(x), expected)
        assert (expected - plain(x)).abs().max() > 1e-3


def blocks_column(table: str) -> dict[str, str]:
    cells = [[cell.strip() for cell in line.split("|")[1:4]] for line in table.splitlines()[2:]]
    return {name: blocks for name, _, blocks in cells}


def test_table_1():
    se_resnet = blocks_column(describe(on_meta("se_resnet"), 224))
    se_resnext = blocks_column(describe(on_meta("se_resnext"), 224))
    for stage, (width, length) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), start=2):
        pool = "3×3 max pool, stride 2; " if stage == 2 else ""
        end = f"1×1 conv, {4 * width}; fc, [{width // 4}, {4 * width}]] × {length}"
        assert se_resnet[f"conv{stage}_x"] == f"{pool}[1×1 conv, {width}; 3×3 conv, {width}; {end}"
        inside = f"1×1 conv, {2 * width}; 3×3 conv, {2 * width}, C=32"
        assert se_resnext[f"conv{stage}_x"] == f"{pool}[{inside}; {end}"
    assert se_resnet["total"] == se_resnext["total"] == "50 weighted layers"


def test_se_stages():
    network = on_meta("se_resnet", se_stages=(3, 5))
    carriers = [len(excitations(stage)) for stage in list(network)[1:-1]]
    assert carriers == [0, 4, 0, 3]
    assert len(excitations(on_meta("se_resnet", "cifar", depth=20))) == 9


def test_se_vgg_has_it_behind_the_relu_of_each_convolution():
    network = on_meta("se_vgg")
    stage = [type(module).__name__ for module in network.conv3]
    assert stage == ["Conv2d", "BatchNorm2d", "ReLU", "SqueezeExcitation"] * 3
    assert len(excitations(network)) == 13
    assert not excitations(nn.ModuleList([network.fc6, network.fc7, network.fc8]))


def test_se_mobilenet_has_it_behind_the_relu_of_each_pointwise_convolution():
    network = on_meta("se_mobilenet_v1")
    for depthwise, pointwise in (network.conv_8_to_12[1], (network.conv_dw_3, network.conv_3)):
        assert [type(m).__name__ for m in depthwise] == ["Conv2d", "BatchNorm2d", "ReLU"]
        assert [type(m).__name__ for m in pointwise] == [
            "Conv2d", "BatchNorm2d", "ReLU", "SqueezeExcitation",
        ]  # fmt: skip
    assert len(excitations(network)) == 13 and not excitations(network.conv_1)


@pytest.mark.parametrize(
    ("name", "base", "knobs"),
    [
        ("se_preact_resnet", "preact_resnet", {"depth": 8}),
        ("se_wide_resnet", "wide_resnet", {"depth": 10, "widen_factor": 1.0}),
        ("se_resnet", "resnet", {"depth": 8}),
        ("se_resnext", "resnext", {"depth": 11, "cardinality": 2, "base_width": 4}),
        ("se_vgg", "vgg", {"config": "A"}),
        ("se_mobilenet_v1", "mobilenet_v1", {"width_mult": 0.25}),
    ],
)
def test_open_gates_leave_the_base_network(name, base, knobs):
    torch.manual_seed(0)
    network = build(name, stem="cifar", num_classes=10, **knobs).eval()
    randomise(network)
    batch_norm = {"batch_norm": True} if base == "vgg" else {}
    plain = build(base, stem="cifar", num_classes=10, **knobs, **batch_norm).eval()
    inside = {id(t) for block in excitations(network) for t in block.state_dict(keep_vars=True).values()}
    weights = [t for t in network.state_dict(keep_vars=True).values() if id(t) not in inside]
    plain.load_state_dict(dict(zip(plain.state_dict(), weights, strict=True)))
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        excited = network(images)
        for block in excitations(network):
            nn.init.zeros_(block.excitation[2].weight)
            nn.init.constant_(block.excitation[2].bias, 50.0)
        torch.testing.assert_close(network(images), plain(images), atol=1e-6, rtol=1e-4)
        assert (excited - plain(images)).abs().max() > 1e-4


def test_closed_gates_leave_the_shortcut_of_a_pre_activation_unit():
    torch.manual_seed(0)
    unit = build("se_preact_resnet", stem="cifar", num_classes=10, depth=8).eval().conv2_x[0]
    nn.init.zeros_(unit.branch[-1].excitation[2].weight)
    nn.init.constant_(unit.branch[-1].excitation[2].bias, -200.0)
    x = torch.randn(2, 16, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(unit(x), x)


@pytest.mark.parametrize(
    ("name", "stem", "knobs", "message"),
    [
        ("se_resnet", "imagenet", {"reduction": 0}, "reduction 0 is too small; it must be at least 1"),
        ("se_resnet", "imagenet", {"fc_layers": 3}, "fc_layers 3 is not one of 1, 2"),
        ("se_resnet", "cifar", {"se_stages": (2, 5)}, "se_stages 5 is not one of 2, 3, 4"),
        ("se_resnet", "cifar", {"se_stages": (2, 3, 2)}, r"se_stages \(2, 3, 2\) names a stage twice"),
        ("se_resnet", "imagenet", {"se_stages": (1,)}, "se_stages 1 is not one of 2, 3, 4, 5"),
        (
            "se_resnet",
            "cifar",
            {"position": "3x3"},
            "position 3x3 goes with bottlenecks; choose standard, pre",
        ),
        ("se_resnet", "imagenet", {"position": "top"}, "position: 'top' is not one of standard, pre, post"),
        ("se_resnet", "imagenet", {"depth": 20}, "depth 20 is not one of 18, 34, 50"),
        ("se_resnext", "imagenet", {"reduction": -1}, "reduction -1 is too small"),
        ("senet_154", "imagenet", {"dropout": 1.0}, r"dropout 1.0 is not in \[0, 1\)"),
        ("senet_154", "cifar", {}, "senet_154 has no stem 'cifar'; choose from: imagenet"),
    ],
)
def test_refusals(name, stem, knobs, message):
    with pytest.raises(ValueError, match=message):
        on_meta(name, stem, **knobs)
