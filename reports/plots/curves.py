"""Training and test error against epochs, as in ResNeXt's Figure 5: means over seeds, banded from least to greatest."""

import math
from collections.abc import Mapping, Sequence

from lightning_modules.record import Record
from reports.plots import runs, style
from reports.plots.picture import Picture, Points
from reports.verdicts.results import Results

SPLITS = {"training": ("train_error", "--"), "test": ("curve_test_error", "-")}
CROWD = 8  # variants in a panel; more are spread over several
LONG = 20  # epochs from which on the first descent may leave the panel


def picture(results: Results, dataset: str) -> Picture | None:
    """A panel for each declared table, of the variants that have been run; None if no run has a figure to draw."""
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
        alt=f"Error against epochs, training and test, for each variant; {runs.place(results, dataset)}",
        caption=f"Mean over seeds, banded from the least to the greatest ({runs.number(results, dataset)}, budget "
        f"{results.budget}). The test error of the curves is taken on {_images(records)} test images, that of the "
        "tables on all of them.",
        points=points,
        draw=draw,
        settings={
            "title": f"{results.study.title}: {runs.place(results, dataset)}",
            "panels": panels,
            "variants": [variant.name for variant in results.study.variants],
        },
    )


def draw(
    points: Points, *, title: str, panels: Sequence[tuple[str, list[str]]], variants: Sequence[str]
) -> bytes:
    """PNG; a variant looks the same in all panels, by its place among `variants`. Panels: title and variants.

    Of long curves the first tenth may leave the panel at its top, so that the end of the training fills it.
    """
    with style.sheet(len(panels), title=title, sharex=True, sharey=True) as (figure, cells):
        marks = {name: style.mark(place) for place, name in enumerate(variants)}
        last = max(point["epoch"] for point in points)
        for panel, (heading, names) in zip(cells, panels, strict=True):
            for name in names:
                for split, (_, dash) in SPLITS.items():
                    own = [p for p in points if (p["variant"], p["split"]) == (name, split)]
                    epochs = [point["epoch"] for point in own]
                    look = marks[name] | {"linestyle": dash, "linewidth": 1.1, "markersize": 4}
                    panel.plot(epochs, [p["mean"] for p in own], markevery=max(1, last // 10), **look)
                    band = [p["least"] for p in own], [p["greatest"] for p in own]
                    panel.fill_between(epochs, *band, color=look["color"], alpha=0.1, linewidth=0)
            panel.set(title=style.wrapped(heading), xlabel="epoch", ylabel="error (%)")
            panel.locator_params("x", integer=True)
            panel.label_outer()
        if last >= LONG:
            cells[0].set(ylim=(0, 1.05 * max(p["greatest"] for p in points if p["epoch"] > last / 10)))
        shown = [name for name in variants if any(name in names for _, names in panels)]
        entries = {name: marks[name] | {"linestyle": ""} for name in shown}
        entries |= {split: {"color": "black", "linestyle": dash} for split, (_, dash) in SPLITS.items()}
        style.legend(figure, entries)
        return style.png(figure)


def _points(records: Mapping[str, Sequence[Record]]) -> Points:
    """A row for each variant, split and epoch that has a figure."""
    rows = []
    for name, own in records.items():
        for split, (key, _) in SPLITS.items():
            errors: dict[int, list[float]] = {}
            for curve in (record.curve for record in own):
                for epoch, error in zip(curve["epoch"], curve[key], strict=True):
                    if error is not None and math.isfinite(error):  # a run that diverged has none
                        errors.setdefault(epoch, []).append(error)
            for epoch, found in sorted(errors.items()):
                spread = {"least": round(min(found), 3), "greatest": round(max(found), 3), "runs": len(found)}
                mean = round(math.fsum(found) / len(found), 3)
                rows.append({"variant": name, "split": split, "epoch": epoch, "mean": mean} | spread)
    return rows


def _images(records: Mapping[str, Sequence[Record]]) -> str:
    all_of_them = [record for own in records.values() for record in own]
    found = sorted({record.curve_test_images for record in all_of_them})
    return " or ".join(f"{images:,}" for images in found)


def _spread(names: list[str]) -> list[list[str]]:
    """In as few parts as the crowd allows, of about the same size."""
    parts = math.ceil(len(names) / CROWD)
    size = math.ceil(len(names) / max(1, parts))
    return [names[start : start + size] for start in range(0, len(names), max(1, size))]
