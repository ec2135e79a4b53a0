"""Like with like: how every printed figure was taken, and what of our runs stands beside it."""

import dataclasses

import pytest

from lightning_modules.protocols import PROTOCOLS
from reports.pages import paper_cells, tables
from reports.printed import figures, protocols, variants
from reports.printed import tables as paper_tables
from reports.verdicts import results, trained
from reports.verdicts.counts import Count
from sweeps import study as studies
from sweeps.claim import AsPrinted
from sweeps.study import Table
from tests.reports.conftest import facts_of, parsed

IMAGES = 50_000


def figure(table: str, row: str, metric: str = "top1_err", part: str = "") -> figures.Figure:
    (found,) = (
        f for f in figures.read(table) if (f.row_id, f.metric) == (row, metric) and part in ("", f.table)
    )
    return found


def counted(error: float, top5_error: float) -> dict:
    errors = {"errors": round(error * IMAGES / 100), "top5_errors": round(top5_error * IMAGES / 100)}
    shares = {"error": error, "top5_error": top5_error}
    return {"images": IMAGES, "loss": 1.0} | errors | shares


def run(study: str, variant: str, seed: int, error: float, top5_error: float = 7.0, **evaluations: float):
    """A run at the budget `paper` on ImageNet with these errors, each evaluation's with 2 points less of five guesses."""
    configuration = studies.configure(studies.read(study), variant, "imagenet", "paper", seed)
    facts = facts_of(
        configuration,
        round(error * IMAGES / 100),
        study,
        variant,
        test=counted(error, top5_error),
        **(
            {"evaluations": {name: counted(of, top5_error - 2) for name, of in evaluations.items()}}
            if evaluations
            else {}
        ),
    )
    return parsed(facts)


def of_seeds(study: str, variant: str, *errors: float, **evaluations: float) -> results.Group:
    runs = (
        run(study, variant, seed, error, **{name: of + error - errors[0] for name, of in evaluations.items()})
        for seed, error in enumerate(errors)
    )
    return results.Group(tuple(runs), 3)


# The facts


def test_every_printed_error_says_how_it_was_taken():
    tested_on = paper_tables.tested_on()
    errors = [
        f
        for f in figures.frame().figure
        if ("err" in f.metric or "acc" in f.metric) and f.dataset in tested_on
    ]
    assert len(errors) > 800
    silent = {(f.paper, f.table) for f in errors} - protocols._by_table().keys()
    assert not silent


def test_every_line_of_the_file_is_of_some_figure():
    used = {id(protocols.of(f)) for f in figures.frame().figure}
    lines = [line for of_table in protocols._by_table().values() for line in of_table]
    unused = [line for line in lines if id(line[2]) not in used]
    # a table's first line is for the rows that no later one names
    assert not [line for line in unused if line[0] or line[1]]
    assert len(lines) > 130 and len(unused) < 5


@pytest.mark.parametrize(
    ("place", "protocol"),
    [
        (("resnet_t2", "plain18"), "ten_crop"),
        (("resnet_t3", "res50", "top5_err"), "ten_crop"),
        (("resnet_t4", "res50"), "dense_five_sizes"),
        (("resnet_t4", "prelu"), "quoted"),
        (("resnet_t6", "hw19", "err"), "quoted"),
        (("nin", "maxout", "err", "Table 1"), "quoted"),
        (("nin", "nin", "err", "Table 1"), "whole_image"),
        (("shufflenet_v1_t4_t6", "sq", "top1_err", "Table 6"), "quoted"),
        (("mobilenet_v2", "v2", "top1_acc", "Table 4"), "not_printed"),
        (("resnet_repo", "ResNet-50-1-crop"), "one_crop"),
        (("resnet_repo", "ResNet-152-10-crop"), "ten_crop"),
        (("alexnet_t2", "1cnn", "top1_err_val"), "ten_crop"),
        (("alexnet_t2", "5cnn", "top1_err_val"), "several_networks"),
        (("zfnet_t3", "z0"), "not_printed"),
        (("vgg_t3", "D/256/256"), "dense"),
        (("vgg_t4", "D/256"), "dense_three_sizes"),
        (("vgg_t5", "D-multi-crop & dense"), "crops_150_and_dense"),
        (("googlenet_t2_t3", "1x144", "top5_err"), "crops_144"),
        (("googlenet_t2_t3", "7x144", "top5_err", "Table 3"), "several_networks"),
        (("densenet_t3", "D121", "top1_err_10crop"), "ten_crop"),
        (("preact_t5", "200p-320"), "crop_320"),
        (("inception_v4", "irv2", "top1_err", "Table 3"), "crops_12"),
        (("resnet_t6", "r110", "err"), "whole_image"),
    ],
)
def test_how_a_figure_was_taken(place, protocol):
    facts = protocols.of(figure(*place))
    assert facts.protocol == protocol and facts.title
    if protocol not in {*protocols.ELSEWHERE, *PROTOCOLS}:
        assert protocol == protocols.WHOLE_IMAGE


def test_only_one_crop_whole_images_and_what_is_not_printed_go_with_the_test():
    goes = {row: protocols.goes_with_test(figure(*row)) for row in (
        ("resnet_repo", "ResNet-50-1-crop"), ("resnet_t6", "r110", "err"), ("zfnet_t3", "z0"), ("resnet_t3", "res50"),
        ("preact_t5", "200p-320"),
    )}  # fmt: skip
    assert list(goes.values()) == [True, True, True, False, False]


# A run at the authors' own one-crop error


@pytest.fixture(scope="module")
def one_crop():
    return of_seeds("resnet_depth", "resnet-50", 24.7, 24.6, 24.8)


@pytest.fixture(scope="module")
def ten_crop():
    return of_seeds("resnet_depth", "resnet-50", 24.7, 24.6, 24.8, ten_crop=22.85, dense_five_sizes=21.0)


def test_one_crop_agrees_with_the_repositorys_and_says_nothing_of_other_protocols(one_crop):
    said = {
        place: paper_cells.compared(figure(*place), one_crop)
        for place in (("resnet_repo", "ResNet-50-1-crop"), ("resnet_t3", "res50"), ("resnet_t4", "res50"))
    }
    assert list(said.values()) == [
        "+0.00: **agrees**",
        "one crop: other protocol",
        "one crop: other protocol",
    ]


def test_each_figure_is_held_against_the_evaluation_like_it(ten_crop):
    assert paper_cells.compared(figure("resnet_t3", "res50"), ten_crop) == "+0.00: **agrees**"
    assert paper_cells.compared(figure("resnet_t4", "res50"), ten_crop) == "+0.26: **differs**"
    assert paper_cells.compared(figure("resnet_repo", "ResNet-50-1-crop"), ten_crop) == "+0.00: **agrees**"


def test_errors_of_five_guesses_stand_beside_their_like(ten_crop):
    assert (
        paper_cells.compared(figure("resnet_repo", "ResNet-50-1-crop", "top5_err"), ten_crop)
        == "−0.80: **differs**"
    )
    assert paper_cells.compared(figure("resnet_t3", "res50", "top5_err"), ten_crop) == "−1.71: **differs**"


def test_where_no_protocol_is_printed_nothing_agrees_or_differs():
    group = of_seeds("zfnet_parts", "zfnet", 38.4, 38.3, 38.5)
    assert paper_cells.compared(figure("zfnet_t3", "z0"), group) == "+0.00: protocol not printed"


def test_a_cell_shows_the_error_by_the_figures_protocol_and_both_stand_on_the_studys_page(ten_crop, one_crop):
    study = studies.read("resnet_depth")
    for group, shown, difference in (
        (ten_crop, "22.85 ± 0.25 (3)", "+0.26"),
        (one_crop, "24.70", "other protocol"),
    ):
        groups = {("resnet-50", "imagenet"): group}
        of = results.Results(study, "paper", groups)
        by = paper_cells.Cited(study, (of,), "resnet-50", "imagenet", is_first=True)
        assert f"[{shown}" in paper_cells.trained(figure("resnet_t3", "res50"), [by])
        counts = {("resnet-50", "imagenet"): Count(25_557_032, 4_100_000_000)}
        page = tables.table(of, "imagenet", Table("T", ("resnet-50",)), counts)
        assert "20.74, dense, five sizes" in page and difference in page
        assert ("ours, ten crops" in page) is (group is ten_crop)


# Tests


def judged(study: str, claim: str, groups: dict[str, results.Group]) -> trained.Verdict:
    declared = studies.read(study)
    empty = {variant.name: results.Group((), 3) for variant in declared.variants}
    of = {(name, "imagenet"): group for name, group in (empty | groups).items()}
    verdicts = trained.judge_trained(
        results.Results(declared, "paper", of), "imagenet", dict.fromkeys(of, Count(1, 2))
    )
    (found,) = (verdict for verdict in verdicts if verdict.claim.id == claim)
    return found


DENSENETS = ("densenet-121", "densenet-169", "densenet-201", "densenet-264")


@pytest.mark.parametrize(("gain", "word"), [(1.4, "reproduced"), (-1.4, "contradicted")])
def test_ten_crops_are_held_against_one_of_the_same_runs(gain, word):
    groups = {
        name: results.Group(
            tuple(
                run("densenet_imagenet", name, seed, 25.0, ten_crop=25.0 - gain + noise)
                for seed, noise in enumerate((0.0, 0.02, -0.02))
            ),
            3,
        )
        for name in DENSENETS
    }
    verdict = judged("densenet_imagenet", "densenet.10crop", groups)
    assert verdict.word == word
    difference = f"difference {'−' if gain > 0 else '+'}1.40"
    assert "`densenet-121, ten crops` 2" in verdict.evidence[0] and difference in verdict.evidence[0]


def test_runs_without_the_evaluation_are_as_good_as_none():
    groups = {name: of_seeds("densenet_imagenet", name, 25.0, 25.1, 25.2) for name in DENSENETS}
    verdict = judged("densenet_imagenet", "densenet.10crop", groups)
    assert verdict.word == "not run" and "`densenet-121, ten crops` — (0/3)" in verdict.evidence[0]


def test_errors_of_five_guesses_are_tested():
    googlenet = of_seeds("googlenet_parts", "googlenet", 30.0, 30.1, 30.2, ten_crop=29.0, crops_144=28.0)
    verdict = judged("googlenet_parts", "googlenet.crops_and_models", {"googlenet": googlenet})
    assert any("top-5 error: `googlenet, ten crops` 5.00" in line for line in verdict.evidence)


def test_an_error_as_printed_goes_by_the_printed_protocol_or_is_not_made():
    study = studies.read("resnet_shortcuts")
    groups = {("A", "imagenet"): of_seeds("resnet_shortcuts", "A", 27.0, 27.1, 26.9, ten_crop=25.03)}
    test = AsPrinted("A", margin=0.5)
    (group,) = results.Results(study, "paper", groups).samples(test, "imagenet").values()
    assert group.evaluation == "ten_crop" and group.errors[0] == pytest.approx(25.03)
    assert trained._is_made(test, study, "imagenet")
    zfnet = studies.read("zfnet_parts")
    assert not trained._is_made(AsPrinted("zfnet", margin=0.5), zfnet, "imagenet")


# Declarations


def test_a_variant_may_name_figures_of_several_protocols_but_one_of_each():
    study = studies.read("resnet_depth")
    assert variants.printed_error(study.variant("resnet-50"), "imagenet").value == "20.74"
    assert variants.printed_error(study.variant("resnet-50"), "imagenet", "top5_error").value == "5.25"
    row = study.variant("resnet-50")
    doubled = dataclasses.replace(row, printed=row.printed[1:] + row.printed[1:2])
    assert (
        variants.printed_error(dataclasses.replace(doubled, printed=doubled.printed[:1]), "imagenet").value
        == "22.85"
    )
    with pytest.raises(ValueError, match="several figures on ImageNet"):
        variants.printed_error(doubled, "imagenet")  # 22.85, and the repository's 22.9


def test_an_accuracy_and_the_error_that_it_leaves_are_one_figure():
    row = studies.read("bn_rates").variant("bn-x30")
    assert [printed.part for printed in row.printed[:2]] == ["Figure 3", "Figure 4"]
    assert [f.value for f in variants.printed_errors(row, "imagenet")][:2] == ["74.8", "25.2"]
    assert variants.printed_error(row, "imagenet").value == "74.8"
