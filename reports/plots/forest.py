"""A forest plot: what a study compares, each difference with its interval, the printed one and others' beside it."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from lightning_modules.data.catalogue import DATASETS
from reports.plots import runs, style
from reports.plots.picture import Picture, Points
from reports.printed import variants
from reports.verdicts import differences
from reports.verdicts.differences import Difference
from reports.verdicts.results import Results

SUFFIX = "_differences"  # of the file's name
OURS, PRINTED, OTHERS = "ours", "printed", "others"
MEASURES = {
    "test_error": "",
    "train_error": "training error: ",
    "curve_error": "mean over the epochs: ",
    "generalisation_gap": "test less training error: ",
}
LINE = 0.2  # inches of a line of letters
BESIDE = (
    0.22  # of the distance between two comparisons, from our figure down to those of the paper and of others
)
WRAP = 46  # letters of a line left of the panel


def picture(results: Results, dataset: str) -> Picture | None:
    """Draw all differences in points of error that have been run; None before one of them has two seeds."""
    drawn = [
        difference
        for difference in differences.of_study(results, dataset)
        if difference.seeds and difference.test.measure in MEASURES
    ]
    with_interval = [difference for difference in drawn if difference.seeds > 1]
    if not with_interval:
        return None
    sides = [difference.interval_says for difference in with_interval]
    paper_data = DATASETS[variants.paper_dataset(results.study, dataset)].title
    points = [point for difference in drawn for point in _points(difference)]
    sources = {point["source"] for point in points}
    return Picture(
        name=f"{results.study.name}_{results.budget}_{dataset}{SUFFIX}",
        alt=f"Differences of errors with 95 % intervals: of {len(sides)}, {sides.count('as claimed')} lie wholly on the side "
        f"that is claimed, {sides.count('against')} on the other, {sides.count('open')} on both; "
        f"{runs.where(results, dataset)}",
        caption="A line a comparison: the difference seed by seed, its mean with the 95 % t-interval "
        f"({runs.number(results, dataset)}, budget {results.budget}); left of zero is as claimed."
        + (f" Printed: {results.study.printed_runs}, {paper_data}." * (PRINTED in sources))
        + " Small hollow marks: other people's trainings, a mark a source and setting." * (OTHERS in sources),
        points=points,
        draw=draw,
        settings={
            "title": f"{results.study.title}: {runs.where(results, dataset)}",
            "printed": f"printed, {paper_data}",
            "written": [f"{difference}, n = {difference.seeds}" for difference in drawn],
        },
    )


def _points(difference: Difference) -> Points:
    """Return a row for ours, for the printed difference and for each of others'; without an interval its ends are empty."""
    margin = f", margin {margin:g}" if (margin := getattr(difference.test, "margin", None)) else ""
    label = f"{MEASURES[difference.test.measure]}{differences.in_words(difference.test)}{margin}".replace(
        "`", ""
    )
    ends = [round(difference.low, 4), round(difference.high, 4)] if difference.seeds > 1 else ["", ""]
    interval = {"low": ends[0], "high": ends[1], "seeds": difference.seeds}

    def point(source: str, value: float) -> dict[str, Any]:
        single = {"low": "", "high": "", "seeds": ""}
        return {"comparison": label, "source": source, "difference": round(value, 4)} | single

    points = [point(OURS, difference.mean) | interval]
    if difference.printed is not None:
        points.append(point(PRINTED, difference.printed))
    if difference.votes:
        points += [point(OTHERS, float(value)) for value in difference.votes.pairs.difference]
    return points


def draw(points: Points, *, title: str, printed: str, written: Sequence[str]) -> bytes:
    """Draw the PNG; comparisons downwards, each named at its left, its figures, `written`, at its right."""
    frame = pd.DataFrame(points)
    names = list(dict.fromkeys(frame.comparison))
    labels = [style.wrapped(name, WRAP) for name in names]
    height = sum(LINE * (0.6 + label.count("\n") + 1) for label in labels) + 0.6
    with style.sheet(1, width=style.WIDTH, height=height, title=title) as (figure, (panel,)):
        panel.axvline(0, color="black", linewidth=0.8, zorder=1)
        looks = _looks(printed)
        for (comparison, source), rows in frame.groupby(["comparison", "source"], sort=False):
            y = names.index(str(comparison)) + (BESIDE if source != OURS else 0)
            panel.plot(rows.difference, [y] * len(rows), zorder=3, **looks[str(source)])
        ours = frame[frame.source == OURS].set_index("comparison")
        for y, (name, figures) in enumerate(zip(names, written, strict=True)):
            if ours.low[name] != "":
                panel.plot(
                    [ours.low[name], ours.high[name]], [y, y], color=style.COLOURS[0], linewidth=1.6, zorder=2
                )
            panel.annotate(
                figures, (1, y), (6, 0), xycoords=("axes fraction", "data"), textcoords="offset points", va="center",
                fontsize=8, annotation_clip=False,
            )  # fmt: skip
        panel.set_yticks(range(len(names)), labels)
        panel.set(
            ylim=(len(names) - 0.4, -0.6), xlabel="difference, percentage points (left of zero: as claimed)"
        )
        panel.grid(False, axis="y")
        panel.margins(x=0.06)
        style.legend(
            figure, {look.pop("label"): look for name, look in looks.items() if name in set(frame.source)}
        )
        return style.png(figure)


def _looks(printed: str) -> dict[str, dict[str, Any]]:
    return {
        OURS: {"label": "ours, 95 % interval", "color": style.COLOURS[0], "marker": "o", "linestyle": ""},
        PRINTED: {"label": printed, "color": style.COLOURS[1], "marker": "X", "markersize": 7, "linestyle": ""},
        OTHERS: {"label": OTHERS, "color": "0.3", "marker": "o", "fillstyle": "none", "markersize": 4, "linestyle": ""},
    }  # fmt: skip
