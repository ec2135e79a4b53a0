"""LeNet-5: the parameters that the paper prints layer by layer, Table I by hand, refusals."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures import build, find
from architectures.counting import count_stages
from architectures.lenet import TABLE_I, LeNet5, ScaledTanh, Subsampling, TableConvolution
from lightning_modules import recipes
from tests.architectures.reference import CLASSES, Layers, assert_follows, random_images

# Section II-B, for one input channel: "60,000 trainable free parameters", whose sum these are.
PRINTED = {"c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164}


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_printed_parameters_of_every_layer():
    network = LeNet5(1, 10, "tanh", "subsampling", "table")
    counted = {name: parameters(layer) for name, layer in network.named_children()}
    assert counted == PRINTED | {"output": 850}
    assert sum(PRINTED.values()) == 60_000


@pytest.mark.parametrize(
    ("knobs", "total"), [({}, 61_150), ({"connections": "full"}, 62_050), ({"pooling": "max"}, 61_106)]
)
def test_parameters_on_cifar(knobs, total):
    assert parameters(build("lenet5", stem="cifar", num_classes=10, **knobs)) == total


def test_shapes_of_figure_2():
    shapes = [stage.output for stage in count_stages(build("lenet5", stem="cifar", num_classes=10), 32)]
    assert shapes == [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (120,), (84,), (10,)]


def test_the_printed_connections_of_c1_and_c3():
    """122,304 and 151,600: multiply-adds and one bias a unit; C1's for one input channel."""
    stages = {s.name: s for s in count_stages(build("lenet5", stem="cifar", num_classes=10), 32)}
    assert stages["c1"].counts.mult_adds // 3 + 6 * 28**2 == 122_304
    assert stages["c3"].counts.mult_adds + 16 * 10**2 == 151_600


def test_table_i():
    rows = [channels for part in TABLE_I for channels in part]
    # How often each channel of S2 is taken, and the X's of its first row.
    assert [sum(channel in row for row in rows) for channel in range(6)] == [10] * 6
    assert [column for column, row in enumerate(rows) if 0 in row] == [0, 4, 5, 6, 9, 10, 11, 12, 14, 15]


def by_figure_2(layers: Layers, x: Tensor) -> Tensor:
    """Section II-B: C3's channels each combine the channels of S2 that Table I marks."""

    def squashed(a: Tensor) -> Tensor:
        return 1.7159 * torch.tanh(2 / 3 * a)

    def subsampled(a: Tensor) -> Tensor:
        coefficient, bias = layers.take(a.shape[1], 1, 1), layers.take(a.shape[1], 1, 1)
        fours = a[:, :, ::2, ::2] + a[:, :, 1::2, ::2] + a[:, :, ::2, 1::2] + a[:, :, 1::2, 1::2]
        return squashed(coefficient * fours + bias)

    x = subsampled(squashed(layers.conv(6, 5, padding=0, bias=True)(x)))
    three, four = ([tuple((i + shift) % 6 for i in range(n)) for shift in range(6)] for n in (3, 4))
    four += [(0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)]
    channels = []
    for rows in (three, four, [tuple(range(6))]):
        kernels, biases = layers.take(len(rows), len(rows[0]), 5, 5), layers.take(len(rows))
        for number, row in enumerate(rows):
            channels.append(functional.conv2d(x[:, list(row)], kernels[[number]], biases[[number]]))
    x = subsampled(squashed(torch.cat(channels, dim=1)))
    x = squashed(layers.conv(120, 5, padding=0, bias=True)(x)).flatten(1)
    x = squashed(layers.linear(120, 84)(x))
    return layers.linear(84)(x)


def test_the_function_of_figure_2():
    assert_follows(build("lenet5", stem="cifar", num_classes=CLASSES), by_figure_2, random_images(2, 32))


def test_c3_is_a_full_convolution_whose_other_kernels_are_zero():
    torch.manual_seed(0)
    c3 = TableConvolution()
    weight = torch.zeros(16, 6, 5, 5)
    kernels = [kernel for path in c3.paths for kernel in path.weight]
    for output, channels in enumerate(channels for part in TABLE_I for channels in part):
        weight[output, list(channels)] = kernels[output]
    x = torch.randn(2, 6, 14, 14)
    expected = functional.conv2d(x, weight, torch.cat([path.bias for path in c3.paths]))
    torch.testing.assert_close(c3(x), expected)


def test_subsampling_begins_as_an_average_and_squashing_leaves_one_alone():
    x = torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(Subsampling(3)(x), functional.avg_pool2d(x, 2))
    torch.testing.assert_close(
        ScaledTanh()(torch.tensor([-1.0, 0.0, 1.0])), torch.tensor([-1.0, 0.0, 1.0]), atol=1e-4, rtol=0
    )


def test_it_has_no_recipe_of_its_own_and_takes_the_torch_codes():
    assert recipes.default_name("lenet5", find("lenet5").family, "cifar") == "fb_resnet_cifar"


def test_refusals():
    with pytest.raises(ValueError, match="lenet5 has no stem 'imagenet'"):
        build("lenet5", stem="imagenet", num_classes=10)
    with pytest.raises(ValueError, match="connections: 'half' is not one of table, full"):
        build("lenet5", stem="cifar", num_classes=10, connections="half")
