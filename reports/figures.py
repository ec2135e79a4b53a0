"""The pictures of a study's page, drawn from the records alone: the same records give the same bytes.

Readable without colour: variants differ by their markers, training and test error by dashes.
"""

import io
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lightning_modules.data.catalogue import DATASETS
from reports.counts import Counts
from reports.results import Results
from sweeps.study import Study, Table

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
SHADES = sns.color_palette("colorblind", len(MARKERS))
SPLITS = {"training": "--", "test": "-"}


def curves(results: Results, dataset: str) -> bytes:
    """PNG of error against epochs, a panel a table: the mean over seeds, banded from least to greatest."""
    tables = tables_with_runs(results, dataset)
    with _page(len(tables)) as (figure, panels):
        for panel, table in zip(panels, tables):
            frame = _curve_frame(results, dataset, table)
            for split, dash in SPLITS.items():
                part = frame[frame.split == split]
                if part.empty:  # a run that diverged at once has no figure to draw
                    continue
                sns.lineplot(
                    part, x="epoch", y="error", hue="variant", style="variant",
                    linestyle=dash, dashes=False, markersize=5, markevery=max(1, frame.epoch.max() // 10),
                    errorbar=("pi", 100), legend=False, ax=panel, **_looks(results.study, table),
                )  # fmt: skip
            panel.set(title=_wrapped(table.title), xlabel="epoch", ylabel="error (%)")
            panel.xaxis.get_major_locator().set_params(integer=True)
            splits = [Line2D([], [], color="black", linestyle=d, label=s) for s, d in SPLITS.items()]
            _legend(panel, results.study, table, splits)
        figure.suptitle(_title(results, dataset))
        return _png(figure)


def parameters(results: Results, dataset: str, counts: Counts) -> bytes:
    """PNG of test error against counted parameters, a panel a table: a point a seed, a bar at the mean."""
    tables = tables_with_runs(results, dataset)
    with _page(len(tables)) as (figure, panels):
        for panel, table in zip(panels, tables):
            frame = pd.DataFrame(
                [
                    {"variant": name, "millions": counts[name, dataset].parameters / 1e6, "error": error}
                    for name in table.variants
                    for error in results.groups[name, dataset].errors
                ]
            )
            sns.scatterplot(
                frame, x="millions", y="error", hue="variant", style="variant", s=40, alpha=0.8, legend=False,
                ax=panel, **_looks(results.study, table),
            )  # fmt: skip
            means = frame.groupby(["variant", "millions"], as_index=False)["error"].mean()
            panel.plot(means.millions, means.error, "_", color="black", markersize=16, zorder=0)
            panel.set(title=_wrapped(table.title), xlabel="parameters (millions)", ylabel="test error (%)")
            panel.set(xlim=(0, 1.1 * frame.millions.max()))
            panel.margins(y=0.15)
            mean = Line2D(
                [], [], color="black", marker="_", markersize=10, linestyle="", label="mean of seeds"
            )
            _legend(panel, results.study, table, [mean])
        figure.suptitle(_title(results, dataset))
        return _png(figure)


def tables_with_runs(results: Results, dataset: str) -> list[Table]:
    """The declared tables of which at least one variant has been run."""
    return [
        table
        for table in results.study.tables_on(dataset)
        if any(results.groups[name, dataset].records for name in table.variants)
    ]


def _curve_frame(results: Results, dataset: str, table: Table) -> pd.DataFrame:
    """One row for each run, epoch and split that has a figure."""
    rows = []
    for name in table.variants:
        for record in results.groups[name, dataset].records:
            curve = record.facts["curve"]
            for split, key in (("training", "train_error"), ("test", "test_error")):
                for epoch, error in zip(curve["epoch"], curve[key]):
                    rows.append({"variant": name, "split": split, "epoch": epoch, "error": error})
    return pd.DataFrame(rows, columns=["variant", "split", "epoch", "error"]).dropna()


def _looks(study: Study, table: Table) -> dict:
    """Colour and marker of each variant, by its place in the study, so that all panels agree."""
    names = [variant.name for variant in study.variants]
    return {
        "hue_order": table.variants,
        "style_order": table.variants,
        "palette": {name: SHADES[i % len(SHADES)] for i, name in enumerate(names)},
        "markers": {name: MARKERS[i % len(MARKERS)] for i, name in enumerate(names)},
    }


def _legend(panel: Axes, study: Study, table: Table, more: list[Line2D]) -> None:
    looks = _looks(study, table)
    variants = [
        Line2D([], [], color=looks["palette"][n], marker=looks["markers"][n], linestyle="", label=n)
        for n in table.variants
    ]
    panel.legend(handles=[*variants, *more], fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _title(results: Results, dataset: str) -> str:
    return f"{results.study.title}: {DATASETS[dataset].title}, budget {results.budget}"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, width=34)


@contextmanager
def _page(panels: int) -> Iterator[tuple[Figure, list[Axes]]]:
    """A row of panels in fixed style, whatever the user's own matplotlib settings are."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        sns.set_theme(style="whitegrid", font="DejaVu Sans")
        # a Figure of its own, without pyplot, is drawn by Agg on every machine and needs no display
        figure = Figure(figsize=(5.4 * panels, 4.2), layout="constrained")
        yield figure, list(figure.subplots(1, panels, sharey=True, squeeze=False)[0])


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})  # the tag names the version
    return buffer.getvalue()
