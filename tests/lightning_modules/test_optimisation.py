"""Parameter groups, optimisers and schedules, against the recipes' own words."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

import architectures
from lightning_modules import recipes
from lightning_modules.optimisation import factor, optimiser, parameter_groups, schedule


def test_only_the_exempt_kinds_escape_weight_decay():
    network = nn.Sequential(
        nn.Conv2d(8, 8, 3, groups=8), nn.BatchNorm2d(8), nn.Conv2d(8, 4, 1), nn.Linear(4, 2)
    )

    def decayed(*exempt: str) -> int:
        recipe = replace(recipes.find("resnet_cifar"), decay_exempt=exempt)
        groups = parameter_groups(network, recipe)
        assert sum(len(group["params"]) for group in groups) == len(list(network.parameters()))
        return sum(p.numel() for group in groups if group["weight_decay"] for p in group["params"])

    everything = 8 * 9 + 8 + 8 + 8 + 32 + 4 + 8 + 2
    assert decayed() == everything
    assert decayed("norm") == everything - 16
    assert decayed("bias") == everything - 8 - 4 - 2
    assert decayed("depthwise") == everything - 72
    assert decayed("norm", "bias", "depthwise") == 32 + 8


def test_mobilenets_decay_pointwise_and_first_convolutions_and_the_classifier():
    with torch.device("meta"):
        network = architectures.build("mobilenet_v1", stem="imagenet", num_classes=1000)
    decayed, spared = optimiser(network, recipes.find("mobilenet_v1_imagenet")).param_groups
    assert (decayed["weight_decay"], spared["weight_decay"]) == (4e-5, 0)
    shapes = [tuple(parameter.shape[2:]) for parameter in decayed["params"]]
    assert shapes == [(3, 3), *[(1, 1)] * 13, ()]


def test_rates_are_multiplied_by_all_patterns_that_fit_a_name():
    network = nn.Sequential(nn.Conv2d(8, 4, 1), nn.Linear(4, 2))
    multipliers = (("*bias", 2.0), ("1.*", 0.1))
    recipe = replace(recipes.find("resnet_cifar"), lr=0.5, decay_exempt=("bias",), lr_multipliers=multipliers)
    sgd = optimiser(network, recipe)
    seen = {group["params"][0]: (group["lr"], group["weight_decay"]) for group in sgd.param_groups}
    assert all(len(group["params"]) == 1 for group in sgd.param_groups) and len(seen) == 4
    assert seen[network[0].weight] == (0.5, 1e-4) == (sgd.param_groups[0]["lr"], 1e-4)
    assert seen[network[0].bias] == (1.0, 0)
    assert seen[network[1].weight] == (pytest.approx(0.05), 1e-4)
    assert seen[network[1].bias] == (pytest.approx(0.1), 0)
    rates = schedule(sgd, replace(recipe, schedule="linear"), steps=2)
    sgd.step()
    rates.step()
    assert [group["lr"] for group in sgd.param_groups] == pytest.approx([0.25, 0.5, 0.025, 0.05])


def test_a_cosine_falls_from_all_of_the_rate_to_nothing():
    recipe = replace(recipes.find("resnet_cifar"), schedule="cosine")
    assert [factor(recipe, step, 4) for step in range(4)] == pytest.approx(
        [1, 0.853553, 0.5, 0.146447], abs=1e-6
    )


# Schedules: of every recipe, the rate at the start of epochs, as its source has it


def divided(at: tuple[float, ...], by: float = 10):
    return lambda epoch: by ** -sum(epoch >= drop for drop in at)


@pytest.mark.parametrize(
    ("recipe", "per_epoch", "expected"),
    [
        ("densenet_cifar", 782, divided((150, 225))),
        ("resnext_cifar", 391, divided((150, 225))),
        ("fb_resnet_cifar", 391, divided((81, 122))),
        ("stochastic_depth_cifar", 391, divided((250, 375))),
        ("wide_resnet_cifar", 391, divided((60, 120, 160), by=5)),
        ("fractalnet_cifar", 500, divided((200, 300, 350, 375))),
        ("highway_cifar", 500, divided((100_000 / 500, 150_000 / 500, 175_000 / 500))),
        ("nin_cifar", 391, divided((200, 230))),
        ("all_cnn_cifar", 391, divided((200, 250, 300))),
        (
            "dsn_cifar",
            500,
            lambda epoch: 1 if epoch < 300 else 0.00125 / 0.025 if epoch < 340 else 0.0001 / 0.025,
        ),
        ("fb_resnet_imagenet", 5005, divided((30, 60))),
        ("resnet_imagenet", 5005, divided((30, 60, 90))),
        ("resnext_imagenet", 5005, divided((30, 60, 90))),
        ("stochastic_depth_imagenet", 10010, divided((30, 60, 90))),
        ("senet_imagenet", 1252, divided((30, 60, 90))),
        ("senet_ablation_imagenet", 5005, divided((125, 200, 250))),
        ("googlenet_imagenet", 40037, lambda epoch: 0.96 ** (epoch // 8)),
        ("inception_v3_imagenet", 40037, lambda epoch: 0.94 ** (epoch // 2)),
        ("mobilenet_v2_imagenet", 13346, lambda epoch: 0.98**epoch),
        ("mobilenet_v3_imagenet", 313, lambda epoch: 0.1 if epoch < 5 else 0.99 ** (epoch // 3)),
        ("squeezenet_imagenet", 2503, lambda epoch: 1 - epoch / 68),
        ("shufflenet_v1_imagenet", 1252, lambda epoch: 1 - epoch / 240),
    ],
)
def test_the_rate_of_every_epoch_is_the_papers(recipe, per_epoch, expected):
    values = recipes.find(recipe)
    steps = values.epochs * per_epoch
    falls_within = 1 / values.epochs if values.schedule == "linear" else 0
    for epoch in range(values.epochs):
        first, last = (
            factor(values, step, steps) for step in (epoch * per_epoch, (epoch + 1) * per_epoch - 1)
        )
        assert first == pytest.approx(expected(epoch)), epoch
        assert expected(epoch) - falls_within <= last * (1 + 1e-9) <= expected(epoch) * (1 + 1e-6), epoch


def test_batch_normalisation_lets_the_rate_fall_six_times_faster():
    slow, fast = recipes.find("googlenet_imagenet"), recipes.find("bn_inception_imagenet")
    per_epoch = 40037
    for epoch in range(0, 96, 8):
        after = factor(fast, epoch * per_epoch, fast.epochs * per_epoch)
        assert after == pytest.approx(factor(slow, epoch * per_epoch, slow.epochs * per_epoch) ** 6)
    assert fast.lr == 5 * slow.lr


def test_mobilenets_rate_falls_every_two_and_a_half_epochs():
    values = recipes.find("mobilenet_v1_imagenet")
    steps = values.epochs * 20_018
    rates = [factor(values, step, steps) for step in (0, 50_044, 50_045, 100_089, 100_090)]
    assert rates == pytest.approx([1, 1, 0.94, 0.94, 0.94**2])


def test_resnet_divides_the_rate_at_32k_and_48k_iterations():
    values = recipes.find("resnet_cifar")
    steps = values.epochs * math.ceil(50_000 / values.batch_size)
    rates = [factor(values, thousands * 1000, steps) for thousands in (31, 33, 47, 49)]
    assert rates == pytest.approx([1, 0.1, 0.1, 0.01])


@pytest.mark.parametrize("recipe", ["resnet_110_cifar", "preact_resnet_cifar"])
def test_the_first_400_iterations_are_at_a_tenth_of_the_rate(recipe):
    values = recipes.find(recipe)
    steps = values.epochs * math.ceil(50_000 / values.batch_size)
    assert [factor(values, step, steps) for step in (0, 399, 402, 31_000)] == pytest.approx([0.1, 0.1, 1, 1])


def test_1202_layers_start_with_ten_epochs_at_a_tenth_of_the_rate():
    values = recipes.find("stochastic_depth_1202_cifar")
    rates = [
        factor(values, epoch * 391, values.epochs * 391) for epoch in (0, 9, 10, 149, 150, 224, 225, 299)
    ]
    assert rates == pytest.approx([0.1, 0.1, 1, 1, 0.1, 0.1, 0.01, 0.01])


def test_a_shorter_training_has_the_same_schedule_compressed():
    for name in ("preact_resnet_cifar", "inception_v3_imagenet", "squeezenet_imagenet", "wide_resnet_cifar"):
        values = recipes.find(name)
        whole = [factor(values, 40 * step, 64_000) for step in range(1600)]
        assert [factor(values, step, 1600) for step in range(1600)] == pytest.approx(whole)


def test_the_scheduler_applies_the_factor_after_every_step():
    recipe = replace(recipes.find("squeezenet_cifar"), lr=0.04)
    sgd = optimiser(nn.Linear(1, 1), recipe)
    rates = schedule(sgd, recipe, steps=4)
    seen = []
    for _ in range(4):
        seen.append(sgd.param_groups[0]["lr"])
        sgd.step()
        rates.step()
    assert seen == pytest.approx([0.04, 0.03, 0.02, 0.01])


# One step after the other by hand


def test_one_step_is_torch7s_nesterov_with_decay_of_every_parameter():
    """fb.resnet.torch's optim.sgd: d = g + wd x; v = m v + d; x -= lr (d + m v)."""
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, 2.0)
    sgd = optimiser(network, recipes.find("densenet_cifar"))
    x, v = 2.0, 0.0
    for gradient in (1.0, -3.0, 0.5):
        network.weight.grad = torch.full((1, 1), gradient)
        sgd.step()
        d = gradient + 1e-4 * x
        v = 0.9 * v + d
        x -= 0.1 * (d + 0.9 * v)
        assert network.weight.item() == pytest.approx(x, rel=1e-6)


@pytest.mark.parametrize("recipe", ["inception_v3_imagenet", "mobilenet_v3_imagenet"])
def test_rmsprop_is_tensorflows(recipe):
    """training_ops: ms = ρ ms + (1 - ρ) g², from 1; mom = m mom + lr g / √(ms + ε); x -= mom."""
    values = recipes.find(recipe)
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, 2.0)
    rmsprop = optimiser(network, values)
    x, mean_square, momentum = 2.0, 1.0, 0.0
    for gradient in (1.0, -3.0, 0.5):
        network.weight.grad = torch.full((1, 1), gradient)
        rmsprop.step()
        g = gradient + values.weight_decay * x
        mean_square = 0.9 * mean_square + 0.1 * g**2
        momentum = 0.9 * momentum + values.lr * g / math.sqrt(mean_square + values.rmsprop_epsilon)
        x -= momentum
        assert network.weight.item() == pytest.approx(x, rel=1e-6)


def test_rmsprop_of_all_tensors_at_once_is_that_of_each_to_the_bit():
    """What a GPU runs; the parts that no decay holds are a group of their own."""
    values = recipes.find("mobilenet_v3_imagenet")
    networks = [architectures.build("mobilenet_v3_large", stem="cifar", num_classes=10) for _ in range(2)]
    networks[1].load_state_dict(networks[0].state_dict())
    steppers = [optimiser(network, values) for network in networks]
    for group in steppers[1].param_groups:
        group["foreach"] = True
    for step in range(4):
        for network, stepper in zip(networks, steppers, strict=True):
            torch.manual_seed(step)
            for parameter in network.parameters():
                parameter.grad = torch.randn_like(parameter)
            stepper.step()
    assert not steppers[0].param_groups[0]["foreach"]
    for each, at_once in zip(*(network.parameters() for network in networks), strict=True):
        assert torch.equal(each, at_once)
