"""Every picture shows the points that lie beside it, the same bytes for the same points, and needs no colour."""

import csv
import io
import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from reports import plots
from reports.plots import families, heat_map, lines, papers, style
from reports.verdicts import results
from reports.verdicts.counts import Count
from sweeps import study as studies
from sweeps.study import PaperPicture, Table
from tests.reports.conftest import COUNTS, STUDY, parsed, run_id


@pytest.fixture
def collate(study, facts):
    """`collate((variant, seed, errors), …, budget="mini")`: the results of these runs of the made-up study."""

    def collate(*runs, budget="mini"):
        found = [parsed(facts(*run, budget)) for run in runs]
        return next(r for r in results.collate(STUDY, found) if r.budget == budget)

    return collate


def by_kind(pictures):
    return {picture.name.rsplit("_", 1)[1]: picture for picture in pictures}


WIDE = [("wide", 0, 5000), ("wide", 1, 5100), ("wide", 2, 5300)]


def test_there_is_no_picture_without_runs_nor_of_one_variant(collate):
    assert plots.of_study(collate(budget="paper"), "cifar10", COUNTS) == []
    assert plots.of_study(collate(*WIDE), "cifar10", COUNTS) == []


def test_before_any_run_the_papers_picture_shows_the_printed_errors():
    study = studies.read("densenet_imagenet")
    groups = {(variant.name, "imagenet"): results.Group((), 3) for variant in study.variants}
    counts = {names: Count(1_000_000 * n, 100_000_000 * n) for n, names in enumerate(groups, 1)}
    (picture,) = plots.of_study(results.Results(study, "paper", groups), "imagenet", counts)
    assert picture.name == "densenet_imagenet_paper_imagenet_parameters_mult_adds"
    assert {point["source"] for point in picture.points} == {"printed"}
    by_name = {point["variant"]: (point["parameters"], point["error"]) for point in picture.points}
    assert by_name["densenet-169"] == (2_000_000, 23.8) and "resnet-101" in by_name
    assert "none has been run" in picture.caption and "our counts" in picture.caption
    assert picture.draw(picture.points, **picture.settings).startswith(b"\x89PNG")
    assert plots.of_study(results.Results(study, "mini", groups), "imagenet", counts) == []


def test_every_picture_is_drawn_from_its_points_alone(collate):
    pictures = plots.of_study(collate(*WIDE, ("thin", 0, 6000)), "cifar10", COUNTS)
    assert list(by_kind(pictures)) == ["curves", "seeds", "parameters"]  # one common seed has no interval
    for picture in pictures:
        first = picture.draw(picture.points, **picture.settings)
        assert first.startswith(b"\x89PNG") and first == picture.draw(picture.points, **picture.settings)
        again = json.loads(json.dumps([picture.points, picture.settings]))
        assert picture.draw(again[0], **again[1]) == first == picture.png()
        rows = list(csv.DictReader(io.StringIO(picture.csv().decode())))
        assert rows == [{name: str(value) for name, value in point.items()} for point in picture.points]
        moved = [dict(point) for point in picture.points]
        moved[0][next(name for name in ("mean", "error") if name in moved[0])] += 1.0
        assert picture.draw(moved, **picture.settings) != first


def test_curves_show_the_mean_and_the_extremes_of_the_runs_that_have_a_figure(collate):
    both = collate(*WIDE, ("thin", 0, 6000))
    points = by_kind(plots.of_study(both, "cifar10", COUNTS))["curves"].points
    assert len(points) == 2 * 2 * 8
    last = {point["split"]: point for point in points if point["epoch"] == 8 and point["variant"] == "wide"}
    assert last["training"] == {
        "variant": "wide",
        "split": "training",
        "epoch": 8,
        "mean": 61.0,
        "least": 60.0,
        "greatest": 62.0,
        "runs": 3,
    }
    assert last["test"] | {"mean": 51.333, "least": 50.0, "greatest": 53.0} == last["test"]


def test_a_crowd_of_curves_is_spread_over_panels():
    from reports.plots.curves import _spread

    assert _spread([]) == []
    assert _spread(list("abcde")) == [list("abcde")]
    assert [len(part) for part in _spread(list("abcdefghijklmnopq"))] == [5, 5, 5, 2]


def test_seeds_are_a_point_a_run_in_declared_order_and_captions_say_how_many(collate):
    seeds = by_kind(plots.of_study(collate(*WIDE, ("thin", 2, 6000)), "cifar10", COUNTS))["seeds"]
    ours = [tuple(point.values()) for point in seeds.points if point["source"] == "ours"]
    assert ours[:2] == [
        ("ours", "thin", 2, run_id("thin", 2), 60.0),
        ("ours", "wide", 0, run_id("wide", 0), 50.0),
    ]
    assert len(ours) == 4
    assert "1 to 3 runs a variant, 4 in all, budget mini" in seeds.caption


def test_printed_errors_stand_among_ours_only_where_they_compare(collate):
    printed = {"thin": 4.51, "wide": 5.24}  # densenet_t2.csv, d100-12 in the form -BC, and d40-12
    for budget, together in (("mini", False), ("paper", True)):
        both = collate(*WIDE, ("thin", 0, 6000), budget=budget)
        seeds = by_kind(plots.of_study(both, "cifar10", COUNTS))["seeds"]
        assert {p["variant"]: p["error"] for p in seeds.points if p["source"] == "printed"} == printed
        assert seeds.settings["together"] is together


def test_a_single_printed_error_has_no_shape_but_compares(collate):
    for budget, shown in (("mini", 0), ("paper", 1)):
        seeds = by_kind(plots.of_study(collate(*WIDE, ("other", 0, 6000), budget=budget), "cifar10", COUNTS))[
            "seeds"
        ]
        assert sum(point["source"] == "printed" for point in seeds.points) == shown


def test_equal_parameters_are_no_axis(collate):
    equal = COUNTS | {("thin", "cifar10"): Count(1_020_000, 1)}
    both = collate(*WIDE, ("thin", 0, 6000))
    assert "parameters" not in by_kind(plots.of_study(both, "cifar10", equal))


DRAWN = [study for study in map(studies.read, studies.names()) if study.pictures]


@pytest.mark.parametrize("study", DRAWN, ids=lambda study: study.name)
def test_the_papers_pictures_name_properties_that_their_networks_have(study):
    for dataset, declared in itertools.product(study.datasets, study.pictures):
        counts = {(variant.name, dataset): Count(1, 2) for variant in study.variants}
        values = [
            papers._properties(declared, study, variant, dataset, counts)
            for variant in study.variants_on(dataset)
        ]
        assert all(isinstance(value[over], int | float) for value in values for over in declared.over)
        assert not declared.panels or len({value[declared.panels] for value in values}) > 1
        assert all(bool(value["series"]) == bool(declared.series) for value in values)


def test_properties_are_the_networks_own():
    grid, shuffle = studies.read("mobilenet_grid"), studies.read("shufflenet_shuffle")
    resolutions = [
        papers.property_of(grid, grid.variant(name), dataset, {}, "resolution")
        for name, dataset in (("1.0-32", "cifar10"), ("1.0-20", "cifar10"), ("1.0-224", "imagenet"))
    ]
    assert resolutions == [32, 20, 224]
    words = [
        papers._properties(shuffle.pictures[0], shuffle, shuffle.variant(name), "cifar10", {})["series"]
        for name in ("1x-g3", "1x-g3-noshuffle")
    ]
    assert words == ["shuffle", "no shuffle"]


def test_the_papers_own_kind_goes_before_the_parameters(collate):
    declared = PaperPicture("Figure 9", ("mult_adds",), ("arch",), y="accuracy")
    results = collate(*WIDE, ("thin", 0, 6000))
    results = replace(results, study=replace(STUDY, pictures=(declared,)))
    picture = plots.of_study(results, "cifar10", COUNTS)[-1]
    assert picture.name == "made_up_mini_cifar10_mult_adds" and "Figure 9" in picture.caption
    assert picture.points[0] == {
        "source": "ours",
        "variant": "thin",
        "series": "densenet_bc",
        "mult_adds": 100_000_000,
        "seed": 0,
        "run": run_id("thin", 0),
        "accuracy": 40.0,
    }
    assert picture.points[-1]["accuracy"] == pytest.approx(100 - 5.24)
    assert picture.draw(picture.points, **picture.settings) == picture.png()


def test_lines_join_the_means_in_the_order_of_the_axis():
    panel = Figure().subplots()
    points = [
        {"variant": name, "depth": depth, "error": error}
        for name, depth, error in (("deep", 56, 6.0), ("deep", 56, 8.0), ("flat", 20, 9.0))
    ]
    lines._line(panel, points, "depth", "error", style.mark(0))
    means, runs = panel.get_lines()
    assert means.get_xydata().tolist() == [[20, 9.0], [56, 7.0]]
    assert runs.get_xydata().tolist() == [[56, 6.0], [56, 8.0], [20, 9.0]]


def test_forty_marks_differ_without_colour():
    marks = [style.mark(place) for place in range(40)]
    assert len({(mark["marker"], mark["fillstyle"]) for mark in marks}) == 40


def test_the_users_own_matplotlib_settings_change_nothing(collate):
    import matplotlib

    seeds = by_kind(plots.of_study(collate(*WIDE, ("thin", 0, 6000)), "cifar10", COUNTS))["seeds"]
    with matplotlib.rc_context({"font.size": 30, "figure.dpi": 30, "lines.linewidth": 9}):
        assert seeds.draw(seeds.points, **seeds.settings) == seeds.png()


def test_a_network_that_two_studies_train_is_drawn_once(collate):
    both = collate(*WIDE, ("thin", 0, 6000))
    (picture,) = families.pictures([([both], COUNTS), ([both], COUNTS)])
    assert picture.name == "all_mini_cifar10_mult_adds"
    assert [tuple(point.values()) for point in picture.points] == [
        ("densenet", "made_up/thin", 100_000_000, 60.0, 60.0, 60.0, 1),
        ("densenet", "made_up/wide", 250_000_000, 51.3333, 50.0, 53.0, 3),
    ]
    assert picture.draw(picture.points, **picture.settings) == picture.png()


def test_one_network_is_no_comparison_over_families(collate):
    assert families.pictures([([collate(*WIDE)], COUNTS)]) == []


BLOCK = np.array([[0.5, 0.25, 0.125], [np.nan, 1.0, 0.75], [np.nan, np.nan, 0.0]])


def test_the_heat_map_shows_every_connection():
    picture = heat_map.picture(
        "heat", {"block 1": BLOCK, "block 2": 2 * BLOCK}, title="t", alt="a", caption="c"
    )
    assert len(picture.points) == 12  # 6 connections a block
    assert picture.points[0] == {"block": "block 1", "source": 0, "target": 1, "mean_absolute_weight": 0.5}
    assert picture.points[4] | {"source": 1, "target": 3, "mean_absolute_weight": 0.75} == picture.points[4]
    assert picture.draw(picture.points, **picture.settings) == picture.png()
    assert picture.csv().startswith(b"block,source,target,mean_absolute_weight\nblock 1,0,1,0.5\n")


@pytest.mark.parametrize("matrix", [BLOCK[:, :2], BLOCK[0], np.full((3, 3), np.nan)])
def test_a_heat_map_of_another_shape_is_refused(matrix):
    with pytest.raises(ValueError, match="block 'block 1': weights of shape .* wanted are as many sources"):
        heat_map.points({"block 1": matrix})


def test_panels_are_the_declared_tables_cut_to_what_has_been_run(collate, monkeypatch):
    curves = by_kind(plots.of_study(collate(*WIDE, ("other", 0, 6000)), "cifar10", COUNTS))["curves"]
    assert curves.settings["panels"] == [["Width", ["wide", "other"]]]
    assert STUDY.tables == (Table("Width", ("wide", "thin", "other")),)
