"""Deeply-supervised nets: NiN's function in evaluation, the companions in training, the rate they learn at."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures import build
from architectures.counting import count
from architectures.describe import describe
from architectures.dsn import Companion
from architectures.outputs import TrainingOutputs
from tests.architectures.reference import CLASSES, Layers, assert_follows, random_images


def on_meta(**knobs) -> nn.Module:
    with torch.device("meta"):
        return build("dsn", stem="cifar", num_classes=10, **knobs)


def by_section_2(layers: Layers, x: Tensor) -> Tensor | list[Tensor]:
    """NiN without its last ReLU; in training each of the three convolutions answers to a classifier of its own."""
    responses = []
    for number, (kernel, widths) in enumerate(
        [(5, [192, 160, 96]), (5, [192] * 3), (3, [192, 192, CLASSES])]
    ):
        if number:
            x = functional.max_pool2d(x, 3, 2, ceil_mode=True)
        for index, width in enumerate(widths):
            x = layers.conv(width, kernel if index == 0 else 1, bias=True)(x)
            if index == 0:
                responses.append(x)
            if width != CLASSES:
                x = x.relu()
    companions = [layers.linear(192 * side**2) for side in (32, 16, 8)]
    answers = [
        0.001**0.5 * companion(y.flatten(1)) for companion, y in zip(companions, responses, strict=True)
    ]
    return [x.mean((2, 3)), *answers] if layers.training else x.mean((2, 3))


def test_the_function_of_section_2():
    ours = build("dsn", stem="cifar", num_classes=CLASSES)
    assert_follows(ours, by_section_2, random_images(2, 32))


def test_in_training_the_companions_answer_to_what_the_convolutions_put_out():
    torch.manual_seed(0)
    network = build("dsn", stem="cifar", num_classes=10, weight=0.5, dropout=0.0)
    images = torch.randn(2, 3, 32, 32)
    outputs = network(images)
    assert isinstance(outputs, TrainingOutputs) and outputs.logits.shape == (2, 10)
    assert [(answer.weight, answer.fading) for answer in outputs.auxiliary] == [(0.5, True)] * 3
    responses = network.conv1(images)
    torch.testing.assert_close(outputs.auxiliary[0].logits, network.auxiliary["conv1"](responses))
    responses = network.conv2(network.pool1(network.mlp1(responses)))
    torch.testing.assert_close(outputs.auxiliary[1].logits, network.auxiliary["conv2"](responses))
    # the last companion teaches its convolution and those before, but nothing behind
    outputs.auxiliary[2].logits.square().sum().backward()
    assert network.conv3.weight.grad.any() and network.conv1.weight.grad.any()
    assert all(p.grad is None for p in network.mlp3.parameters())


def test_without_companions_training_gives_plain_logits():
    torch.manual_seed(0)
    network = build("dsn", stem="cifar", num_classes=10, companion=False)
    assert isinstance(network(torch.randn(2, 3, 32, 32)), torch.Tensor)
    assert not list(network.auxiliary.parameters())


def test_a_companion_learns_at_a_thousandth_of_the_rate():
    torch.manual_seed(0)
    companion, plain = Companion(3 * 4 * 4, 5), nn.Linear(3 * 4 * 4, 5)
    with torch.no_grad():
        plain.weight.copy_(companion.scale * companion.linear.weight)
        plain.bias.copy_(companion.scale * companion.linear.bias)
    # as large as a fully connected layer's weights are at first
    assert plain.weight.abs().max().item() == pytest.approx(48**-0.5, rel=0.05)
    x, probe = torch.randn(2, 3, 4, 4), torch.randn(2, 5)
    for module, inputs, rate in ((companion, x, 0.1), (plain, x.flatten(1), 0.1 * 0.001)):
        sgd = torch.optim.SGD(module.parameters(), lr=rate, momentum=0.9)
        for _ in range(3):
            sgd.zero_grad()
            (module(inputs) * probe).sum().backward()
            sgd.step()
    torch.testing.assert_close(companion(x), plain(x.flatten(1)))


def test_the_network_described():
    lines = describe(on_meta(), 32).splitlines()[2:]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|"))[:3] for line in lines]
    assert rows == [
        ("conv1", "32×32", "5×5 conv, 192"),
        ("mlp1", "32×32", "1×1 conv, 160; 1×1 conv, 96"),
        ("pool1", "16×16", "3×3 max pool, stride 2"),
        ("conv2", "16×16", "5×5 conv, 192"),
        ("mlp2", "16×16", "1×1 conv, 192; 1×1 conv, 192"),
        ("pool2", "8×8", "3×3 max pool, stride 2"),
        ("conv3", "8×8", "3×3 conv, 192"),
        ("mlp3", "8×8", "1×1 conv, 192; 1×1 conv, 10"),
        ("head", "1×1", "global average pool"),
        ("auxiliary, in training only", "", "[10-d fully connected] × 3"),
        ("total", "", "9 weighted layers"),
    ]


def test_what_the_companions_cost():
    inputs = 192 * (32 * 32 + 16 * 16 + 8 * 8)
    extra = count(on_meta(), 32).parameters - count(on_meta(companion=False), 32).parameters
    assert extra == 10 * inputs + 3 * 10


@pytest.mark.parametrize(
    ("knobs", "message"),
    [({"weight": 0.0}, "weight 0.0 is not positive"), ({"dropout": 1.0}, r"dropout 1.0 is not in \[0, 1\)")],
)
def test_refusals(knobs, message):
    with pytest.raises(ValueError, match=f"^dsn: {message}"):
        on_meta(**knobs)
