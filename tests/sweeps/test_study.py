"""Declarations of studies: the committed ones are sound, and faulty ones are refused in one line."""

import dataclasses

import pytest

from reports.printed import variants
from reports.verdicts import ledger
from reports.verdicts.counts import VariantCounts
from sweeps import study as studies
from sweeps.claim import Comparison

GOOD = """
title = "T"
paper = "P"
source = "S"
question = "Q"
statistic = "single run"
datasets = ["cifar10"]
seeds = [0, 1]
tables = [{ title = "T", variants = ["a"] }]
[[variants]]
name = "a"
arch = "densenet_bc"
knobs = { depth = 40 }
"""


@pytest.fixture
def declare(tmp_path, monkeypatch):
    monkeypatch.setattr(studies, "FOLDER", tmp_path)

    def write(text: str) -> studies.Study:
        (tmp_path / "made.toml").write_text(text)
        return studies.read("made")

    return write


@pytest.mark.parametrize("name", studies.names())
def test_every_committed_study_is_sound(name):
    study = studies.read(name)
    in_tables = {row for table in study.tables for row in table.variants}
    assert in_tables == {variant.name for variant in study.variants}, "a variant stands in no table"
    for budget in studies.BUDGETS:
        ids = [cell.run_id for cell in studies.cells(study, budget)]
        assert len(set(ids)) == len(ids), "two cells of one study are one training"
    for claim in study.claims:
        assert not claim.tests or "trained" in ledger.find(claim.id).kinds
    for variant in study.variants:
        if variant.printed:  # raises, naming the near misses, where the paper's table has no such row
            assert any(variants.printed_errors(variant, dataset) for dataset in study.datasets)
        for dataset in study.datasets:  # raises where a row has several figures that are unlike
            variants.printed_error(variant, variants.paper_dataset(study, dataset))


def test_the_seed_varies_slowest(declare):
    study = declare(GOOD + '[[variants]]\nname = "b"\narch = "densenet"\nknobs = {}\n')
    assert [(c.seed, c.variant) for c in studies.cells(study, "short")] == [
        (0, "a"),
        (0, "b"),
        (1, "a"),
        (1, "b"),
    ]


def test_run_ids_do_not_depend_on_names_but_on_every_decisive_value(declare):
    study = declare(GOOD)

    def run_id(text: str = GOOD, budget: str = "paper", seed: int = 0) -> str:
        return studies.configure(
            declare(text), declare(text).variants[0].name, "cifar10", budget, seed
        ).run_id

    first = studies.cells(study, "paper")[0].run_id
    assert run_id(GOOD.replace('"a"', '"z"')) == first
    assert (
        run_id(GOOD.replace("depth = 40", "depth = 40, growth_rate = 12")) == first
    )  # a default written out
    changed = {
        run_id(GOOD.replace("depth = 40", "depth = 46")),
        run_id(budget="short"),
        run_id(seed=1),
        run_id('recipe = "resnext_cifar"\n' + GOOD),
    }
    assert len(changed | {first}) == 5


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("title =", "titel ="), "unknown key 'titel' in study 'made'; did you mean title?"),
        (('"densenet_bc"', '"densnet_bc"'), "unknown architecture 'densnet_bc'; did you mean densenet_bc"),
        (("depth = 40", "dept = 40"), "no knob 'dept'; did you mean depth?"),
        (("depth = 40", 'depth = "x"'), "depth: 'x' is not a whole number"),
        (("cifar10", "cifar-10"), "unknown data set 'cifar-10'"),
        (('variants = ["a"]', 'variants = ["b"]'), "no variant 'b'"),
        (("seeds = [0, 1]", "seeds = [0, 1"), "made.toml"),
        (('question = "Q"\n', ""), "study 'made' lacks question"),
        (("seeds = [0, 1]", "seeds = [0, 0]"), "seeds has 0 twice"),
        (
            ("seeds = [0, 1]", "seeds = [0.5]"),
            "seeds of study 'made' is a list, each a whole number, not [0.5]",
        ),
        (("seeds = [0, 1]", "seeds = [true]"), "each a whole number, not [True]"),
        (("seeds = [0, 1]", 'seeds = "a"'), "each a whole number, not 'a'"),
        (("seeds = [0, 1]", "seeds = [-1]"), "seeds are 0 or more, not -1"),
        (("seeds = [0, 1]", "seeds = []"), "seeds is empty; name at least one"),
        (('["cifar10"]', "[]"), "datasets is empty"),
        (('["cifar10"]', '["cifar10", "cifar10"]'), "datasets has 'cifar10' twice"),
        (('variants = ["a"]', 'variants = ["a", "a"]'), "variants of table 'T' has 'a' twice"),
        (('name = "a"', 'name = ""'), "a variant has an empty name"),
        (
            ('name = "a"', 'name = "a"\nprinted = { row = "r", tabel = "t" }'),
            "unknown key 'tabel' in printed",
        ),
        (('name = "a"', 'name = "a"\nprinted = { row = "r" }'), "printed lacks table"),
        (('name = "a"', 'name = "a"\nprinted = [3]'), "printed is a table, not 3"),
        (
            ("[[variants]]", '[[claims]]\nid = "nin.gap"\n[[variants]]'),
            "makes the claim 'nin.gap'; did you mean",
        ),
        (("knobs = { depth = 40 }", "knobs = 40"), "knobs of variant 'a' is a table, not 40"),
    ],
)
def test_a_faulty_declaration_is_refused_in_one_line(declare, change, complaint):
    with pytest.raises(ValueError) as error:
        declare(GOOD.replace(*change))
    assert complaint in str(error.value) and "\n" not in str(error.value)


def test_a_variant_declared_twice_and_an_unknown_study_are_refused(declare):
    with pytest.raises(ValueError, match="variants has 'a' twice"):
        declare(GOOD + '[[variants]]\nname = "a"\narch = "densenet"\nknobs = {}\n')
    with pytest.raises(ValueError, match="unknown study 'mad'; did you mean made?"):
        studies.read("mad")


def test_knobs_of_one_stem_and_changes_of_the_recipe(declare):
    study = declare(
        GOOD + "cifar = { growth_rate = 24 }\nrecipe_changes = { lr = 1, augmentation = 'none' }\n"
    )
    wanted = studies.configure(study, "a", "cifar10", "paper", 0)
    assert (wanted.knobs["depth"], wanted.knobs["growth_rate"]) == (40, 24)
    assert (wanted.recipe["lr"], wanted.recipe["augmentation"]) == (1.0, "none")
    assert study.variants[0].knobs_for("imagenet") == {"depth": 40}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ("{ weigth_decay = 1.0 }", "a recipe has no 'weigth_decay'; did you mean weight_decay?"),
        ("{ lr = 'high' }", "the recipe's lr is a number in single precision, not 'high'"),
        ("{ nesterov = 1 }", "the recipe's nesterov is true or false, not 1"),
        ("{ augmentation = 'some' }", "the recipe's augmentation is one of standard, none, not 'some'"),
    ],
)
def test_a_faulty_change_of_the_recipe_is_refused(declare, changes, complaint):
    with pytest.raises(ValueError) as error:
        declare(GOOD + f"recipe_changes = {changes}\n")
    assert complaint in str(error.value)


def test_printed_columns_may_stand_once_for_the_study(declare):
    shared = 'printed = { table = "densenet_t2", augmentation = "+" }\n'
    (variant,) = declare(shared + GOOD + 'printed = { row = "d40-12" }\n').variants
    assert variant.printed == (studies.Printed("d40-12", "densenet_t2", "+", "err"),)
    (variant,) = declare(
        shared + GOOD + 'printed = [{ row = "d40-12" }, { row = "x", table = "y" }]\n'
    ).variants
    assert [place.table for place in variant.printed] == ["densenet_t2", "y"]


@pytest.mark.parametrize(
    ("claim", "complaint"),
    [
        ('trends = [{ falling = ["a", "b"] }]', "no variant 'b'"),
        (
            'equivalences = [{ one = "a", other = "a", margin = 1, measure = "x" }]',
            "measure of equivalence is one of test_error, top5_error, train_error",
        ),
        ('comparisons = [{ lower = "a" }]', "higher"),
        ('comparisons = [{ lower = "a", higher = "a", only_on = "svhn" }]', "only_on is 'svhn'"),
        ('rises = [{ less = ["a", "b", "c"], more = ["d", "e"] }]', "less of rise is a word and a word, not"),
        ('rises = [{ less = ["a", "b"], more = ["a", "c"] }]', "none of the four twice"),
        ('as_printed = [{ variant = "b", margin = 0.3 }]', "no variant 'b'"),
    ],
)
def test_a_faulty_claim_is_refused(declare, claim, complaint):
    with pytest.raises(ValueError) as error:
        declare(GOOD + f'[[claims]]\nid = "nin.gap_no_params"\n{claim}\n')
    assert complaint in str(error.value)


def test_a_transfer_must_be_one_of_the_data_sets(declare):
    assert declare('transfers = ["cifar10"]\n' + GOOD).transfers == ("cifar10",)
    with pytest.raises(ValueError, match="transfers names 'cifar100', which is none of the datasets"):
        declare('transfers = ["cifar100"]\n' + GOOD)


def test_imagenette_may_be_named_wherever_imagenet_is():
    study = studies.read("inception_residual")
    assert "imagenette" in study.stand_ins and "imagenette" not in study.datasets
    (one,) = studies.cells(study, "paper", datasets=["imagenette"], variants=["resnet-v1"], seeds=[0])
    on_imagenette = studies.configure(study, one.variant, one.dataset, "paper", 0)
    on_imagenet = studies.configure(study, one.variant, "imagenet", "paper", 0)
    assert one.run_id == on_imagenette.run_id != on_imagenet.run_id
    assert on_imagenette.recipe_name == "inception_resnet_v1_imagenette"
    assert on_imagenette.resolution == on_imagenet.resolution
    extended = study.also_on(["imagenette", "svhn"])
    assert extended.datasets == (*study.datasets, "imagenette")
    assert extended.transfers == (*study.transfers, "imagenette")
    assert studies.read("highway_depth").stand_ins == ()
    with pytest.raises(ValueError, match="highway_depth runs on cifar10, cifar100, not on imagenette"):
        studies.cells(studies.read("highway_depth"), "paper", datasets=["imagenette"])


def test_a_test_on_imagenet_alone_is_made_on_what_stands_in_for_it():
    test = Comparison(lower="a", higher="b", only_on="imagenet")
    assert [test.is_on(name) for name in ("imagenet", "imagenette_160", "cifar10")] == [True, True, False]


def test_a_row_may_stand_on_one_stem_only(declare):
    text = GOOD.replace('variants = ["a"]', 'variants = ["a", "b"]')
    study = declare(text + '[[variants]]\nname = "b"\narch = "densenet_bc"\nonly_on = "imagenet"\n')
    assert [cell.variant for cell in studies.cells(study, "paper")] == ["a", "a"]
    assert study.tables_on("cifar10") == (studies.Table("T", ("a",)),)
    with pytest.raises(ValueError, match="variant 'b' of made stands on imagenet only, not on cifar10"):
        studies.configure(study, "b", "cifar10", "paper", 0)
    with pytest.raises(ValueError, match="only_on is 'image', not one of cifar, imagenet"):
        declare(GOOD + 'only_on = "image"\n')


def test_recipes_of_rows_and_stems(declare):
    text = GOOD + '[[variants]]\nname = "b"\narch = "densenet_bc"\nrecipe = "resnet_cifar"\n'
    study = declare('recipe = { cifar = "resnext_cifar" }\n' + text.replace('["a"]', '["a", "b"]'))
    names = {name: studies.configure(study, name, "cifar10", "paper", 0).recipe_name for name in "ab"}
    assert names == {"a": "resnext_cifar", "b": "resnet_cifar"}
    assert study.recipe_of(study.variant("a"), "imagenet") is None
    with pytest.raises(ValueError, match="recipe of 'made': 'cifar10' is not one of cifar, imagenet"):
        declare('recipe = { cifar10 = "resnext_cifar" }\n' + GOOD)
    with pytest.raises(ValueError, match="unknown recipe 'resnxt_cifar'"):
        declare('recipe = "resnxt_cifar"\n' + GOOD)


def test_resolutions_of_rows_and_stems(declare):
    text = GOOD + '[[variants]]\nname = "b"\narch = "densenet_bc"\nknobs = { depth = 40 }\nresolution = 24\n'
    study = declare("resolution = { cifar = 28 }\n" + text.replace('["a"]', '["a", "b"]'))
    shown = {name: studies.configure(study, name, "cifar10", "paper", 0).resolution for name in "ab"}
    assert shown == {"a": 28, "b": 24}
    assert study.resolution_of(study.variant("a"), "imagenet") is None
    assert VariantCounts(study)["b", "cifar10"].mult_adds < VariantCounts(study)["a", "cifar10"].mult_adds
    with pytest.raises(ValueError, match="resolution of 'a': 'cifar10' is not one of cifar, imagenet"):
        declare(GOOD + "resolution = { cifar10 = 28 }\n")
    with pytest.raises(ValueError, match="resolution on cifar10 must be from 16 to 32, not 64"):
        declare("resolution = 64\n" + GOOD)


def test_a_cell_is_named_as_it_is_configured_at_every_seed():
    """Its teacher's seed is its own."""
    for name in ("densenet_bc_compression", *(n for n in studies.names() if _teaches(n))):
        study = studies.read(name)
        cells = studies.cells(study, "smoke")
        assert len(cells) == studies.size(study)
        for cell in cells:
            whole = studies.configure(study, cell.variant, cell.dataset, "smoke", cell.seed)
            assert cell.run_id == whole.run_id


def _teaches(name: str) -> bool:
    return any(variant.teacher for variant in studies.read(name).variants)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('evaluation = ["two_crops"]', "evaluation is one of ten_crop, dense"),
        ('evaluation = ["one_crop"]', "not 'one_crop'"),
        ('evaluation = ["dense", "dense"]', "evaluation names 'dense' twice"),
        ('evaluation = "dense"', "evaluation of study 'made'"),
    ],
)
def test_a_faulty_evaluation_is_refused(declare, line, complaint):
    with pytest.raises(ValueError) as error:
        declare(f"{line}\n{GOOD}")
    assert complaint in str(error.value)


def test_studies_that_share_a_run_evaluate_it_alike():
    """Whichever launches it first decides, so the others would miss theirs."""
    evaluations: dict[str, dict] = {}
    for study in map(studies.read, studies.names()):
        for dataset in set(study.datasets) & {"imagenet", "imagenette"}:
            for cell in studies.cells(study, "paper", datasets=[dataset], seeds=[0]):
                asked = set(study.evaluations_of(study.variant(cell.variant), dataset))
                evaluations.setdefault(cell.run_id, {})[f"{study.name}/{cell.variant}"] = asked
    shared = [of_run for of_run in evaluations.values() if len(of_run) > 1 and any(of_run.values())]
    assert len(shared) > 5
    assert not [of_run for of_run in shared if len(set(map(frozenset, of_run.values()))) > 1]


def test_evaluations_are_no_part_of_a_run_and_none_on_images_of_one_size():
    study = studies.read("resnet_depth")
    bare = dataclasses.replace(study, evaluation=())
    assert study.evaluation and studies.cells(study, "paper") == studies.cells(bare, "paper")
    assert study.evaluations_of(study.variant("resnet-56"), "cifar10") == ()
    assert study.evaluations_of(study.variant("resnet-50"), "imagenet") == ("ten_crop", "dense_five_sizes")
