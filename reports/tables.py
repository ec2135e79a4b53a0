"""The tables of a study's page: printed figures beside ours."""

import difflib
import re

from lightning_modules.data.catalogue import DATASETS
from reports import markdown, printed, statistics
from reports.counts import Counts
from reports.printed import Figure
from reports.results import Group, Results
from sweeps.study import Table, Variant

DAGGER = "†"
FOOTNOTE = f"{DAGGER} Printed figure taken from memory or uncertain: not seen in a copy of the paper."


def table(results: Results, dataset: str, declared: Table, counts: Counts) -> str:
    """One declared table: a row a variant, in declared order, printed figures beside ours.

    Parameters and mult-adds in millions, errors in per cent; the difference, ours minus printed, only under
    the budget `paper`, since a shorter training says nothing about the printed figure.
    """
    ours, theirs, difference = "error, ours", f"error, printed ({results.study.statistic})", "difference"
    columns = ["variant", "params, printed", "params", "mult-adds", theirs, ours]
    if results.budget == "paper":
        columns.append(difference)
    columns.append("records")
    rows = []
    for name in declared.variants:
        variant, group, count = (
            results.study.variant(name),
            results.groups[name, dataset],
            counts[name, dataset],
        )
        params, error = printed_parameters(variant, dataset), printed_error(variant, dataset)
        row = [
            f"`{name}`",
            marked(params, "M"),
            _millions(count.parameters),
            _millions(count.mult_adds),
            marked(error),
            str(group),
        ]
        if results.budget == "paper":
            row.append(_difference(group, error))
        row.append(
            f"[{len(group.records)}](#{anchor(results.budget, dataset, name)})" if group.records else "—"
        )
        rows.append(row)
    body = markdown.table(columns, rows, right=columns[1:])
    return f"{body}\n\n{FOOTNOTE}" if DAGGER in body else body


def printed_error(variant: Variant, dataset: str) -> Figure | None:
    """The printed test error for the data set and the augmentation that the study declares."""
    for figure in _printed_row(variant):
        declared = (DATASETS[dataset].title, variant.printed.augmentation)
        if figure.metric == "err" and (figure.dataset, figure.augmentation) == declared:
            return figure
    return None


def printed_parameters(variant: Variant, dataset: str) -> Figure | None:
    """The printed number of parameters; papers print one for CIFAR-10 and CIFAR-100 together ("CIFAR")."""
    for figure in _printed_row(variant):
        if figure.metric == "params_M" and DATASETS[dataset].title.startswith(figure.dataset):
            return figure
    return None


def marked(figure: Figure | None, unit: str = "") -> str:
    """A printed figure for a cell, marked where it wasn't seen in a copy of the paper; a dash for None."""
    if figure is None:
        return "—"
    unsure = re.search(r"\b(recalled|check)\b", figure.note)
    return f"{figure.value}{unit}{DAGGER if unsure else ''}"


def anchor(budget: str, dataset: str, variant: str) -> str:
    """The place in the trace where the records of a group begin."""
    return f"trace-{budget}-{dataset}-{variant}"


def _printed_row(variant: Variant) -> list[Figure]:
    if variant.printed is None:
        return []
    table, row = variant.printed.table, variant.printed.row
    figures = printed.read(table)
    found = [figure for figure in figures if figure.row_id == row]
    if not found:
        rows = list(dict.fromkeys(figure.row_id for figure in figures))
        near = difflib.get_close_matches(row, rows) or rows
        raise ValueError(
            f"{table}.csv has no row {row!r}, which variant {variant.name!r} names; "
            f"did you mean {' or '.join(near)}?"
        )
    return found


def _millions(number: int) -> str:
    millions = number / 1e6
    return f"{millions:,.0f}M" if millions >= 100 else f"{millions:#.3g}M"


def _difference(group: Group, figure: Figure | None) -> str:
    if figure is None or not group.records:
        return "—"
    return f"{statistics.summarise(group.errors).mean - float(figure.value):+.2f}".replace("-", "−")
