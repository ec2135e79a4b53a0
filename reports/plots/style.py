"""How all pictures look: sheets of panels, and marks that differ without colour.

Matplotlib and seaborn are imported where a sheet is drawn: pages whose pictures are remembered need neither.
"""

import io
import math
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
FILLS = ("full", "none", "left", "bottom")
WIDTH = 10.0  # inches, of a sheet with more than one column: what a page shows without shrinking the letters
LETTER = 0.075  # inches that a letter of 8 points takes
DPI = 110
Legend = dict[str, dict[str, Any]]  # what each label looks like, as arguments of a line


def mark(index: int) -> dict[str, Any]:
    """Return colour, marker and filling of the nth variant or series; forty differ without colour."""
    from seaborn import color_palette

    turn, index = divmod(index, len(MARKERS))
    shade = color_palette("dark").as_hex()[index]  # dark: a pale one is lost in print
    return {"color": shade, "marker": MARKERS[index], "fillstyle": FILLS[turn % len(FILLS)]}


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


def wrapped(text: str) -> str:
    """Break a title into lines that fit over one panel of three."""
    return textwrap.fill(text.replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}"), 42)


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
