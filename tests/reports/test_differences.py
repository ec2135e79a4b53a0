"""Differences as numbers, as a table and as a forest plot, each worked out by hand."""

import csv
import dataclasses
import io
import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from reports import plots
from reports.pages import differences as page
from reports.pages import markdown
from reports.plots import forest, style
from reports.verdicts import differences, others, results
from sweeps import study as studies
from sweeps.claim import Claim, Comparison, Equivalence, NotWorse, Rise, Trend
from tests.reports.conftest import COUNTS, STUDY, parsed

CLAIM = Claim(
    "made.wide_better",
    comparisons=(Comparison("wide", "thin"), Comparison("wide", "other", measure="train_error")),
    trends=(Trend(("other", "thin", "wide")),),
    not_worse=(NotWorse("wide", "thin", margin=2.0),),
)
# Hundredths of a per cent by seed; wide less thin: −1.0, −1.2, −0.8.
ERRORS = {"wide": [5000, 5010, 5050], "thin": [5100, 5130, 5130], "other": [5300, 5320, 5310]}


@pytest.fixture
def collate(study, facts):
    """`collate(wide=[…], …, budget="mini")`: the results of these runs, for the claim above."""

    def collate(budget="mini", **errors):
        lines = [facts(name, seed, e, budget) for name, of in errors.items() for seed, e in enumerate(of)]
        declared = dataclasses.replace(STUDY, claims=(CLAIM,))
        return next(r for r in results.collate(declared, map(parsed, lines)) if r.budget == budget)

    return collate


@pytest.fixture
def published(monkeypatch):
    """Two people who published both networks, one of them twice."""
    rows = [("a", "wide", 5.0), ("a", "thin", 5.5), ("b", "wide", 6.0), ("b", "thin", 5.0)]
    frame = pd.DataFrame(rows, columns=["source", "variant", "error"]).assign(
        dataset="cifar10", resolution="32", augmentation="+", group="one", exact=True, independent=True
    )
    frame["people"], frame["variant"] = frame.source, "made_up/" + frame.variant
    monkeypatch.setattr(others, "frame", lambda: frame)


def test_a_difference_has_its_interval_its_spread_and_the_printed_one(collate):
    first, training, trend, not_worse = differences.of_study(collate(**ERRORS), "cifar10")
    # s = 0.2, t(0.975, 2) · 0.2 / √3 = 0.497
    assert (first.mean, first.spread) == pytest.approx((-1.0, 0.2))
    assert (first.low, first.high) == pytest.approx((-1.497, -0.503), abs=1e-3)
    assert str(first) == "−1.00 (−1.50 to −0.50)" and first.share_below == 1
    assert first.printed == 0.73  # densenet_t2.csv: 5.24 less 4.51
    assert training.mean == 0 and training.printed is None
    assert trend.sample == pytest.approx((-3.0, -3.1, -2.6)) and trend.printed is None
    assert not_worse.sample == pytest.approx(first.sample)  # the margin isn't subtracted
    assert [d.interval_says for d in (first, training, trend, not_worse)] == [
        *("as claimed", "open", "as claimed", "as claimed")
    ]


# t(0.975, 1) / √2 = 8.985 times the standard deviation on either side of the mean.
@pytest.mark.parametrize(
    ("sample", "says"),
    [
        ((0.2, 0.3), "as claimed"),
        ((-0.51, -0.5), "as claimed"),
        ((-2.0, -2.1), "against"),
        ((-0.1, 0.1), "open"),
    ],
)
def test_an_equivalence_is_two_sided(sample, says):
    assert differences.Difference(Equivalence("wide", "thin", margin=1.0), sample).interval_says == says


def test_ties_are_half_a_seed():
    assert differences.Difference(Comparison("a", "b"), (-1.0, 0.0, 1.0, -2.0)).share_below == 0.625


def test_the_pooled_interval_is_the_plain_one_of_two_rows_and_narrower_of_many(collate):
    assert (
        differences.of_study(collate(wide=ERRORS["wide"], thin=ERRORS["thin"]), "cifar10")[0].pooled is None
    )
    first, *_ = differences.of_study(collate(**ERRORS), "cifar10")
    table = np.array([ERRORS[name] for name in ("thin", "wide", "other")]) / 100
    residues = table - table.mean(1, keepdims=True) - table.mean(0) + table.mean()
    # t(0.975, 4) = 2.776; a difference of two means of three
    assert first.pooled == pytest.approx(2.776 * np.sqrt((residues**2).sum() / 4 * 2 / 3), abs=1e-3)


def test_weights_are_those_of_the_contrast():
    assert differences._weights(Rise(less=("a", "b"), more=("c", "d"))) == [-1, 1, 1, -1]
    assert differences._weights(Trend(("a", "b", "c"))) == [-1, 0, 1]
    assert differences._weights(NotWorse("a", "b", margin=2)) == [1, -1]


def test_the_table_says_how_sure_each_difference_is(collate, published):
    section = page.section(collate(**ERRORS), "cifar10").replace(markdown.NO_BREAK_SPACE, " ")
    head, _, row, *_ = [
        [c.strip() for c in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"
    ]
    cells = dict(zip(head, row, strict=True))
    assert cells["ours, points (95 % interval)"] == "−1.00 (−1.50 to −0.50)"
    assert (cells["in SDs"], cells["n"], cells["P(below zero), seeds"]) == ("−5.0", "3", "1.00 (3 of 3)")
    assert (cells["printed"], cells["by others"]) == ("+0.73", "1 of 2 for, 1 against, too few to say")
    assert "What 3 seeds can find" not in section  # all have been run
    waiting = page.section(collate(wide=ERRORS["wide"], thin=ERRORS["thin"][:2]), "cifar10")
    assert "0.14 points (the median so far)" in waiting


def test_a_forest_plot_holds_ours_the_printed_and_others(collate, published):
    picture = forest.picture(collate(**ERRORS), "cifar10")
    rows = list(csv.DictReader(io.StringIO(picture.csv().decode())))
    assert [(row["source"], row["difference"]) for row in rows if row["comparison"] == "wide less thin"] == [
        ("ours", "-1.0"), ("printed", "0.73"), ("others", "-0.5"), ("others", "1.0"),
    ]  # fmt: skip
    assert rows[0] | {"low": "-1.4968", "high": "-0.5032", "seeds": "3"} == rows[0]
    assert "of 4, 3 lie wholly on the side that is claimed, 0 on the other, 1 on both" in picture.alt
    assert "wide less thin, margin 2" in {row["comparison"] for row in rows}
    assert picture.draw(picture.points, **picture.settings) == picture.png()


def test_no_forest_before_a_comparison_has_two_seeds(collate):
    one = {name: errors[:1] for name, errors in ERRORS.items()}
    assert forest.picture(collate(**one), "cifar10") is None


@pytest.mark.parametrize("seeds", [2, 3])
def test_no_interval_leaves_its_panel(collate, monkeypatch, seeds):
    drawn = []
    monkeypatch.setattr(style, "png", lambda figure: drawn.append(figure) or b"")
    pictures = plots.of_study(collate(**{name: e[:seeds] for name, e in ERRORS.items()}), "cifar10", COUNTS)
    for picture in pictures:
        if picture.name.endswith(("_differences", "_seeds")):
            picture.draw(picture.points, **picture.settings)
    points = pd.DataFrame(pictures[0].points)
    ends = pd.to_numeric(points[["low", "high", "difference"]].stack(), errors="coerce").dropna()
    left, right = drawn[0].axes[0].get_xlim()
    assert left < ends.min() and ends.max() < right
    bottom, top = drawn[1].axes[0].get_ylim()
    for errors in ERRORS.values():
        summary = results.statistics.summarise([e / 100 for e in errors[:seeds]])
        assert bottom < summary.low and summary.high < top


def test_every_comparison_of_the_studies_has_a_line_of_its_own():
    for study in map(studies.read, studies.names()):
        for dataset in study.datasets:
            empty = {(v.name, dataset): results.Group((), 3) for v in study.variants_on(dataset)}
            made = differences.of_study(results.Results(study, "mini", empty), dataset)
            lines = [
                (d.test.measure, differences.in_words(d.test), getattr(d.test, "margin", None)) for d in made
            ]
            assert len(set(lines)) == len(lines), study.name


# sRGB to XYZ, and what a deuteranope sees of linear RGB (Machado, Oliveira, Fernandes 2009, severity 1).
XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
DEUTERANOPIA = [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.011820, 0.042940, 0.968881],
]


def lab(linear: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear RGB under D65."""
    x, y, z = np.cbrt(XYZ @ linear / [0.9505, 1.0, 1.0888])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_any_two_colours_remain_apart_in_deuteranopia():
    from seaborn import color_palette

    assert set(style.COLOURS) <= set(color_palette("colorblind").as_hex())
    linear = [((np.array(to_rgb(colour)) + 0.055) / 1.055) ** 2.4 for colour in style.COLOURS]
    seen = [lab(np.clip(DEUTERANOPIA @ colour, 0, 1)) for colour in linear]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 15
