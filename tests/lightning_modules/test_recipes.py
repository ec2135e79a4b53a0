"""Recipes are found by family, cite their source, and name a run by what they say, not by what they leave out."""

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest

import architectures
from lightning_modules import configuration, recipes
from lightning_modules.recipes.changes import changed
from lightning_modules.recipes.recipe import CIFAR_IMAGES, IMAGENET_IMAGES, Recipe

RECORDS = Path(__file__).parents[2] / "reports" / "records"


@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
def test_a_family_without_a_recipe_takes_the_torch_codes(stem):
    assert recipes.default_name("one", "made_up", stem) == f"fb_resnet_{stem}" in recipes.RECIPES


APART = {
    "senet_154_imagenet",
    "inception_resnet_v1_imagenet",
}  # of architectures unlike the rest of their family


def test_an_architecture_takes_its_familys_recipe_or_the_torch_codes():
    for name, architecture in architectures.catalogue().items():
        for stem in architecture.stems:
            recipe = recipes.default_name(name, architecture.family, stem)
            if f"{name}_{stem}" in APART:
                assert recipe == f"{name}_{stem}"
            else:
                familys = f"{architecture.family}_{stem}"
                assert recipe == (familys if familys in recipes.RECIPES else f"fb_resnet_{stem}")


@pytest.mark.parametrize(("arch", "epochs"), [("senet_154", 100), ("inception_resnet_v1", 200)])
def test_an_architecture_that_its_paper_trains_apart_has_its_own_recipe(arch, epochs):
    resolved = configuration.resolve(arch, {}, dataset="imagenet", budget="paper", seed=0)
    assert resolved.recipe_name == f"{arch}_imagenet" in APART
    assert resolved.epochs == epochs


@pytest.mark.parametrize("name", ["se_resnet", "se_resnext", "se_bn_inception", "se_inception_resnet_v2"])
@pytest.mark.parametrize(("dataset", "stem"), [("cifar10", "cifar"), ("imagenet", "imagenet")])
def test_networks_with_squeeze_and_excitation_share_their_papers_recipe(name, dataset, stem):
    resolved = configuration.resolve(name, {}, dataset=dataset, budget="paper", seed=0)
    assert resolved.recipe == recipes.find(f"senet_{stem}").hyperparameters()


def test_a_data_set_may_have_a_recipe_of_its_own():
    def taken(dataset: str) -> str:
        return configuration.resolve("nin", {}, dataset=dataset, budget="smoke", seed=0).recipe_name

    assert [taken(dataset) for dataset in ("cifar10", "cifar100", "imagenet")] == [
        *("nin_cifar", "nin_cifar100", "nin_imagenet")
    ]
    asked = configuration.resolve("nin", {}, dataset="cifar100", budget="smoke", seed=0, recipe="nin_cifar")
    assert asked.recipe_name == "nin_cifar"


def test_imagenette_takes_every_recipe_for_imagenet_with_batches_that_fit_it():
    large = [name for name in recipes.RECIPES if name.endswith("_imagenet")]
    assert large
    for name in large:
        original, transferred = recipes.find(name), recipes.find(f"{name}te")
        assert transferred.batch_size == min(64, original.batch_size)
        assert transferred.lr / transferred.batch_size == pytest.approx(original.lr / original.batch_size)
        differences = original.hyperparameters().items() ^ transferred.hyperparameters().items()
        assert {field for field, _ in differences} <= {"batch_size", "lr"}
    for dataset in ("imagenette", "imagenette_160"):
        resolved = configuration.resolve("senet_154", {}, dataset=dataset, budget="paper", seed=0)
        assert (resolved.recipe_name, resolved.recipe["batch_size"]) == ("senet_154_imagenette", 64)
    assert configuration.resolve(
        "resnext", {}, dataset="imagenet_256", budget="paper", seed=0
    ).recipe_name == ("resnext_imagenet")


def test_an_unknown_name_is_answered_with_its_neighbours():
    with pytest.raises(ValueError, match="did you mean densenet_cifar"):
        recipes.find("densenet_cifer")


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_a_recipe_cites_its_source_in_one_line_and_gives_no_prose_to_the_run(name):
    recipe = recipes.find(name)
    assert 0 < len(recipe.source) <= 110 and "\n" not in recipe.source
    values = recipe.hyperparameters()
    assert json.loads(json.dumps(values)) == values
    assert not {"source", "departures"} & set(values)
    assert Recipe.from_hyperparameters(values) == replace(recipe, source="", departures=())


@pytest.mark.parametrize(
    "name",
    [n for n, r in recipes.RECIPES.items() if n.endswith("_cifar") and r.source.startswith("Transfer")],
)
def test_a_transfer_declares_itself_a_departure(name):
    assert "no CIFAR training" in recipes.find(name).departures[0]


def test_fields_that_came_later_are_silent_at_their_defaults():
    first = {
        *("epochs", "batch_size", "lr", "weight_decay", "momentum", "nesterov", "decay_exempt"),
        *("lr_milestones", "lr_factor", "initialisation", "normalisation", "augmentation", "padding"),
    }
    plain = Recipe("", epochs=1, batch_size=1, lr=0.1, weight_decay=0.0)
    assert set(plain.hyperparameters()) == first
    later = {field.name for field in fields(Recipe)} - first - {"source", "departures"}
    assert later and all(field.metadata for field in fields(Recipe) if field.name in later)
    smoothed = replace(plain, label_smoothing=0.1)
    assert smoothed.hyperparameters() == plain.hyperparameters() | {"label_smoothing": 0.1}


def test_lists_of_a_later_field_survive_json():
    own = (("*bias", 2.0), ("head.*", 0.1))
    recipe = Recipe("", epochs=1, batch_size=1, lr=0.1, weight_decay=0.0, lr_multipliers=own)
    values = json.loads(json.dumps(recipe.hyperparameters()))
    assert values["lr_multipliers"] == [["*bias", 2.0], ["head.*", 0.1]]
    assert Recipe.from_hyperparameters(values) == recipe
    plain = replace(recipe, lr_multipliers=())
    assert changed(plain, {"lr_multipliers": [["*bias", 2.0], ["head.*", 0.1]]}) == recipe


def test_a_schedule_has_a_factor_for_every_milestone_or_one_for_all():
    with pytest.raises(ValueError, match="lr_factors has 1 numbers for 2 milestones"):
        Recipe("", epochs=1, batch_size=1, lr=0.1, weight_decay=0.0, lr_factors=(0.1,))


@pytest.mark.parametrize("path", sorted(RECORDS.glob("*.jsonl")), ids=lambda path: path.stem)
def test_the_committed_records_keep_their_ids(path):
    for record in map(json.loads, path.read_text().splitlines()):
        config = record["config"]
        assert configuration.Configuration(**config).run_id == record["run_id"]
        wanted = configuration.resolve(
            record["arch"],
            record["knobs"],
            **{name: config[name] for name in ("dataset", "budget", "seed", "resolution", "precision")},
            recipe=record["recipe"],
            changes=changes_of(config["recipe"], record["recipe"]),
        )
        assert wanted.run_id == record["run_id"]


def test_a_knob_that_came_later_may_be_asked_for_at_its_default():
    trained = configuration.resolve("resnet", {"depth": 8}, dataset="cifar10", budget="smoke", seed=0)
    assert "depth_mult" not in trained.knobs
    configuration.check_same(trained, "it", {"knobs": {"depth_mult": 1.0}})
    with pytest.raises(ValueError, match="it was trained with depth_mult 1.*, not 2"):
        configuration.check_same(trained, "it", {"knobs": {"depth_mult": 2.0}})


def changes_of(values: dict, name: str) -> dict:
    """What a run changed of its recipe."""
    printed = recipes.find(name).hyperparameters()
    return {field: value for field, value in values.items() if value != printed.get(field)}


@pytest.mark.parametrize(
    ("name", "images", "iterations"),
    [
        ("resnet_cifar", CIFAR_IMAGES, 64_000),
        ("highway_cifar", CIFAR_IMAGES, 200_000),
        ("dsn_cifar", CIFAR_IMAGES, 200_000),
        ("resnet_imagenet", IMAGENET_IMAGES, 600_000),
        ("vgg_imagenet", IMAGENET_IMAGES, 370_000),
        ("googlenet_imagenet", IMAGENET_IMAGES, 10_000_000),
        ("bn_x30_imagenet", IMAGENET_IMAGES, 6_000_000),
        ("squeezenet_imagenet", IMAGENET_IMAGES, 170_000),
        ("shufflenet_v1_imagenet", IMAGENET_IMAGES, 300_000),
    ],
)
def test_epochs_are_the_printed_iterations(name, images, iterations):
    recipe = recipes.find(name)
    assert recipe.epochs * images / recipe.batch_size == pytest.approx(iterations, rel=0.005)


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("preact_resnet_released_cifar", {"epochs": 200, "batch_size": 64, "warmup": 0}),
        ("stochastic_depth_cifar", {"epochs": 500, "batch_size": 128, "initialisation": "he_fan_in"}),
        ("stochastic_depth_1202_cifar", {"epochs": 300, "batch_size": 128, "lr": 0.1}),
        ("stochastic_depth_imagenet", {"epochs": 120, "batch_size": 128, "lr": 0.1}),
        ("wide_resnet_imagenet", {"initialisation": "he_fan_out"}),
        ("resnext_imagenet", {"epochs": 100, "batch_size": 256, "lr": 0.1, "weight_decay": 1e-4}),
        ("senet_imagenet", {"epochs": 100, "batch_size": 1024, "lr": 0.6, "label_smoothing": 0}),
        ("senet_ablation_imagenet", {"epochs": 270, "lr": 0.1, "label_smoothing": 0.1}),
        ("senet_mobile_imagenet", {"epochs": 400, "batch_size": 256, "lr": 0.1}),
        ("senet_154_imagenet", {"batch_size": 2048, "lr": 1.0, "label_smoothing": 0.1}),
        (
            "shufflenet_v1_imagenet",  # ResNeXt's but for rate and decay
            {"lr": 0.5, "weight_decay": 4e-5, "nesterov": True, "decay_exempt": (), "label_smoothing": 0},
        ),
        (
            "shufflenet_v1_released_imagenet",
            {"nesterov": False, "decay_exempt": ("norm", "bias"), "label_smoothing": 0.1},
        ),
        ("mobilenet_v1_imagenet", {"gradient_clipping": 2.0, "weight_average": 0.9999, "label_smoothing": 0}),
        ("mobilenet_v2_imagenet", {"batch_size": 96, "lr": 0.045, "lr_factor": 0.98, "lr_factor_epochs": 1}),
        (
            "mobilenet_v3_imagenet",
            {"batch_size": 4096, "lr": 0.1, "weight_decay": 1e-5, "lr_factor_epochs": 3},
        ),
        (
            "efficientnet_imagenet",
            {"rmsprop_decay": 0.9, "momentum": 0.9, "bn_momentum": pytest.approx(0.01), "weight_decay": 1e-5}
            | {"lr": 0.256, "lr_factor": 0.97, "lr_factor_epochs": 2.4},
        ),
    ],
)
def test_the_numbers_are_the_papers(name, printed):
    recipe = recipes.find(name)
    assert {field: getattr(recipe, field) for field in printed} == printed


def test_shufflenet_v2_trains_exactly_as_v1():
    first, second = (recipes.find(f"shufflenet_{version}_imagenet") for version in ("v1", "v2"))
    assert first.hyperparameters() == second.hyperparameters()
