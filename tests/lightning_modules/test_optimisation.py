"""Initial weights, parameter groups and schedules, against the recipes' own words."""

import math

import pytest
import torch
from torch import nn

import architectures
from lightning_modules import recipes
from lightning_modules.initialisation import initialise
from lightning_modules.optimisation import optimiser, parameter_groups, schedule


@pytest.mark.parametrize(("scheme", "maps"), [("he_fan_out", 256), ("he_fan_in", 64)])
def test_he_normal_has_the_papers_deviation(scheme, maps):
    torch.manual_seed(0)
    layer = nn.Conv2d(64, 256, 3)
    initialise(layer, scheme)
    expected = math.sqrt(2 / (3 * 3 * maps))
    assert layer.weight.std().item() == pytest.approx(expected, rel=0.02)
    assert not layer.bias.any()


def test_batch_normalisation_starts_as_the_identity_and_the_classifiers_bias_at_zero():
    network = architectures.build("resnet", stem="cifar", num_classes=10, depth=8)
    for parameter in network.parameters():
        nn.init.constant_(parameter, 3.0)
    initialise(network, "he_fan_out")
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert norms and all((norm.weight == 1).all() and (norm.bias == 0).all() for norm in norms)
    (classifier,) = [module for module in network.modules() if isinstance(module, nn.Linear)]
    assert not classifier.bias.any()


def test_only_the_exempt_kinds_escape_weight_decay():
    network = nn.Sequential(
        nn.Conv2d(8, 8, 3, groups=8), nn.BatchNorm2d(8), nn.Conv2d(8, 4, 1), nn.Linear(4, 2)
    )

    def decayed(*exempt: str) -> int:
        groups = parameter_groups(network, 0.1, exempt)
        assert sum(len(group["params"]) for group in groups) == len(list(network.parameters()))
        return sum(p.numel() for group in groups if group["weight_decay"] for p in group["params"])

    everything = 8 * 9 + 8 + 8 + 8 + 32 + 4 + 8 + 2
    assert decayed() == everything
    assert decayed("norm") == everything - 16
    assert decayed("bias") == everything - 8 - 4 - 2
    assert decayed("depthwise") == everything - 72
    assert decayed("norm", "bias", "depthwise") == 32 + 8


@pytest.mark.parametrize(
    ("recipe", "steps_per_epoch", "drops"),
    [
        ("densenet_cifar", 782, (150, 225)),
        ("resnext_cifar", 391, (150, 225)),
        ("fb_resnet_cifar", 391, (81, 122)),
    ],
)
def test_the_rate_falls_tenfold_after_the_printed_epochs(recipe, steps_per_epoch, drops):
    values = recipes.find(recipe)
    network = nn.Linear(1, 1)
    sgd = optimiser(network, values.hyperparameters())
    rates = schedule(sgd, values.hyperparameters(), values.epochs * steps_per_epoch).lr_lambdas[0]
    for epoch in range(values.epochs):
        expected = 0.1 ** sum(epoch >= drop for drop in drops)
        assert rates(epoch * steps_per_epoch) == pytest.approx(expected)
        assert rates((epoch + 1) * steps_per_epoch - 1) == pytest.approx(expected)


def test_resnet_divides_the_rate_at_32k_and_48k_iterations():
    values = recipes.find("resnet_cifar")
    steps = values.epochs * math.ceil(50_000 / values.batch_size)
    assert steps == pytest.approx(64_000, rel=0.005)
    assert [round(share * steps / 1000) for share in values.lr_milestones] == [32, 48]


def test_one_step_is_torch7s_nesterov_with_decay_of_every_parameter():
    """fb.resnet.torch's optim.sgd: d = g + wd x; v = m v + d; x -= lr (d + m v)."""
    recipe = recipes.find("densenet_cifar").hyperparameters()
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, 2.0)
    sgd = optimiser(network, recipe)
    x, v = 2.0, 0.0
    for gradient in (1.0, -3.0, 0.5):
        network.weight.grad = torch.full((1, 1), gradient)
        sgd.step()
        d = gradient + 1e-4 * x
        v = 0.9 * v + d
        x -= 0.1 * (d + 0.9 * v)
        assert network.weight.item() == pytest.approx(x, rel=1e-6)


def test_recipes_are_found_by_family_and_cite_their_source():
    assert recipes.default_name("densenet", "cifar") == "densenet_cifar"
    assert recipes.default_name("made_up", "cifar") == "fb_resnet_cifar"
    with pytest.raises(ValueError, match="did you mean densenet_cifar"):
        recipes.find("densenet_cifer")
    for recipe in recipes.RECIPES.values():
        assert recipe.source and "source" not in recipe.hyperparameters()
