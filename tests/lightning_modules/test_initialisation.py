"""Initial weights against the deviations that the papers print."""

import math

import pytest
import torch
from torch import nn

import architectures
from architectures.layers.squeeze_excitation import SqueezeExcitation
from lightning_modules.initialisation import initialise, set_batch_norm
from lightning_modules.recipes import Recipe, find


def recipe(scheme: str, **changes) -> Recipe:
    return Recipe("", epochs=1, batch_size=1, lr=0.1, weight_decay=0.0, initialisation=scheme, **changes)


@pytest.mark.parametrize(
    ("scheme", "variance"),
    [
        ("he_fan_out", 2 / (9 * 256)),
        ("he_fan_in", 2 / (9 * 64)),
        ("xavier", 2 / (9 * 64 + 9 * 256)),
        ("xavier_fan_in", 1 / (9 * 64)),
        ("normal", 0.02**2),
        # a normal cut at two deviations has 0.774 of its variance
        ("truncated_normal", 0.774 * 0.02**2),
    ],
)
def test_convolutions_have_the_papers_deviation(scheme, variance):
    torch.manual_seed(0)
    layer = nn.Conv2d(64, 256, 3)
    initialise(layer, recipe(scheme, initial_deviation=0.02))
    assert layer.weight.std().item() == pytest.approx(math.sqrt(variance), rel=0.01)
    assert layer.weight.mean().item() == pytest.approx(0, abs=0.01 * math.sqrt(variance))
    assert not layer.bias.any()
    if scheme == "truncated_normal":
        assert layer.weight.abs().max() <= 2 * 0.02
    if scheme.startswith("xavier"):
        assert layer.weight.abs().max() <= math.sqrt(3 * variance)


def test_only_he_leaves_fully_connected_layers_to_torch():
    torch.manual_seed(0)
    untouched, layer = nn.Linear(500, 400), nn.Linear(500, 400)
    layer.load_state_dict(untouched.state_dict())
    initialise(layer, recipe("he_fan_in"))
    assert torch.equal(layer.weight, untouched.weight) and not layer.bias.any()
    initialise(layer, recipe("normal", initial_deviation=0.05))
    assert layer.weight.std().item() == pytest.approx(0.05, rel=0.01)


def test_the_fully_connected_layers_of_squeeze_and_excitation_are_drawn_as_convolutions():
    """SENet, Section 5.1: "the weight initialisation strategy described in [66]", He's, without exceptions."""
    torch.manual_seed(0)
    block = SqueezeExcitation(1024, 256)
    initialise(block, find("senet_imagenet"))
    first, second = (layer for layer in block.excitation if isinstance(layer, nn.Conv2d))
    assert first.weight.std().item() == pytest.approx(math.sqrt(2 / 1024), rel=0.01)
    assert second.weight.std().item() == pytest.approx(math.sqrt(2 / 256), rel=0.01)
    assert not first.bias.any() and not second.bias.any()


def test_batch_normalisation_starts_as_the_identity_and_the_classifiers_bias_at_zero():
    network = architectures.build("resnet", stem="cifar", num_classes=10, depth=8)
    for parameter in network.parameters():
        nn.init.constant_(parameter, 3.0)
    initialise(network, recipe("he_fan_out"))
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert norms and all((norm.weight == 1).all() and (norm.bias == 0).all() for norm in norms)
    (classifier,) = [module for module in network.modules() if isinstance(module, nn.Linear)]
    assert not classifier.bias.any()


def test_alexnets_biases_start_at_one_in_the_layers_that_the_paper_names():
    network = architectures.build("alexnet", stem="cifar", num_classes=10)
    initialise(network, find("alexnet_imagenet"))
    start = {
        name.split(".")[0]: bias.unique().tolist()
        for name, bias in network.named_parameters()
        if "bias" in name
    }
    ones, zeros = [1.0], [0.0]
    assert start == {
        "conv1": zeros,
        "conv2": ones,
        "conv3": zeros,
        "conv4": ones,
        "conv5": ones,
        "fc6": ones,
        "fc7": ones,
        "fc8": zeros,
    }


def test_named_layers_have_deviations_of_their_own():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(64, 64, 3), nn.Sequential(nn.Linear(200, 200), nn.Linear(200, 200)))
    own = (("1.*", 0.01), ("1.1", 0.002), ("made_up", 1.0))
    initialise(network, recipe("normal", initial_deviation=0.05, initial_deviations=own))
    seen = [layer.weight.std().item() for layer in (network[0], *network[1])]
    assert seen == pytest.approx([0.05, 0.01, 0.002], rel=0.02)


def test_squeezenets_last_convolution_has_a_deviation_of_its_own():
    torch.manual_seed(0)
    network = architectures.build("squeezenet", stem="imagenet", num_classes=1000)
    initialise(network, find("squeezenet_imagenet"))
    assert network.conv10[1].weight.std().item() == pytest.approx(0.01, rel=0.01)
    assert network.conv1[0].weight.std().item() == pytest.approx(math.sqrt(1 / (49 * 3)), rel=0.02)


def test_the_gates_of_a_highway_network_keep_their_bias():
    network = architectures.build("highway", stem="cifar", num_classes=10)
    initialise(network, find("highway_cifar"))
    gates = [parameter for name, parameter in network.named_parameters() if name.endswith("gate.bias")]
    assert len(gates) == 14 and all((gate == -2).all() for gate in gates)


def test_batch_normalisation_takes_the_recipes_momentum_and_epsilon_or_keeps_its_own():
    network = nn.Sequential(nn.BatchNorm2d(4, eps=0.01))
    set_batch_norm(network, recipe("he_fan_in"))
    assert (network[0].momentum, network[0].eps) == (0.1, 0.01)
    set_batch_norm(network, find("mobilenet_v1_imagenet"))
    assert (network[0].momentum, network[0].eps) == (pytest.approx(0.0003), 0.001)
