"""The test error of every run, variant by variant, over the mean and its interval: what the seeds alone change."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import pandas as pd

from lightning_modules.data.catalogue import DATASETS
from reports.plots import runs, style
from reports.plots.picture import Picture, Points
from reports.printed import variants
from reports.verdicts import statistics
from reports.verdicts.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OURS, PRINTED = "ours", "printed"
STEP = 0.12  # of the distance between two variants, from a run to the next


def picture(results: Results, dataset: str) -> Picture:
    """Draw the variants that have been run, and the printed errors: where they don't compare, in a panel of their own."""
    records, printed = runs.done(results, dataset), runs.printed(results, dataset)
    points = [
        {"source": OURS, "variant": name, "seed": r.seed, "run": r.run_id, "error": round(r.error, 4)}
        for name, runs_of in records.items()
        for r in runs_of
    ]
    points += [
        {"source": PRINTED, "variant": name, "seed": "", "run": "", "error": error}
        for name, error in printed.items()
    ]
    paper_data = DATASETS[variants.paper_dataset(results.study, dataset)].title
    return Picture(
        name=f"{results.study.name}_{results.budget}_{dataset}_seeds",
        alt=f"Test error, a point a run, for each variant: means from {runs.extremes(results, dataset)}; "
        f"{runs.where(results, dataset)}",
        caption=f"A point a run ({runs.number(results, dataset)}, budget {results.budget}); the bar is the mean with "
        "its 95 % t-interval."
        + (f" Printed: {results.study.printed_runs}, {paper_data}." if printed else ""),
        points=points,
        draw=draw,
        settings={
            "title": f"{results.study.title}: {runs.where(results, dataset)}",
            "printed": f"printed, {paper_data}",
            "together": runs.comparable(results, dataset),
            "chance": runs.chance(dataset),
        },
    )


def draw(points: Points, *, title: str, printed: str, together: bool, chance: float) -> bytes:
    """Draw the PNG; printed errors stand among ours if `together`, else in a second panel that is titled `printed`."""
    ours, theirs = _errors(points, OURS), _errors(points, PRINTED)
    apart = bool(theirs) and not together
    contents = [(ours, {}, "ours"), ({}, theirs, printed)] if apart else [(ours, theirs, "")]
    # variants that both have stand below each other; another data set's may be others than ours
    names = [list(ours), list(ours if ours.keys() & theirs.keys() else theirs)][: len(contents)]
    width = min(style.WIDTH, 4.6 + 0.7 * max(map(len, names)))
    height = 2.3 + 0.5 * style.LETTER * max(map(len, names[0])) * _aslant(names[0], width)
    with style.sheet(len(contents), columns=1, width=width, height=height, title=title) as (figure, panels):
        entries: style.Legend = {}
        for panel, (runs_of, figures_of, heading), names_of_panel in zip(
            panels, contents, names, strict=True
        ):
            entries |= _runs(panel, runs_of, names_of_panel) | _printed(panel, figures_of, names_of_panel)
            style.chance_line(panel, chance, chain(*runs_of.values(), *figures_of.values()))
            _name(panel, names_of_panel, width)
            panel.set(title=heading, ylabel="test error (%)")
        if names[0] == names[-1]:
            for panel in panels[:-1]:
                panel.tick_params(labelbottom=False)
        style.legend(figure, entries)
        return style.png(figure)


def _errors(points: Points, source: str) -> dict[str, list[float]]:
    """Return the errors of every variant, from one source."""
    frame = pd.DataFrame(points)
    errors = frame[frame.source == source].groupby("variant", sort=False).error
    return {str(name): list(values) for name, values in errors}


def _runs(panel: "Axes", errors: Mapping[str, list[float]], names: Sequence[str]) -> style.Legend:
    """The runs side by side; behind them their means with their intervals."""
    run: dict[str, Any] = style.mark(0) | {"linestyle": "", "fillstyle": "none", "markersize": 5}
    bar: dict[str, Any] = {"color": "black", "marker": "_", "markersize": 14, "linestyle": ""}
    for name, values in errors.items():
        x, summary = names.index(name), statistics.summarise(values)
        panel.errorbar(x, summary.mean, summary.half_width, **bar, elinewidth=1, capsize=4, zorder=1)
        middle = (len(values) - 1) / 2
        panel.plot([x + STEP * (nth - middle) for nth in range(len(values))], values, **run)
    return {"run": run, "mean ± 95 % t-interval": bar} if errors else {}


def _printed(panel: "Axes", errors: Mapping[str, list[float]], names: Sequence[str]) -> style.Legend:
    look: dict[str, Any] = {"color": "black", "marker": "X", "linestyle": "", "markersize": 6}
    panel.plot([names.index(name) for name in errors], [*chain(*errors.values())], **look)
    return {"printed": look} if errors else {}


def _aslant(names: Sequence[str], width: float) -> bool:
    """Whether the names are too long to stand side by side in `width` inches."""
    return max(map(len, names)) * style.LETTER > 0.8 * width / len(names)


def _name(panel: "Axes", names: Sequence[str], width: float) -> None:
    """Write the variants below."""
    turn: dict[str, Any] = (
        {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if _aslant(names, width) else {}
    )
    panel.set_xticks(range(len(names)), names, **turn)
    panel.set(xlim=(-0.6, len(names) - 0.4))
    panel.grid(False, axis="x")
