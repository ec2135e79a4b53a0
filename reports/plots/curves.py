"""Training and test error against epochs, as in ResNeXt's Figure 5: means over seeds, banded from least to greatest."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from lightning_modules.record import Record
from reports.plots import runs, style
from reports.plots.picture import Picture, Points
from reports.verdicts.results import Results

SPLITS = {"training": ("train_error", "--"), "test": ("curve_test_error", "-")}
LONG = 20  # epochs from which on the first descent may leave the panel


def picture(results: Results, dataset: str) -> Picture | None:
    """Draw a panel for each declared table, of the variants that have been run; None if no run has a figure to draw."""
    records = runs.done(results, dataset)
    points = _points(records)
    panels = [
        [table.title, names]
        for table in results.study.tables_on(dataset)
        for names in _spread([name for name in table.variants if name in records])
    ]
    if not points or not panels:
        return None
    return Picture(
        name=f"{results.study.name}_{results.budget}_{dataset}_curves",
        alt=f"Training and test error against epochs, a line a variant; after the last epoch test errors from "
        f"{runs.extremes(results, dataset)}; {runs.where(results, dataset)}",
        caption=f"Mean over seeds, banded from the least to the greatest ({runs.number(results, dataset)}, budget "
        f"{results.budget}). The test error of the curves is taken on {_images(records)} test images, that of the "
        "tables on all of them.",
        points=points,
        draw=draw,
        settings={
            "title": f"{results.study.title}: {runs.where(results, dataset)}",
            "panels": panels,
            "chance": runs.chance(dataset),
        },
    )


def draw(points: Points, *, title: str, panels: Sequence[tuple[str, list[str]]], chance: float) -> bytes:
    """Draw the PNG, each variant named at the end of its test error. panels: title and variants; chance: in per cent.

    Of long curves the first tenth may leave the panel at its top, so that the end of the training fills it.
    """
    with style.sheet(len(panels), columns=2, title=title, sharex=True, sharey=True) as (figure, cells):
        curves = pd.DataFrame(points)
        last = curves.epoch.max()
        for panel, (heading, names) in zip(cells, panels, strict=True):
            for index, name in enumerate(names):
                for split, (_, dash) in SPLITS.items():
                    curve = curves[(curves.variant == name) & (curves.split == split)]
                    look = style.mark(index) | {"linestyle": dash, "linewidth": 1.1, "markersize": 4}
                    panel.plot(curve.epoch, curve["mean"], markevery=max(1, last // 10), **look)
                    band = curve.epoch, curve.least, curve.greatest
                    panel.fill_between(*band, color=look["color"], alpha=0.1, linewidth=0)
            panel.set(title=style.wrapped(heading), xlabel="epoch", ylabel="error (%)")
            panel.locator_params("x", integer=True)
            panel.set_xlim(right=1.015 * last)
            panel.label_outer()
            style.chance_line(panel, chance, curves.greatest)
        if last >= LONG:
            cells[0].set(ylim=(0, 1.05 * curves.greatest[curves.epoch > last / 10].max()))
        style.legend(
            figure, {split: {"color": "black", "linestyle": dash} for split, (_, dash) in SPLITS.items()}
        )
        ends = curves[curves.split == "test"].groupby("variant").last()
        for panel, (_, names) in zip(cells, panels, strict=True):
            places = [
                (*ends.loc[name, ["epoch", "mean"]], name, style.mark(index)["color"])
                for index, name in enumerate(names)
                if name in ends.index
            ]
            style.label(panel, places)
        return style.png(figure)


def _points(records: Mapping[str, Sequence[Record]]) -> Points:
    """Return a row for each variant, split and epoch that has a figure; a run that diverged has none after that."""
    curves = pd.concat(
        pd.DataFrame({"variant": name, "split": split, "epoch": run.curve["epoch"], "error": run.curve[key]})
        for name, runs_of in records.items()
        for split, (key, _) in SPLITS.items()
        for run in runs_of
    )
    errors = curves.groupby(["variant", "split", "epoch"], sort=False).error
    spread = errors.agg(mean="mean", least="min", greatest="max").map(lambda error: round(error, 3))
    return spread.assign(runs=errors.count()).reset_index().to_dict("records")


def _images(records: Mapping[str, Sequence[Record]]) -> str:
    sizes = {run.curve_test_images for runs_of in records.values() for run in runs_of}
    return " or ".join(f"{images:,}" for images in sorted(sizes))


def _spread(names: list[str]) -> list[list[str]]:
    """In as few parts as can be labelled, of about the same size."""
    parts = math.ceil(len(names) / style.LABELLED)
    size = math.ceil(len(names) / max(1, parts))
    return [names[start : start + size] for start in range(0, len(names), max(1, size))]
