"""What the papers print for the rows of a study, and how a cell shows it."""

import re
from collections.abc import Sequence

from architectures.spelling import did_you_mean
from lightning_modules.data.catalogue import DATASETS
from reports.printed import figures
from reports.printed.figures import Figure
from sweeps.study import Printed, Study, Variant

DAGGER = "†"
FOOTNOTE = f"{DAGGER} Printed figure taken from memory or uncertain: not seen in a copy of the paper."


def paper_dataset(study: Study, dataset: str) -> str:
    """Return the data set itself, or for a transfer the first that the paper has."""
    papers_data = [name for name in study.datasets if name not in study.transfers]
    return papers_data[0] if dataset in study.transfers and papers_data else dataset


def printed_error(variant: Variant, dataset: str) -> Figure | None:
    """Return the printed test error, or accuracy, on a data set.

    Raises:
        ValueError: the variant's row doesn't exist, or has several such figures; the message says what to add.
    """
    errors = printed_errors(variant, dataset)
    if len({figure.value for figure in errors}) > 1:
        kinds = ", ".join(f"{figure.augmentation!r} of {figure.table}" for figure in errors)
        raise ValueError(
            f"variant {variant.name!r}: several figures on {DATASETS[dataset].title}; name its augmentation or its "
            f"part: {kinds}"
        )
    return errors[0] if errors else None


def printed_errors(variant: Variant, dataset: str) -> list[Figure]:
    """Return the figures that a variant is to be held against on a data set: one, or the same one of several tables.

    Raises:
        ValueError: the variant's row doesn't exist.
    """
    title = DATASETS[dataset].title
    return [
        figure
        for printed in variant.printed
        for figure in _row(printed, variant)
        if figure.metric == printed.metric
        and figure.is_on(title)
        and figure.augmentation in (printed.augmentation or figure.augmentation,)
    ]


def printed_count(variant: Variant, dataset: str, metrics: Sequence[str]) -> Figure | None:
    """Return the first of these metrics that the variant's row prints for a data set."""
    for printed in variant.printed:
        for figure in _row(printed, variant):
            if figure.metric in metrics and figure.is_on(DATASETS[dataset].title):
                return figure
    return None


def marked(figure: Figure | None, text: str = "") -> str:
    """Return a printed figure for a cell, or another `text` for it, marked if it wasn't seen in a copy of the paper."""
    if figure is None:
        return "—"
    unsure = re.search(r"\b(recalled|check)\b", figure.note)
    return f"{text or figure.value}{DAGGER if unsure else ''}"


def as_error(figure: Figure | None) -> str:
    """Return the figure as an error, whichever the paper prints; a "fail" as it is."""
    if figure is None or figure.error is None or "acc" not in figure.metric:
        return marked(figure)
    return marked(figure, f"{figure.error} (accuracy {figure.value})")


def _row(printed: Printed, variant: Variant) -> list[Figure]:
    rows = [figure for figure in figures.read(printed.table) if printed.part in ("", figure.table)]
    row = [figure for figure in rows if figure.row_id == printed.row]
    if not row:
        names = list(dict.fromkeys(figure.row_id for figure in rows))
        where = f"{printed.table}.csv{f', {printed.part},' if printed.part else ''}"
        raise ValueError(
            f"{where} has no row {printed.row!r}, which variant {variant.name!r} names"
            + did_you_mean(printed.row, names)
        )
    return row
