"""The pictures of a study's page, drawn from the records alone: the same records give the same bytes.

Readable without colour: variants differ by their markers, training and test error by dashes.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402  (after the choice of the backend)
import pandas as pd  # noqa: E402
import seaborn as sns  # noqa: E402
from matplotlib.lines import Line2D  # noqa: E402

from lightning_modules.data.catalogue import DATASETS  # noqa: E402
from reports.counts import Counts  # noqa: E402
from reports.results import Results  # noqa: E402
from sweeps.study import Table  # noqa: E402

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
                sns.lineplot(
                    frame[frame.split == split], x="epoch", y="error", hue="variant", style="variant",
                    linestyle=dash, dashes=False, markersize=5, markevery=max(1, frame.epoch.max() // 10),
                    errorbar=("pi", 100), legend=False, ax=panel, **_looks(table),
                )  # fmt: skip
            panel.set(title=table.title, xlabel="epoch", ylabel="error (%)", ylim=(0, None))
            panel.xaxis.get_major_locator().set_params(integer=True)
            _legend(
                panel, table, [Line2D([], [], color="black", linestyle=d, label=s) for s, d in SPLITS.items()]
            )
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
                ax=panel, **_looks(table),
            )  # fmt: skip
            means = frame.groupby("millions", as_index=False)["error"].mean()
            panel.plot(means.millions, means.error, "_", color="black", markersize=16, zorder=0)
            panel.set(
                title=table.title, xlabel="parameters (millions)", ylabel="test error (%)", xlim=(0, None)
            )
            panel.margins(y=0.15)
            mean = Line2D(
                [], [], color="black", marker="_", markersize=10, linestyle="", label="mean of seeds"
            )
            _legend(panel, table, [mean])
        figure.suptitle(_title(results, dataset))
        return _png(figure)


def tables_with_runs(results: Results, dataset: str) -> list[Table]:
    """The declared tables of which at least one variant has been run."""
    return [
        table
        for table in results.study.tables
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


def _looks(table: Table) -> dict:
    """Colour and marker of each variant, by its place in the table."""
    names = table.variants
    return {
        "hue_order": names,
        "style_order": names,
        "palette": {name: SHADES[i % len(SHADES)] for i, name in enumerate(names)},
        "markers": {name: MARKERS[i % len(MARKERS)] for i, name in enumerate(names)},
    }


def _legend(panel: plt.Axes, table: Table, more: list[Line2D]) -> None:
    looks = _looks(table)
    variants = [
        Line2D([], [], color=looks["palette"][n], marker=looks["markers"][n], linestyle="", label=n)
        for n in table.variants
    ]
    panel.legend(handles=[*variants, *more], fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _title(results: Results, dataset: str) -> str:
    return f"{results.study.title}: {DATASETS[dataset].title}, budget {results.budget}"


@contextmanager
def _page(panels: int) -> Iterator[tuple[plt.Figure, list[plt.Axes]]]:
    """A row of panels in fixed style, whatever the user's own matplotlib settings are."""
    with plt.rc_context():
        matplotlib.rcdefaults()
        sns.set_theme(style="whitegrid", font="DejaVu Sans")
        figure, axes = plt.subplots(
            1, panels, figsize=(5.4 * panels, 3.8), sharey=True, squeeze=False, layout="constrained"
        )
        try:
            yield figure, list(axes[0])
        finally:
            plt.close(figure)


def _png(figure: plt.Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})  # the tag names the version
    return buffer.getvalue()
