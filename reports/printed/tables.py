"""The papers' tables: which there are (`reports/papers/tables.toml`), and the long files of figures laid out wide."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from reports.printed import figures as printed
from reports.printed import notation
from reports.printed.figures import Figure

FILE = printed.PAPERS / "tables.toml"


@dataclass(frozen=True)
class PaperTable:
    """One table: its source and name as the figures' files write them, and a title in our words.

    `across`: the name of what the paper varies from column to column, or empty.
    """

    source: str
    name: str
    title: str
    across: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Page:
    """The tables of one paper and of the code released with it, in order."""

    name: str
    title: str
    tables: tuple[PaperTable, ...]


class Column(NamedTuple):
    """What a column holds; data set, augmentation and the value of `across` only where columns differ in them."""

    metric: str
    dataset: str = ""
    augmentation: str = ""
    across: str = ""

    @property
    def title(self) -> str:
        """As the papers write it; an error that its data set or another particular tells is that alone."""
        particulars = [
            text for text in (notation.where(self.dataset, self.augmentation), self.across) if text
        ]
        metric = [] if self.metric == "err" and particulars else [notation.heading(self.metric)]
        return ", ".join([*metric, *particulars])


@dataclass(frozen=True)
class Row:
    """A row of a wide table: its label and its figures by column."""

    label: str
    figures: Mapping[Column, Figure]


@dataclass(frozen=True)
class Wide:
    """A table as the paper lays it out."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


@cache
def pages(file: Path = FILE) -> tuple[Page, ...]:
    """The declared pages with the figures of the files beside the declaration.

    Raises:
        ValueError: a file's table is on no page, or a page's table in no file; the message names it.
    """
    by_table: dict[tuple[str, str], list[Figure]] = {}
    for name in printed.names(file.parent):
        for figure in printed.read(name, file.parent):
            by_table.setdefault((figure.paper, figure.table), []).append(figure)
    declared = tomllib.loads(file.read_text(encoding="utf-8"))["pages"]
    made = [
        Page(
            page["name"],
            page["title"],
            tuple(
                PaperTable(
                    source, name, of["title"], of.get("across", ""), tuple(by_table.pop((source, name), ()))
                )
                for source, tables in page["tables"].items()
                for name, of in tables.items()
            ),
        )
        for page in declared
    ]
    if by_table:
        source, name = next(iter(by_table))
        raise ValueError(f"{file.name} has no page for {name!r} of {source!r}; add it, with a title")
    for page in made:
        for table in page.tables:
            if not table.figures:
                raise ValueError(f"{file.name}: no file has a table {table.name!r} of {table.source!r}")
    return tuple(made)


@cache
def tested_on(file: Path = FILE) -> frozenset[str]:
    """Return the data sets, as printed figures name them, on which our runs are tested."""
    return frozenset(tomllib.loads(file.read_text(encoding="utf-8"))["tested_on"])


def lay_out(table: PaperTable) -> Wide:
    """The figures of a table, a row a network, in the order of the files.

    Raises:
        ValueError: two figures of a row fall into one column.
    """
    rows = _rows(table)
    spread = {
        (column.metric, field)
        for row in rows
        for column in row
        for other in row
        for field in ("dataset", "augmentation")
        if column != other and column._replace(**{field: ""}) == other._replace(**{field: ""})
    }
    metrics_spread = {
        field: {metric for metric, name in spread if name == field} for field in ("dataset", "augmentation")
    }

    def narrowed(column: Column) -> Column:
        return column._replace(
            **{field: "" for field, metrics in metrics_spread.items() if column.metric not in metrics}
        )

    particular = _of_rows(rows, [field for field in metrics_spread if not metrics_spread[field]])
    narrow = [{narrowed(column): figure for column, figure in row.items()} for row in rows]
    labels = [
        ", ".join(filter(None, [_label(table, next(iter(row.values()))), *words]))
        for row, words in zip(rows, particular, strict=True)
    ]
    told_apart = (
        f"{text} ({next(iter(row.values())).row_id})" if labels.count(text) > 1 else text
        for text, row in zip(labels, rows, strict=True)
    )
    return Wide(tuple(_ordered(narrow)), tuple(map(Row, told_apart, narrow)))


def _rows(table: PaperTable) -> list[dict[Column, Figure]]:
    """A row for every row id or, where the paper varies something across, for every label.

    A row id that comes again, with a figure that its row has already, is another row.
    """
    rows: list[tuple[str, dict[Column, Figure]]] = []
    for figure in table.figures:
        varied = notation.phrase(table.across, figure.kwargs[table.across]) if table.across else ""
        column = Column(figure.metric, figure.dataset, figure.augmentation, varied)
        key = _label(table, figure) if table.across else figure.row_id
        row = next((row for name, row in reversed(rows) if name == key), None)
        if row is not None and column in row and table.across:
            raise ValueError(
                f"{table.source}, {table.name}, {key}: two figures {figure.metric!r} at {varied}"
            )
        if row is None or column in row:
            row = {}
            rows.append((key, row))
        row[column] = figure
    return [row for _, row in rows]


def _label(table: PaperTable, figure: Figure) -> str:
    return notation.label(figure.arch, {k: v for k, v in figure.kwargs.items() if k != table.across})


def _of_rows(rows: Sequence[Mapping[Column, Figure]], fields: Sequence[str]) -> list[list[str]]:
    """What tells rows apart and isn't told by columns: a data set or an augmentation that each row has one of."""
    words: list[list[str]] = [[] for _ in rows]
    for field in fields:
        values = [{getattr(figure, field) for figure in row.values()} for row in rows]
        if all(len(value) == 1 for value in values) and len(set.union(*values)) > 1:
            for own, value in zip(words, values, strict=True):
                own.append(
                    notation.PLUS.get(*value, *value) if field == "augmentation" else next(iter(value))
                )
    return words


def _ordered(rows: Sequence[Mapping[Column, Figure]]) -> list[Column]:
    """Metrics as the row with most of them has them, then data sets, augmentations and variations as they come."""
    seen = list(dict.fromkeys(column for row in rows for column in row))
    fullest = max(rows, key=lambda row: len({column.metric for column in row}))
    orders = [
        list(dict.fromkeys([*(column.metric for column in fullest), *(column.metric for column in seen)]))
    ]
    for field in ("dataset", "augmentation", "across"):
        orders.append(list(dict.fromkeys(getattr(column, field) for column in seen)))
    return sorted(
        seen, key=lambda column: [order.index(part) for order, part in zip(orders, column, strict=True)]
    )
