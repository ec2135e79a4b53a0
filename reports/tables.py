"""The tables of a study's page: printed figures beside ours."""

import difflib
import re
from collections.abc import Sequence

from lightning_modules.data.catalogue import DATASETS
from reports import markdown, printed, statistics
from reports.counts import Counts
from reports.printed import Figure
from reports.results import Group, Results
from sweeps.study import Printed, Study, Table, Variant

DAGGER = "†"
FOOTNOTE = f"{DAGGER} Printed figure taken from memory or uncertain: not seen in a copy of the paper."


def table(results: Results, dataset: str, declared: Table, counts: Counts) -> str:
    """One declared table: a row a variant, in declared order, printed figures beside ours.

    Parameters and mult-adds in millions, errors in per cent. On a transfer the printed errors are those of the
    paper's own data set. The difference, ours minus printed, stands only under the budget `paper` and on that data
    set, since neither a shorter training nor another data set says anything about the printed figure.
    """
    study = results.study
    paper_data = paper_dataset(study, dataset)
    theirs = "error, printed" + (f" on {DATASETS[paper_data].title}" if paper_data != dataset else "")
    rows = []
    for name in declared.variants:
        variant, group, count = study.variant(name), results.groups[name, dataset], counts[name, dataset]
        error = printed_error(variant, paper_data)
        row = {
            "variant": f"`{name}`",
            "params, printed": _printed_count(variant, dataset, ("params_M",)),
            "params": _millions(count.parameters),
            "mult-adds, printed": _printed_count(variant, dataset, ("mult_adds_M", "flops_G")),
            "mult-adds": _millions(count.mult_adds),
            f"{theirs} ({study.printed_runs})": as_error(error),
            "error, ours": str(group),
            "difference": _difference(group, error),
            "records": f"[{len(group.records)}](#{anchor(results.budget, dataset, name)})"
            if group.records
            else "—",
        }
        rows.append(row)
    empty = [
        column for column in rows[0] if column.endswith(", printed") and {r[column] for r in rows} == {"—"}
    ]
    if results.budget != "paper" or paper_data != dataset:
        empty.append("difference")
    columns = [column for column in rows[0] if column not in empty]
    body = markdown.table(columns, [[row[column] for column in columns] for row in rows], right=columns[1:])
    return f"{body}\n\n{FOOTNOTE}" if DAGGER in body else body


def paper_dataset(study: Study, dataset: str) -> str:
    """The data set itself, or for a transfer the first that the paper has."""
    own = [name for name in study.datasets if name not in study.transfers]
    return own[0] if dataset in study.transfers and own else dataset


def printed_error(variant: Variant, dataset: str) -> Figure | None:
    """The printed test error, or accuracy, on a data set.

    Raises:
        ValueError: the variant's row doesn't exist, or has several such figures; the message says what to add.
    """
    found = printed_errors(variant, dataset)
    if len({figure.value for figure in found}) > 1:
        kinds = ", ".join(f"{figure.augmentation!r} of {figure.table}" for figure in found)
        raise ValueError(
            f"variant {variant.name!r}: several figures on {DATASETS[dataset].title}; name its augmentation or its "
            f"part: {kinds}"
        )
    return found[0] if found else None


def printed_errors(variant: Variant, dataset: str) -> list[Figure]:
    """The figures that a variant is to be held against on a data set: one, or the same one of several tables.

    Raises:
        ValueError: the variant's row doesn't exist.
    """
    title = DATASETS[dataset].title
    return [
        figure
        for place in variant.printed
        for figure in _row(place, variant)
        if figure.metric == place.metric
        and figure.is_on(title)
        and figure.augmentation in (place.augmentation or figure.augmentation,)
    ]


def printed_count(variant: Variant, dataset: str, metrics: Sequence[str]) -> Figure | None:
    """The first of these metrics that the variant's row prints for a data set."""
    for place in variant.printed:
        for figure in _row(place, variant):
            if figure.metric in metrics and figure.is_on(DATASETS[dataset].title):
                return figure
    return None


def marked(figure: Figure | None, text: str = "") -> str:
    """A printed figure for a cell, or another `text` for it, marked if it wasn't seen in a copy of the paper."""
    if figure is None:
        return "—"
    unsure = re.search(r"\b(recalled|check)\b", figure.note)
    return f"{text or figure.value}{DAGGER if unsure else ''}"


def as_error(figure: Figure | None) -> str:
    """As an error, whichever the paper prints; a "fail" as it is."""
    if figure is None or figure.error is None or "acc" not in figure.metric:
        return marked(figure)
    return marked(figure, f"{figure.error} (accuracy {figure.value})")


def anchor(budget: str, dataset: str, variant: str) -> str:
    """The place in the trace where the records of a group begin."""
    return f"trace-{budget}-{dataset}-{variant}"


def _row(place: Printed, variant: Variant) -> list[Figure]:
    figures = [figure for figure in printed.read(place.table) if place.part in ("", figure.table)]
    found = [figure for figure in figures if figure.row_id == place.row]
    if not found:
        rows = list(dict.fromkeys(figure.row_id for figure in figures))
        near = difflib.get_close_matches(place.row, rows) or rows
        where = f"{place.table}.csv{f', {place.part},' if place.part else ''}"
        raise ValueError(
            f"{where} has no row {place.row!r}, which variant {variant.name!r} names; "
            f"did you mean {' or '.join(near)}?"
        )
    return found


def _printed_count(variant: Variant, dataset: str, metrics: Sequence[str]) -> str:
    figure = printed_count(variant, dataset, metrics)
    return marked(figure, f"{figure.value}{figure.metric[-1]}" if figure else "")


def _millions(number: int) -> str:
    millions = number / 1e6
    return f"{millions:,.0f}M" if millions >= 100 else f"{millions:#.3g}M"


def _difference(group: Group, figure: Figure | None) -> str:
    if figure is None or figure.error is None or not group.records:
        return "—"
    return f"{statistics.summarise(group.errors).mean - float(figure.error):+.2f}".replace("-", "−")
