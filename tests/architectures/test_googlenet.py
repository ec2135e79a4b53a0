"""GoogLeNet: Table 1 row by row, the forms of its module, its auxiliary classifiers; torchvision's function."""

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.googlenet import BasicConv2d

from architectures import build
from architectures.counting import count, count_stages
from architectures.describe import describe
from architectures.googlenet import TABLE_1, FilterConcatenation, Filters, naive, reduced, single
from architectures.outputs import TrainingOutputs
from tests.architectures.reference import CLASSES, Layers, assert_follows, exact, random_images, randomise

# Table 1: #1×1, #3×3 reduce, #3×3, #5×5 reduce, #5×5, pool proj; and the modules' channels out.
ROWS = {
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64), "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64), "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128),
}  # fmt: skip
OUTPUTS = {
    "3a": 256, "3b": 480, "4a": 512, "4b": 512, "4c": 512, "4d": 528, "4e": 832, "5a": 832, "5b": 1024,
}  # fmt: skip


def on_meta(stem: str = "imagenet", **knobs) -> nn.Module:
    with torch.device("meta"):
        return build("googlenet", stem=stem, num_classes=1000, **knobs)


def modules(network: nn.Module) -> dict[str, FilterConcatenation]:
    return {name: getattr(network, f"inception_{name}") for name in TABLE_1}


def folded(layer: BasicConv2d) -> tuple[Tensor, Tensor]:
    """The kernel and the biases of a convolution that does what theirs does with its normalisation."""
    norm = layer.bn
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return layer.conv.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale


def copy_convolutions(ours: nn.Module, theirs: nn.Module) -> None:
    pairs = zip(
        (module for module in ours.modules() if isinstance(module, nn.Conv2d)),
        (module for module in theirs.modules() if isinstance(module, BasicConv2d)),
        strict=True,
    )
    for convolution, layer in pairs:
        weight, bias = folded(layer)
        margin = (convolution.kernel_size[0] - weight.shape[-1]) // 2
        convolution.weight.data.copy_(functional.pad(weight, (margin,) * 4))
        convolution.bias.data.copy_(bias)


@pytest.fixture(scope="module")
def both() -> tuple[nn.Module, nn.Module]:
    """Our network and torchvision's with the same weights, ours without what sets theirs apart.

    Theirs departs from the paper: batch normalisation, which folds into kernels and biases; 3×3 kernels for
    5×5, which are 5×5 with zeros around; no local response normalisation; 2×2 pooling after 4e.
    """
    theirs = exact(torchvision.models.googlenet(num_classes=CLASSES, init_weights=False)).eval()
    randomise(theirs)
    ours = exact(build("googlenet", stem="imagenet", num_classes=CLASSES)).eval()
    copy_convolutions(
        nn.ModuleList(row for name, row in ours.named_children() if name != "auxiliary"),
        nn.ModuleList(row for name, row in theirs.named_children() if not name.startswith("aux")),
    )
    ours.linear.load_state_dict(theirs.fc.state_dict())
    assert isinstance(ours.pool1[1], nn.LocalResponseNorm) and isinstance(
        ours.conv2[-1], nn.LocalResponseNorm
    )
    ours.pool1[1], ours.conv2[-1] = nn.Identity(), nn.Identity()
    ours.pool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
    return ours, theirs


def test_logits_of_torchvision_but_for_its_departures(both):
    ours, theirs = both
    images = torch.randn(2, 3, 96, 96).double()
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-9, atol=0)


@pytest.mark.parametrize(("name", "their_name", "channels"), [("4a", "aux1", 512), ("4d", "aux2", 528)])
def test_auxiliary_logits_of_torchvision(both, name, their_name, channels):
    """Theirs pools to 4×4 whatever comes; ours is given what it has pooled, so that both see the same."""
    ours, theirs = both
    head, theirs = ours.auxiliary[f"inception_{name}"], getattr(theirs, their_name)
    copy_convolutions(head, theirs.conv)
    linears = [module for module in head if isinstance(module, nn.Linear)]
    for linear, their_linear in zip(linears, (theirs.fc1, theirs.fc2), strict=True):
        linear.load_state_dict(their_linear.state_dict())
    pooled = torch.randn(2, channels, 4, 4).double()
    with torch.no_grad():
        torch.testing.assert_close(head[1:](pooled), theirs(pooled), rtol=1e-9, atol=0)
    assert head[0](torch.randn(1, channels, 14, 14)).shape[-2:] == (4, 4)


def by_table_1(layers: Layers, x: Tensor) -> Tensor | list[Tensor]:
    """Table 1 with Section 5's classifiers on 4a and 4d in training; pooling windows hang over the edge."""

    def conv(x: Tensor, channels: int, kernel: int, stride: int = 1) -> Tensor:
        return layers.conv(channels, kernel, stride, bias=True)(x).relu()

    def pooled(x: Tensor) -> Tensor:
        return functional.max_pool2d(x, 3, 2, ceil_mode=True)

    def normalised(a: Tensor) -> Tensor:
        squares = functional.pad(a.square(), (0, 0, 0, 0, 2, 2))
        return a / (2 + 1e-4 * sum(squares[:, i : i + a.shape[1]] for i in range(5))) ** 0.75

    x = normalised(pooled(conv(x, 64, 7, 2)))
    x = pooled(normalised(conv(conv(x, 64, 1), 192, 3)))
    classified = []
    for name, (alone, reduce_3x3, conv_3x3, reduce_5x5, conv_5x5, projection) in ROWS.items():
        paths = [
            conv(x, alone, 1),
            conv(conv(x, reduce_3x3, 1), conv_3x3, 3),
            conv(conv(x, reduce_5x5, 1), conv_5x5, 5),
            conv(functional.max_pool2d(x, 3, 1, padding=1), projection, 1),
        ]
        x = torch.cat(paths, dim=1)
        if name in ("4a", "4d"):
            classified.append(x)
        x = pooled(x) if name in ("3b", "4e") else x
    answers = [layers.linear(1024)(x.mean((2, 3)))]
    for y in classified:
        y = conv(functional.avg_pool2d(y, 5, 3), 128, 1).flatten(1)
        y = layers.linear(4 * 4 * 128, 1024)(y).relu()
        answers.append(layers.linear(1024)(y))
    return answers if layers.training else answers[0]


def test_the_function_of_table_1():
    ours = build("googlenet", stem="imagenet", num_classes=CLASSES)
    assert_follows(ours, by_table_1, random_images(2, 224, scale=30))


def test_rows_of_table_1():
    rows = [
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in describe(on_meta(auxiliary=False), 224).splitlines()[2:]
    ]
    assert [row[:3] for row in rows[:4]] == [
        ("conv1", "112×112", "7×7 conv, 64, stride 2"),
        ("pool1", "56×56", "3×3 max pool, stride 2; local response norm"),
        ("conv2", "56×56", "1×1 conv, 64; 3×3 conv, 192; local response norm"),
        ("pool2", "28×28", "3×3 max pool, stride 2"),
    ]
    assert [row[:2] for row in rows[4:]] == [
        *((f"inception_3{letter}", "28×28") for letter in "ab"),
        ("pool3", "14×14"),
        *((f"inception_4{letter}", "14×14") for letter in "abcde"),
        ("pool4", "7×7"),
        *((f"inception_5{letter}", "7×7") for letter in "ab"),
        ("avg_pool", "1×1"),
        ("dropout", "1×1"),
        ("linear", "1×1"),
        ("total", ""),
    ]
    assert rows[-1][2] == "22 weighted layers"
    assert rows[4][2] == (
        "1×1 conv, 64; 1×1 conv, 96; 3×3 conv, 128; 1×1 conv, 16; 5×5 conv, 32; 3×3 max pool; 1×1 conv, 32"
    )


def test_the_auxiliary_classifiers_of_section_5_in_the_table():
    row = next(line for line in describe(on_meta(), 224).splitlines() if "in training only" in line)
    assert "[5×5 average pool; 1×1 conv, 128; 1024-d fully connected; 1000-d fully connected] × 2" in row
    parts = [channels * 128 + 128 + 4 * 4 * 128 * 1024 + 1024 + 1024 * 1000 + 1000 for channels in (512, 528)]
    assert f" {sum(parts):,} " in row


def test_widths_of_the_modules_put_out():
    network = on_meta()
    assert {name: module.outputs for name, module in modules(network).items()} == OUTPUTS
    shapes = {stage.name: stage.output for stage in count_stages(network, 224)}
    assert {name: shapes[f"inception_{name}"][0] for name in TABLE_1} == OUTPUTS


def test_the_text_s_one_and_a_half_billion():
    """Section 1: 1.5 billion multiply-adds, which only the separable first convolution gives."""
    assert round(count(on_meta(conv1="separable"), 224).mult_adds / 1e9, 1) == 1.5
    assert round(count(on_meta(), 224).mult_adds / 1e9, 1) == 1.6


FILTERS = Filters(2, 3, 4, 2, 3, 5)


def expected_paths(module: FilterConcatenation, x: Tensor) -> Tensor:
    """Figure 2 by hand: every convolution of a module keeps the resolution and ends in a ReLU."""
    found = []
    for path in module.paths:
        y = x
        for layer in path:
            if isinstance(layer, nn.Conv2d):
                y = functional.conv2d(y, layer.weight, layer.bias, padding=layer.kernel_size[0] // 2).relu()
            elif isinstance(layer, nn.MaxPool2d):
                y = functional.max_pool2d(functional.pad(y, (1, 1, 1, 1), value=-torch.inf), 3, stride=1)
        found.append(y)
    return torch.cat(found, dim=1)


@pytest.mark.parametrize(
    ("make", "kernels", "outputs"),
    [
        (reduced, [[1], [1, 3], [1, 5], [1]], [2, 4, 3, 5]),
        (naive, [[1], [3], [5], []], [2, 4, 3, 6]),
        (single, [[1, 3]], [14]),
    ],
)
def test_the_forms_of_a_module(make, kernels, outputs):
    torch.manual_seed(0)
    module = make(6, FILTERS)
    found = [[m.kernel_size[0] for m in path if isinstance(m, nn.Conv2d)] for path in module.paths]
    assert found == kernels
    x = torch.randn(2, 6, 7, 7)
    assert [path(x).shape[1] for path in module.paths] == outputs
    assert module(x).shape == (2, module.outputs, 7, 7) and module.outputs == sum(outputs)
    torch.testing.assert_close(module(x), expected_paths(module, x))


def test_the_naive_module_lets_its_input_through_and_grows():
    """Section 4: with what the pooling lets through, the outputs grow from module to module."""
    widths = [module.outputs for module in modules(on_meta(module="naive")).values()]
    assert widths == [416, 832, 1280, 1728, 2176, 2640, 3344, 4048, 4944]


def test_single_is_as_wide_as_reduced_and_as_dear():
    many, one = on_meta(), on_meta(module="single")
    for name in TABLE_1:
        wide, narrow = modules(many)[name], modules(one)[name]
        assert wide.outputs == narrow.outputs
        weights = [
            sum(m.weight.numel() for m in module.modules() if isinstance(m, nn.Conv2d))
            for module in (wide, narrow)
        ]
        assert weights[1] == pytest.approx(weights[0], rel=0.01)
    assert count(one, 224).mult_adds == pytest.approx(count(many, 224).mult_adds, rel=0.001)
    assert count(one, 224).layers == count(many, 224).layers == 22


def test_a_separable_first_convolution_is_a_full_one_of_low_rank():
    torch.manual_seed(0)
    network = build("googlenet", stem="cifar", num_classes=10, conv1="separable")
    depthwise, pointwise = (module for module in network.conv1 if isinstance(module, nn.Conv2d))
    assert (depthwise.groups, depthwise.out_channels, pointwise.out_channels) == (3, 24, 64)
    x = torch.randn(2, 3, 8, 8)
    mixed = pointwise.weight.view(64, 3, 8, 1, 1) * depthwise.weight.view(1, 3, 8, 3, 3)
    full = functional.conv2d(x, mixed.sum(dim=2), pointwise.bias, padding=1)
    torch.testing.assert_close(pointwise(depthwise(x)), full)


def test_heads():
    """The fully connected head sees all last channels; what follows is the same."""
    network = on_meta(head="fc")
    assert [name for name, _ in network.named_children()][-4:] == ["fc", "dropout", "linear", "auxiliary"]
    assert (network.fc[1].in_features, network.fc[1].out_features) == (7 * 7 * 1024, 1024)
    assert network.linear.in_features == on_meta().linear.in_features == 1024
    small = build("googlenet", stem="cifar", num_classes=10, head="fc").eval()
    assert small.fc[1].in_features == 4 * 4 * 1024
    assert small(torch.randn(1, 3, 32, 32)).shape == (1, 10)


def test_auxiliary_classifiers_speak_in_training_only():
    torch.manual_seed(0)
    network = build("googlenet", stem="cifar", num_classes=10, auxiliary_weight=0.2)
    images = torch.randn(2, 3, 32, 32)
    said = network(images)
    assert isinstance(said, TrainingOutputs) and said.logits.shape == (2, 10)
    assert [(a.logits.shape, a.weight, a.fading) for a in said.auxiliary] == [((2, 10), 0.2, False)] * 2
    assert network.eval()(images).shape == (2, 10)
    silent = build("googlenet", stem="cifar", num_classes=10, auxiliary=False)
    assert silent(images).shape == (2, 10)
    assert not any("auxiliary" in name for name, _ in silent.named_parameters())


def test_auxiliary_classifiers_stand_on_4a_and_4d_and_drop_70_percent():
    network = on_meta()
    assert list(network.auxiliary) == ["inception_4a", "inception_4d"]
    drops = [m.p for head in network.auxiliary.values() for m in head if isinstance(m, nn.Dropout)]
    assert drops == [0.7, 0.7] and network.dropout.p == 0.4


def test_an_auxiliary_classifier_teaches_only_what_is_under_it():
    torch.manual_seed(0)
    network = build("googlenet", stem="cifar", num_classes=10)
    network(torch.randn(2, 3, 32, 32)).auxiliary[0].logits.square().sum().backward()
    taught = {name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None}
    assert taught == {
        "conv1", "conv2", "inception_3a", "inception_3b", "inception_4a", "auxiliary",
    }  # fmt: skip


def test_any_module_can_be_wrapped():
    """What squeeze-and-excitation does: another module in the place of one, by its number of channels."""
    torch.manual_seed(0)
    network = build("googlenet", stem="cifar", num_classes=10).eval()
    images = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        before = network(images)
        for name, module in modules(network).items():
            scale = nn.Conv2d(module.outputs, module.outputs, 1, groups=module.outputs, bias=False)
            nn.init.ones_(scale.weight)
            setattr(network, f"inception_{name}", nn.Sequential(module, scale))
        torch.testing.assert_close(network(images), before)
        nn.init.zeros_(network.inception_4a[1].weight)
        assert not torch.allclose(network(images), before)
    assert len(network.train()(images.repeat(2, 1, 1, 1)).auxiliary) == 2


def test_cifar_images_reach_the_modules_at_16_8_and_4_pixels():
    sides = {stage.name: stage.output[1:] for stage in count_stages(on_meta("cifar"), 32)}
    assert [sides[f"inception_{name}"] for name in ("3a", "4a", "5b")] == [(16, 16), (8, 8), (4, 4)]
    assert sides["conv1"] == (32, 32) and "pool1" not in sides


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"module": "wide"}, "module: 'wide' is not one of reduced, naive, single"),
        ({"conv1": "7x7"}, "conv1: '7x7' is not one of full, separable"),
        ({"head": "gap"}, "head: 'gap' is not one of average, fc"),
        ({"dropout": 1.0}, r"dropout 1.0 is not in \[0, 1\)"),
        ({"auxiliary_weight": 0}, "auxiliary_weight 0.0 is not positive"),
    ],
)
def test_refusals(knobs, message):
    with pytest.raises(ValueError, match=message):
        on_meta(**knobs)
