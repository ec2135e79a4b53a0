"""Test error against counted parameters: a point a run, a mark a variant."""

from collections.abc import Sequence
from typing import Any

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
        alt=f"Test error against the number of parameters, a point a run; {runs.where(results, dataset)}",
        caption=f"A point a run ({runs.number(results, dataset)}, budget {results.budget}), a bar at their mean, over "
        "the parameters as we count them.",
        points=points,
        draw=draw,
        settings={
            "title": f"{results.study.title}: {runs.where(results, dataset)}",
            "variants": [variant.name for variant in results.study.variants],
        },
    )


def draw(points: Points, *, title: str, variants: Sequence[str]) -> bytes:
    """Draw the PNG; a variant looks as in the curves, by its place among `variants`."""
    with style.sheet(1, height=3.6, title=title) as (figure, panels):
        panel, entries = panels[0], {}
        for index, name in enumerate(variants):
            points_of = [point for point in points if point["variant"] == name]
            if not points_of:
                continue
            entries[name] = style.mark(index) | {"linestyle": ""}
            errors = [point["error"] for point in points_of]
            millions = points_of[0]["parameters"] / 1e6
            panel.plot([millions] * len(points_of), errors, **entries[name], alpha=0.8)
            panel.plot(millions, sum(errors) / len(errors), **MEAN, zorder=1)
        panel.set(xlabel="parameters (millions)", ylabel="test error (%)")
        panel.margins(x=0.08, y=0.12)
        if max(parameters := [point["parameters"] for point in points]) > WIDE * min(parameters):
            style.by_ratio(panel, parameters)
        style.legend(figure, entries | {"mean": MEAN | {"markersize": 8}})
        return style.png(figure)


MEAN: dict[str, Any] = {"color": "black", "marker": "_", "markersize": 16, "linestyle": ""}
