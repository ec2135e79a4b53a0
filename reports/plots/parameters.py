"""Test error against counted parameters: a point a run, a mark a variant."""

from typing import Any

import pandas as pd

from reports.plots import runs, style
from reports.plots.picture import Picture, Points
from reports.verdicts.counts import Counts
from reports.verdicts.results import Results

WIDE = 6  # counts that span a larger factor are spaced by their ratios
SAME = 1.1  # counts whose ratio is less are meant to be equal: there is nothing to draw over them


def picture(results: Results, dataset: str, counts: Counts) -> Picture | None:
    """Draw the variants that have been run; None if all have about the same number of parameters."""
    points: Points = [
        {"variant": name, "parameters": counts[name, dataset].parameters}
        | {"seed": record.seed, "run": record.run_id, "error": round(record.error, 4)}
        for name, records in runs.done(results, dataset).items()
        for record in records
    ]
    parameters = [point["parameters"] for point in points]
    if max(parameters) < SAME * min(parameters):
        return None
    return Picture(
        name=f"{results.study.name}_{results.budget}_{dataset}_parameters",
        alt=f"Test error against the number of parameters, a point a run: from {runs.extremes(results, dataset)}; "
        f"{runs.where(results, dataset)}",
        caption=f"A point a run ({runs.number(results, dataset)}, budget {results.budget}), a bar at their mean, over "
        "the parameters as we count them.",
        points=points,
        draw=draw,
        settings={"title": f"{results.study.title}: {runs.where(results, dataset)}"},
    )


def draw(points: Points, *, title: str) -> bytes:
    """Draw the PNG, each variant named beside the mean of its runs."""
    frame, places = pd.DataFrame(points), []
    with style.sheet(1, height=3.6, title=title) as (figure, (panel,)):
        for index, (name, runs_of) in enumerate(frame.groupby("variant", sort=False)):
            look = style.mark(index) | {"linestyle": ""}
            millions, mean = runs_of.parameters.iloc[0] / 1e6, runs_of.error.mean()
            panel.plot([millions] * len(runs_of), runs_of.error, **look, alpha=0.8)
            panel.plot(millions, mean, **MEAN, zorder=1)
            places.append((millions, mean, str(name), look["color"]))
        panel.set(xlabel="parameters (millions)", ylabel="test error (%)")
        panel.margins(x=0.08, y=0.12)
        if frame.parameters.max() > WIDE * frame.parameters.min():
            style.by_ratio(panel, list(frame.parameters))
        style.label(panel, places)
        return style.png(figure)


MEAN: dict[str, Any] = {"color": "black", "marker": "_", "markersize": 16, "linestyle": ""}
