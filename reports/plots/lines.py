"""Errors over one property of the networks: a line joins the means of a series, small points are the runs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from reports.plots import style
from reports.plots.picture import Points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

TITLES = {"mult_adds": "multiply-adds"}  # properties whose names aren't what one writes below an axis
COUNTED = ("parameters", "mult_adds")  # in millions
WIDE = 6  # values that span a larger factor are spaced by their ratios, multiply-adds always
OURS, PRINTED = "ours", "printed"


def draw(
    points: Points, *, title: str, y: str, over: Sequence[str], panels: str, printed: str, together: bool
) -> bytes:
    """Draw the PNG; a column for each property in `over`, or for each value of the property `panels`.

    Printed points stand in the panels of ours if `together`, else in panels of their own titled `printed`.
    """
    sources = [OURS] if together else [name for name in (OURS, PRINTED) if _of(points, source=name)]
    values = list(dict.fromkeys(point[panels] for point in points)) if panels else [None]
    columns = [(name, value) for name in over for value in values]
    cells = [(source, name, value) for source in sources for name, value in columns]
    looks = {source: _looks(points if together else _of(points, source=source)) for source in sources}
    across = len(columns) if len(columns) > 1 else len(sources)
    with style.sheet(len(cells), columns=across, height=2.7, title=title) as (figure, axes):
        for panel, (source, name, value) in zip(axes, cells, strict=True):
            here = _of(points, **({panels: value} if panels else {}))
            if not together:
                here = _of(here, source=source)
            for label, look in looks[source].items():
                _line(panel, _of(here, series=label, source=OURS), name, y, look)
                theirs = look | HOLLOW | ({"label": "_"} if together else {})
                _line(panel, _of(here, series=label, source=PRINTED), name, y, theirs)
            _axis(panel, [_scaled(point, name) for point in here], name)
            heading = [f"{panels} {value}"] if panels else []
            heading += [OURS if source == OURS else printed] if len(sources) > 1 else []
            panel.set(title=", ".join(heading), ylabel=f"test {y} (%)")
        if together and _of(points, source=PRINTED):
            style.legend(figure, {PRINTED: {"color": "black", "marker": "o"} | HOLLOW})
        for panel in axes:
            style.label(
                panel, [_end(line) for line in panel.get_lines() if not str(line.get_label()).startswith("_")]
            )
        return style.png(figure)


def _looks(points: Points) -> dict[str, dict[str, Any]]:
    """What each series looks like; more than can be labelled are grey."""
    series = list(dict.fromkeys(point["series"] for point in points))
    looks = {
        name: style.mark(index) | {"label": name or "_"}
        for index, name in enumerate(series[: style.LABELLED])
    }
    return looks | {name: {"color": "0.7", "marker": "o"} for name in series[style.LABELLED :]}


def _end(line: "Line2D") -> tuple[float, float, str, Any]:
    """Return where a line ends at its right, its label and its colour."""
    x, y = np.asarray(line.get_xydata())[-1]
    return float(x), float(y), str(line.get_label()), line.get_color()


HOLLOW = {"fillstyle": "none", "linestyle": ":"}  # printed, where it stands among ours


def _of(points: Points, **properties) -> Points:
    return [point for point in points if all(point[key] == value for key, value in properties.items())]


def _scaled(point: Mapping, name: str) -> float:
    return point[name] / 1e6 if name in COUNTED else point[name]


def _line(panel: "Axes", points: Points, name: str, y: str, look: Mapping) -> None:
    """Runs as small points; the means of the variants joined in the order of the axis."""
    if not points:
        return
    runs = pd.DataFrame(points).assign(x=[_scaled(point, name) for point in points])
    means = runs.groupby("variant").agg({"x": "first", y: "mean"}).sort_values(["x", y])
    panel.plot(means.x, means[y], **look, linewidth=1.1, markersize=6)
    if len(means) < len(runs):
        small: dict[str, Any] = {"color": look["color"], "marker": ".", "markersize": 4, "linestyle": ""}
        panel.plot(runs.x, runs[y], **small)


def _axis(panel: "Axes", values: Sequence[float], name: str) -> None:
    """Counts in millions; a knob has its own values as ticks. Spaced by ratios if these are large."""
    if not values:
        return
    title = TITLES.get(name, name)
    if name in COUNTED:
        panel.set(xlabel=f"{title} (millions)")
        if name == "mult_adds" or max(values) > WIDE * min(values):
            style.by_ratio(panel, values)
        return
    panel.set(xlabel=title)
    if max(values) > WIDE * min(values):
        panel.set_xscale("log", base=2)
        panel.minorticks_off()
    panel.set_xticks(sorted(set(values)), [f"{value:g}" for value in sorted(set(values))])
