"""Every field of a recipe can be set by a flag, whose values and mistakes are read by the field's type."""

import shlex
from dataclasses import fields
from typing import Literal

import pytest

import architectures
import run
from lightning_modules import console, recipes
from lightning_modules.cli import SHORT, parse, recipe_flags
from lightning_modules.recipes import changes, kinds
from lightning_modules.recipes.recipe import Recipe

PAIRS = tuple[tuple[str, float], ...]


def run_id(*argv: str) -> str:
    return run.configure(parse(["--arch", "resnet", "--budget", "paper", *argv])).configuration.run_id


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_a_recipe_written_out_in_flags_is_the_same_recipe_and_names_the_same_run(name):
    recipe = recipes.find(name)
    changes.check(recipe)
    values = {field: getattr(recipe, field) for field in changes.KINDS}
    written = [f"--recipe.{field}={kinds.as_text(value)}" for field, value in values.items()]
    assert parse(written).changes == values
    if recipe.soft_weight == 0:  # else a teacher is needed
        asked = ["--recipe", name, "--dataset", "imagenet" if name.endswith("imagenet") else "cifar10"]
        assert run_id(*asked, *written) == run_id(*asked)


def test_every_field_has_a_flag_words_and_a_range_of_its_numbers():
    settable = [field for field in fields(Recipe) if field.name not in ("source", "departures")]
    assert [field.name for field in settable] == list(changes.KINDS)
    assert all(field.metadata["help"] for field in settable)
    for recipe in recipes.RECIPES.values():
        held = {name for name in changes.KINDS if list(changes.numbers(getattr(recipe, name)))}
        assert held <= set(changes.RANGES) <= set(changes.KINDS)
    assert set(SHORT) <= set(changes.KINDS)


@pytest.mark.parametrize("name", SHORT)
def test_a_short_flag_means_the_same(name):
    value = kinds.as_text(getattr(recipes.find("mobilenet_v1_imagenet"), name))
    long, *short = recipe_flags(name)
    assert short
    for flag in (*short, long.replace("_", "-")):
        assert parse([flag, value]).changes == parse([long, value]).changes


def test_the_field_and_the_option_of_the_same_name_are_two():
    options = parse(["--recipe.epochs", "200", "--epochs", "3", "--recipe.test_size=288"])
    assert (options.epochs, options.test_size, options.changes) == (
        3,
        None,
        {"epochs": 200, "test_size": 288},
    )


@pytest.mark.parametrize("name", architectures.catalogue())
def test_no_knob_has_a_flag_of_the_recipe(name):
    assert parse(["--arch", name, "--momentum", "0.5"]).changes == {"momentum": 0.5}


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (float, "5e-4", 5e-4),
        (float, "-0", 0.0),
        (int, "7", 7),
        (bool, "True", True),
        (float | None, "none", None),
        (float | None, "0.5", 0.5),
        (Literal["none", "pca"], "none", "none"),
        (tuple[float, ...], "0.5, 0.75", (0.5, 0.75)),
        (tuple[str, ...], "none", ()),
        (tuple[str, ...], "", ()),
        (tuple[int, int], "256,512", (256, 512)),
        (PAIRS, "conv3=0.1,conv4=0.5", (("conv3", 0.1), ("conv4", 0.5))),
        (PAIRS, "none", ()),
    ],
)
def test_values_are_read_by_their_kind(kind, text, value):
    assert kinds.parse(kind, text) == value and type(kinds.parse(kind, text)) is type(value)
    assert kinds.parse(kind, kinds.as_text(value)) == kinds.converted(kind, value) == value


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        (float, "half", "is a number in single precision, not 'half'"),
        (float, "1e400", "is a number in single precision, not '1e400'"),
        (float, "nan", "is a number in single precision"),
        (int, "1.5", "is a whole number"),
        (bool, "1", "is true or false"),
        (float | None, "no", "is a number in single precision or none"),
        (Literal["a", "b"], "c", "is one of a, b, not 'c'"),
        (tuple[float, ...], "0.5,", "is a list, each a number in single precision"),
        (tuple[str, ...], "a,,b", "is a list, each a word"),
        (tuple[int, int], "256", "is a whole number and a whole number"),
        (PAIRS, "conv3", "is a list, each a word and a number in single precision"),
        (PAIRS, "conv3=0.1=2", "is a list"),
    ],
)
def test_other_values_are_refused_in_words(kind, text, words):
    with pytest.raises(ValueError) as error:
        kinds.parse(kind, text)
    assert words in str(error.value)


@pytest.mark.parametrize("value", [10**400, float("inf"), float("nan"), True, "0.1", None])
def test_a_number_of_a_study_is_finite(value):
    with pytest.raises(ValueError, match="the recipe's lr is a number in single precision"):
        changes.changed(recipes.find("resnet_cifar"), {"lr": value})


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"momentum": 1}, "the recipe's momentum must be 0 or more and below 1, not 1.0"),
        ({"momentum": -0.1}, "momentum must be 0 or more"),
        ({"weight_decay": -1e-4}, "weight_decay must be 0 or more, not -0.0001"),
        ({"lr": 0}, "lr must be above 0, not 0.0"),
        ({"lr_milestones": [0.5, 1.5]}, "lr_milestones must be from 0 to 1, not 1.5"),
        ({"label_smoothing": 1}, "label_smoothing must be 0 or more and below 1"),
        ({"batch_size": 0}, "batch_size must be 1 or more, not 0"),
        ({"decay_exempt": ["norms"]}, "decay_exempt is a list, each one of norm, bias, depthwise"),
        ({"train_sizes": [300, 256]}, "train_sizes are the lowest and the highest"),
        ({"momentum": 0, "nesterov": True}, "nesterov needs a momentum above 0"),
    ],
)
def test_what_cannot_be_trained_with_is_refused(change, complaint):
    with pytest.raises(ValueError) as error:
        changes.changed(recipes.find("resnet_cifar"), change)
    assert complaint in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ("--recipe.momentun 1", "a recipe has no 'momentun'; did you mean --recipe.momentum"),
        ("--recipe.xyzzy=1", "a recipe has no 'xyzzy'; there are "),
        ("--recipe.source me", "a recipe has no 'source'"),
        (
            "--wieght-decay 1",
            "unknown argument --wieght-decay; did you mean --weight-decay or --weights-key?",
        ),
        ("--nesterov true", "did you mean --recipe.nesterov?"),
        ("--lr-milestones 0.5", "did you mean --recipe.lr_milestones?"),
        ("--recipe.weight-decay much", "--recipe.weight_decay is a number in single precision, not 'much'"),
        ("--lr 1e400", "--lr is a number in single precision, not '1e400'"),
        ("--optimizer adam", "--optimizer is one of sgd, rmsprop, not 'adam'"),
        ("--momentum 1.5", "the recipe's momentum must be 0 or more and below 1, not 1.5"),
        ("--momentum", "expected one argument"),
        (
            "--study densenet_bc_compression --variant bc --recipe.padding zeros --lr 1 --recipe resnet_cifar",
            "a study fixes its runs; leave out --arch, --recipe, --recipe.padding, --lr",
        ),
    ],
)
def test_a_faulty_flag_is_answered_in_one_line(argv, said, capsys):
    assert run.main(["--arch", "resnet", *argv.split()]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and error.count(" or --") <= 2


def test_a_recipe_and_a_field_of_it_go_together():
    wanted = run.configure(
        parse(shlex.split("--arch resnet --budget paper --recipe densenet_cifar --recipe.momentum 0.8"))
    ).configuration
    assert (wanted.recipe_name, wanted.recipe["momentum"]) == ("densenet_cifar", 0.8)
    own = recipes.find("densenet_cifar")
    followed = Recipe.from_hyperparameters(wanted.recipe)
    assert changes.differences(own, followed) == {"momentum": (0.9, 0.8)}


def test_the_full_command_keeps_the_changes():
    asked = (
        "--arch resnet --recipe.unit_biases '' --recipe.lr-milestones=0.3,0.6 --epochs 2 --recipe.epochs 9"
    )
    full = console.full_command(shlex.split(asked))
    again = parse(shlex.split(full.removeprefix("uv run run.py ")))
    assert again.changes == {"unit_biases": (), "lr_milestones": (0.3, 0.6), "epochs": 9}
    assert again.epochs is None and again.budget == "paper"
