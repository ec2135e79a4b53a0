"""What the papers print for the rows of a study, and how a cell shows it."""

from collections.abc import Sequence
from dataclasses import replace

from architectures.spelling import did_you_mean
from lightning_modules.data.catalogue import DATASETS
from reports.printed import figures, protocols
from reports.printed.figures import Figure
from sweeps.claim import Measure
from sweeps.study import Printed, Study, Variant

UNSEEN, SECOND_HAND = "†", "‡"
MARKS = {"unseen": UNSEEN, "second-hand": SECOND_HAND}  # by the part of a figure's note that asks for it
FOOTNOTES = {
    UNSEEN: "Printed figure not seen in any copy of the paper.",
    SECOND_HAND: "Printed figure seen only where others quote it, not in the paper's own table.",
}


def paper_dataset(study: Study, dataset: str) -> str:
    """Return the data set itself, or for a transfer the one that it stands in for, or the first that the paper has."""
    papers_data = [name for name in study.datasets if name not in study.transfers]
    if dataset not in study.transfers or not papers_data:
        return dataset
    large = DATASETS[dataset].stands_in_for
    return large if large in papers_data else papers_data[0]


def printed_error(variant: Variant, dataset: str, measure: Measure = "test_error") -> Figure | None:
    """Return the printed test error, or accuracy, on a data set: the first that the variant names.

    measure: "test_error", or "top5_error". Others that it names may be the same figure of other tables, or of another
    protocol.

    Raises:
        ValueError: the variant's row doesn't exist, or has several such figures; the message says what to add.
    """
    of_rows = [_errors(printed, variant, dataset) for printed in variant.printed]
    errors = [figure for of_row in of_rows for figure in of_row if protocols.measure_of(figure) == measure]
    if measure == "top5_error" and not errors:
        errors = [figure for figure in printed_beside(variant, dataset) if "top5" in figure.metric][:1]
    like = [f for f in errors if protocols.of(f).protocol == protocols.of(errors[0]).protocol]
    for alternatives in (like, *of_rows):
        _check_one(variant, dataset, alternatives)
    return errors[0] if errors else None


def _check_one(variant: Variant, dataset: str, errors: Sequence[Figure]) -> None:
    # An accuracy of 74.8 and an error of 25.2 are one figure; a "fail" is no number.
    if len({figure.value if figure.error is None else figure.error for figure in errors}) > 1:
        kinds = ", ".join(f"{figure.augmentation!r} of {figure.table}" for figure in errors)
        raise ValueError(
            f"variant {variant.name!r}: several figures on {DATASETS[dataset].title}; name its augmentation or its "
            f"part: {kinds}"
        )


def printed_errors(variant: Variant, dataset: str) -> list[Figure]:
    """Return the figures that a variant names on a data set: one, the same of several tables, or of several protocols.

    Raises:
        ValueError: the variant's row doesn't exist.
    """
    return [figure for printed in variant.printed for figure in _errors(printed, variant, dataset)]


def printed_beside(variant: Variant, dataset: str) -> list[Figure]:
    """Return what the same rows print beside `printed_errors`: the errors of five guesses, and those of ten crops."""
    named = [
        (printed, top.replace("1crop", crops))
        for printed in variant.printed
        for top in (printed.metric, printed.metric.replace("top1", "top5"))
        for crops in ("1crop", "10crop")
    ]
    others = [replace(printed, metric=metric) for printed, metric in named if metric != printed.metric]
    return [figure for other in dict.fromkeys(others) for figure in _errors(other, variant, dataset)]


def _errors(printed: Printed, variant: Variant, dataset: str) -> list[Figure]:
    return [
        figure
        for figure in _row(printed, variant)
        if figure.metric == printed.metric
        and figure.is_on(DATASETS[dataset].title)
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
    """Return a printed figure for a cell, or another `text` for it, marked if the paper's own table wasn't seen."""
    if figure is None:
        return "—"
    return f"{text or figure.value}{''.join(MARKS.get(part, '') for part in figure.note.split('; '))}"


def footnotes(*texts: str) -> str:
    """Return what the marks that stand in these texts mean, a paragraph each."""
    return "\n\n".join(
        f"{mark} {meaning}" for mark, meaning in FOOTNOTES.items() if any(mark in text for text in texts)
    )


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
