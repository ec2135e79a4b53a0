"""Recipes of plain networks and of Inception against the numbers that the papers and released codes print."""

import math
from fnmatch import fnmatchcase

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import architectures
from lightning_modules import recipes
from lightning_modules.initialisation import initialise, set_batch_norm
from lightning_modules.optimisation import factor, optimiser
from sweeps import study as studies


@pytest.mark.parametrize(
    ("recipe", "field", "printed"),
    [
        # NIN/cifar-10_params: epsW 1 · coeff 0.1; wc 0.00001 · epsW 1 of that rate
        ("nin_cifar", "lr", 0.1),
        ("nin_cifar", "weight_decay", 1e-4),
        ("nin_cifar", "lr_multipliers", (("*bias", 2.0), ("mlpconv_3.4.*", 0.1))),
        ("nin_cifar", "initial_deviation", 0.05),
        ("nin_cifar", "initial_deviations", ()),
        # NIN/cifar-100_params: epsW 0.01 · coeff 2; wc 0.001 · epsW 0.01 of that rate
        ("nin_cifar100", "lr", 0.02),
        ("nin_cifar100", "weight_decay", 5e-4),
        ("nin_cifar100", "lr_multipliers", (("*bias", 2.0),)),
        # Krizhevsky et al., Sections 2, 4.1, 5
        ("alexnet_imagenet", "train_crop", "random_of_square"),
        ("alexnet_imagenet", "decay_exempt", ("bias",)),
        # Zeiler and Fergus, Section 3
        ("zfnet_imagenet", "train_crop", "random_of_square"),
        ("zfnet_imagenet", "epochs", 70),
        # Szegedy et al., Going Deeper, Section 5, and BVLC's solver
        ("googlenet_imagenet", "normalisation", "mean"),
        ("googlenet_imagenet", "epochs", 250),
        ("googlenet_imagenet", "weight_decay", 2e-4),
        # Ioffe and Szegedy, Section 4.2.2
        ("bn_inception_imagenet", "lr", 0.0075),
        ("bn_x30_imagenet", "lr", 0.045),
        ("bn_x30_imagenet", "epochs", 150),
        # Szegedy et al., Rethinking, Section 8, and tensorflow/models, inception
        ("inception_v3_imagenet", "gradient_clipping", 2.0),
        ("inception_v3_imagenet", "momentum", 0.9),
        ("inception_v3_imagenet", "initial_deviation", 0.1),
        ("inception_v3_imagenet", "bn_momentum", pytest.approx(0.0003)),
        # Szegedy et al., Inception-v4, Section 4, Figures 21 to 24
        ("inception_v4_imagenet", "epochs", 160),
        ("inception_resnet_imagenet", "epochs", 160),
        ("inception_resnet_v1_imagenet", "epochs", 200),
    ],
)
def test_a_number_is_the_printed_one(recipe, field, printed):
    found = getattr(recipes.find(recipe), field)
    assert found == (pytest.approx(printed) if isinstance(printed, float) else printed)


@pytest.mark.parametrize(
    ("recipe", "arch", "stem"),
    [
        ("nin_cifar", "nin", "cifar"),
        ("nin_cifar100", "nin", "cifar"),
        ("dsn_cifar", "dsn", "cifar"),
        ("inception_v3_imagenet", "inception_v3", "imagenet"),
    ],
)
def test_every_pattern_fits_a_name_of_its_network(recipe, arch, stem):
    with torch.device("meta"):
        network = architectures.build(arch, stem=stem, num_classes=10)
    followed = recipes.find(recipe)
    for own, names in (
        (followed.lr_multipliers, [name for name, _ in network.named_parameters()]),
        (followed.initial_deviations, [name for name, layer in network.named_modules() if _weighs(layer)]),
    ):
        for pattern, _ in own:
            assert any(fnmatchcase(name, pattern) for name in names), pattern


def _weighs(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Conv2d | nn.Linear)


@pytest.mark.parametrize(("recipe", "arch", "last"), [("nin_cifar", "nin", 4), ("dsn_cifar", "dsn", 3)])
def test_the_layer_to_the_classes_has_a_tenth_of_the_rate_and_biases_twice_theirs(recipe, arch, last):
    with torch.device("meta"):
        network = architectures.build(arch, stem="cifar", num_classes=10)
    followed = recipes.find(recipe)
    rates = {p: group["lr"] for group in optimiser(network, followed).param_groups for p in group["params"]}
    top = (network.mlpconv_3 if arch == "nin" else network.mlp3)[last]
    assert top.out_channels == 10
    for layer in filter(_weighs, network.modules()):
        times = 0.1 if layer is top else 1
        assert rates[layer.weight] == pytest.approx(followed.lr * times)
        assert rates[layer.bias] == pytest.approx(followed.lr * times * 2)


def test_the_rate_of_dsn_falls_as_its_three_solvers_have_it():
    followed = recipes.find("dsn_cifar")
    steps = followed.epochs * 500
    rates = [followed.lr * factor(followed, step, steps) for step in (0, 149_999, 150_000, 169_999, 170_000)]
    assert rates == pytest.approx([0.025, 0.025, 0.00125, 0.00125, 0.0001])


def test_dsns_companions_start_with_the_deviation_of_xavier():
    torch.manual_seed(0)
    network = architectures.build("dsn", stem="cifar", num_classes=10)
    initialise(network, recipes.find("dsn_cifar"))
    for companion in network.auxiliary.values():
        inputs = companion.linear.in_features
        assert companion.scale * companion.linear.weight.std().item() == pytest.approx(inputs**-0.5, rel=0.02)
    assert network.conv2.weight.std().item() == pytest.approx(0.05, rel=0.02)


@pytest.mark.parametrize("auxiliary", ["plain", "bn"])
def test_inception_v3s_classifiers_start_smaller_than_its_convolutions(auxiliary):
    torch.manual_seed(0)
    network = architectures.build("inception_v3", stem="cifar", num_classes=1000, auxiliary=auxiliary)
    initialise(network, recipes.find("inception_v3_imagenet"))
    cut = math.sqrt(0.774)  # what is left of the deviation within two of it
    fully_connected, logits = [layer for layer in network.auxiliary if _weighs(layer)][1:]
    for layer, deviation in ((network.linear[1], 0.01), (fully_connected, 0.01), (logits, 0.001)):
        assert layer.weight.std().item() == pytest.approx(cut * deviation, rel=0.02)
    assert network.coarsest[0].paths[0][0].weight.std().item() == pytest.approx(cut * 0.1, rel=0.02)


@pytest.mark.parametrize(
    ("arch", "recipe"),
    [
        ("inception_v3", "inception_v3_imagenet"),
        ("inception_v4", "inception_v4_imagenet"),
        ("inception_v3", "inception_v4_imagenet"),
    ],
)
def test_inceptions_first_loss_is_that_of_chance(arch, recipe):
    torch.manual_seed(0)
    classes = 1000
    knobs = {"blocks": (1, 1, 1)} if arch == "inception_v4" else {}
    network = architectures.build(arch, stem="cifar", num_classes=classes, **knobs)
    followed = recipes.find(recipe)
    initialise(network, followed)
    set_batch_norm(network, followed)
    labels = torch.randint(classes, (16,))
    with torch.no_grad():
        outputs = network.train()(torch.randn(16, 3, 32, 32))
    heads = [outputs] if isinstance(outputs, torch.Tensor) else [outputs.logits, outputs.auxiliary[0].logits]
    for logits in heads:
        assert cross_entropy(logits, labels).item() == pytest.approx(math.log(classes), abs=0.5)


@pytest.mark.parametrize(
    ("study", "variant", "dataset", "recipe"),
    [
        ("nin_head", "gap", "cifar10", "nin_cifar"),
        ("nin_head", "gap", "cifar100", "nin_cifar100"),
        ("densenet_cifar", "nin+", "cifar100", "nin_cifar100"),
        # Figure 4: 25.2 is the error of BN-x30
        ("inception_v3_ladder", "bn-inception", "imagenet", "bn_x30_imagenet"),
        ("inception_v3_ladder", "bn-inception", "cifar10", "bn_inception_cifar"),
        ("inception_residual", "v3", "imagenet", "inception_resnet_v1_imagenet"),
        ("inception_residual", "resnet-v1", "imagenet", "inception_resnet_v1_imagenet"),
        ("inception_residual", "resnet-v1", "cifar10", "inception_v4_cifar"),
        ("inception_residual", "v4", "imagenet", "inception_v4_imagenet"),
    ],
)
def test_a_row_is_trained_by_the_recipe_of_its_printed_figure(study, variant, dataset, recipe):
    declared = studies.read(study)
    assert studies.configure(declared, variant, dataset, "paper", 0).recipe_name == recipe
