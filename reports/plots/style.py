"""How all pictures look: sheets of panels, and marks that differ without colour.

Matplotlib and seaborn are imported where a sheet is drawn: pages whose pictures are remembered need neither.
"""

import io
import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
FILLS = ("full", "none", "left", "bottom")
WIDTH = 10.0  # inches, of a sheet with more than one column: what a page shows without shrinking the letters
LETTER_HEIGHT = 8  # points
NEAR_CHANCE = 0.9  # of the error of guessing
LETTER = 0.075  # inches that a letter of 8 points takes
DPI = 110
# Of seaborn's `colorblind`, those that any two of remain apart in deuteranopia (ΔE > 15), but for its yellow, too pale.
COLOURS = ("#0173b2", "#de8f05", "#029e73", "#cc78bc", "#56b4e9", "#ca9161", "#fbafe4")
LABELLED = 5  # lines in a panel that are told apart by a label at their end
Legend = dict[str, dict[str, Any]]  # what each label looks like, as arguments of a line


def mark(index: int) -> dict[str, Any]:
    """Return colour, marker and filling of the nth variant or series; forty differ without colour."""
    turn, place = divmod(index, len(MARKERS))
    colour = COLOURS[index % len(COLOURS)]
    return {"color": colour, "marker": MARKERS[place], "fillstyle": FILLS[turn % len(FILLS)]}


@contextmanager
def sheet(
    panels: int, *, columns: int = 3, width: float = 0, height: float = 3.0, title: str = "", **shared: Any
) -> Iterator[tuple["Figure", list["Axes"]]]:
    """Open a sheet: a title over panels in rows, in a fixed style, whatever the user's own matplotlib settings are.

    What stands behind the last colon of a title that is too long goes to a line of its own.

    `columns` at most; `width` of the sheet in inches, else by its columns; `height` of a row in inches; `shared` goes
    to `Figure.subplots`.
    """
    import matplotlib
    import seaborn
    from matplotlib.figure import Figure

    columns = min(columns, panels)
    rows = math.ceil(panels / columns)
    width = width or (WIDTH if columns > 1 else 0.7 * WIDTH)
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        seaborn.set_theme(style="whitegrid", font="DejaVu Sans", rc=SMALL)
        # a Figure of its own, without pyplot, is drawn by Agg on every machine and needs no display
        figure = Figure(figsize=(width, 0.4 + height * rows), layout="constrained")
        cells = figure.subplots(rows, columns, squeeze=False, **shared).ravel()
        for surplus in cells[panels:]:
            surplus.remove()
        fits = int(width / (1.15 * LETTER))
        lines = [title] if len(title) <= fits else title.rsplit(": ", 1)
        figure.suptitle("\n".join(textwrap.fill(line, fits) for line in lines))
        yield figure, list(cells[:panels])


SMALL = {
    "axes.labelsize": 9, "axes.titlesize": 9, "figure.titlesize": 10.5, "legend.fontsize": 8,
    "xtick.labelsize": 8, "ytick.labelsize": 8, "lines.markersize": 5, "grid.linewidth": 0.6,
}  # fmt: skip


def legend(figure: "Figure", entries: Legend) -> None:
    """Draw a legend below all panels, for which the sheet grows."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], label=label, **look) for label, look in entries.items()]
    columns = int(figure.get_figwidth() / (0.55 + LETTER * max(map(len, entries))))
    columns = max(1, min(len(handles), columns))
    figure.set_figheight(figure.get_figheight() + 0.18 * math.ceil(len(handles) / columns))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, frameon=False)


def wrapped(text: str, letters: int = 42) -> str:
    """Break a text into lines, by default as long as fit over one panel of three."""
    text = text.replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}")
    return textwrap.fill(text, letters, break_on_hyphens=False)


def label(panel: "Axes", places: Sequence[tuple[float, float, str, str]]) -> None:
    """Write a name right of each of the places (x, y, name, colour), once all else is drawn; names make way upwards and down.

    The panel's limits must be final.
    """
    from matplotlib.colors import to_rgb

    figure = panel.get_figure(root=True)
    assert figure is not None, "a panel on a sheet"
    figure.draw_without_rendering()  # lays the panels out, so that distances are known
    points = 72 / figure.dpi
    line = 1.3 * LETTER_HEIGHT
    edge = panel.bbox.x1 * points
    at = [(*(panel.transData.transform((x, y)) * points), name, colour) for x, y, name, colour in places]
    written: list[tuple[float, float, float]] = []  # left, right and height of the names
    for (x, y, name, colour), place in sorted(zip(at, places, strict=True), key=lambda pair: pair[0][1]):
        left, height = x + 8, y
        right = left + len(name) * LETTER * 72
        if (
            right > edge > left and (edge - x) < 0.15 * panel.bbox.width * points
        ):  # rather outside than across the frame
            left, right = edge + 4, edge + 4 + right - left
        for left_of, right_of, height_of in written:  # from the lowest up
            if left_of < right and right_of > left and height - height_of < line:
                height = height_of + line
        written.append((left, right, height))
        darker = [0.65 * part for part in to_rgb(colour)]
        panel.annotate(
            name,
            place[:2],
            (left - x, height - y),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=darker,
            annotation_clip=False,
        )


def chance_line(panel: "Axes", chance: float, errors: Iterable[float]) -> None:
    """Draw the error of guessing where errors come near it."""
    if max(errors) >= NEAR_CHANCE * chance:
        panel.axhline(chance, color="0.35", linestyle=":", linewidth=1, zorder=0)
        panel.annotate(
            f"chance, {chance:g} %",
            (0.01, chance),
            (0, -2),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="top",
            fontsize=7,
            color="0.35",
        )


def by_ratio(panel: "Axes", values: Sequence[float]) -> None:
    """Space the horizontal axis by the ratios of its values, with plain numbers as ticks."""
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    ticks = (1, 2, 5) if max(values) > 8 * min(values) else (1, 1.5, 2, 3, 4, 5, 7)
    panel.set_xscale("log")
    panel.xaxis.set_major_locator(LogLocator(subs=ticks))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))


def png(figure: "Figure") -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})  # the tag names the version
    return buffer.getvalue()
