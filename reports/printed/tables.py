"""The papers' tables: which there are (`reports/papers/tables.toml`), and the long files of figures laid out wide."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from reports.printed import figures as printed
from reports.printed import notation
from reports.printed.figures import Figure

FILE = printed.PAPERS / "tables.toml"


@dataclass(frozen=True)
class PaperTable:
    """One table: its source and name as the figures' files write them, and a title in our words.

    `across`: the name of what the paper varies from column to column, or empty. `figures`: of `printed.figures.frame`.
    """

    source: str
    name: str
    title: str
    across: str
    figures: pd.DataFrame


@dataclass(frozen=True)
class Page:
    """The tables of one paper and of the code released with it, in order."""

    name: str
    title: str
    tables: tuple[PaperTable, ...]


@cache
def pages(file: Path = FILE) -> tuple[Page, ...]:
    """Return the declared pages with the figures of the files beside the declaration.

    Raises:
        ValueError: a file's table is on no page, or a page's table in no file; the message names it.
    """
    by_table = dict(list(printed.frame(file.parent).groupby(["paper", "table"], sort=False)))
    declared = tomllib.loads(file.read_text(encoding="utf-8"))["pages"]
    names = [(source, name) for page in declared for source, of in page["tables"].items() for name in of]
    for source, name in by_table:
        if (source, name) not in names:
            raise ValueError(f"{file.name} has no page for {name!r} of {source!r}; add it, with a title")
    for source, name in names:
        if (source, name) not in by_table:
            raise ValueError(f"{file.name}: no file has a table {name!r} of {source!r}")
    return tuple(
        Page(
            page["name"],
            page["title"],
            tuple(
                PaperTable(source, name, of["title"], of.get("across", ""), by_table[source, name])
                for source, tables in page["tables"].items()
                for name, of in tables.items()
            ),
        )
        for page in declared
    )


@cache
def tested_on(file: Path = FILE) -> frozenset[str]:
    """Return the data sets, as printed figures name them, on which our runs are tested."""
    return frozenset(tomllib.loads(file.read_text(encoding="utf-8"))["tested_on"])


FIELDS = ["metric", "dataset", "augmentation", "across"]  # what tells the columns of a table apart
OF_ROW_OR_COLUMN = ["dataset", "augmentation"]  # what a paper tells by either


def lay_out(table: PaperTable) -> pd.DataFrame:
    """Return the figures of a table, a row each, with their places in the table as the paper lays it out.

    Columns: `row` and `column`, numbers from 0; `label` of the row; `title` of the column, and what tells it apart,
    `metric`, `dataset`, `augmentation` and `across`, empty where columns don't differ in it; `figure`; `row_id`.
    `.pivot(index="row", columns="column", values="figure")` is the table.

    Raises:
        ValueError: two figures of a row fall into one column.
    """
    long = table.figures[["row_id", *FIELDS[:-1], "figure"]].copy()
    long["label"] = [_label(table, figure) for figure in long.figure]
    long["across"] = [
        notation.phrase(table.across, figure.kwargs[table.across]) if table.across else ""
        for figure in long.figure
    ]
    long["row"] = _rows(table, long)
    long = long.sort_values("row", kind="stable", ignore_index=True)
    several = {field: _differs_within_rows(long, field) for field in OF_ROW_OR_COLUMN}
    heads = long.drop_duplicates("row").set_index("row")
    for field, metrics in several.items():
        values = long.groupby("row")[field]
        if not metrics and values.nunique().max() == 1 and long[field].nunique() > 1:
            words = values.first().map(lambda value: notation.PLUS.get(value, value))
            heads["label"] += words.where(words == "", ", " + words)
    for field, metrics in several.items():
        long.loc[~long.metric.isin(metrics), field] = ""
    repeated = heads.label.duplicated(keep=False)
    heads.loc[repeated, "label"] += " (" + heads.row_id + ")"
    long["label"] = long.row.map(heads.label)
    long["column"] = _columns(long)
    long["title"] = [_title(*column) for column in zip(*(long[field] for field in FIELDS), strict=True)]
    return long


def _rows(table: PaperTable, long: pd.DataFrame) -> pd.Series:
    """Number the rows: one for every row id or, where the paper varies something across, for every label."""
    name = "label" if table.across else "row_id"
    if (twice := long.duplicated([name, *FIELDS])).any():
        first = long[twice].iloc[0]
        raise ValueError(
            f"{table.source}, {table.name}, {first[name]}: two figures {first.metric!r} at {first.across}"
        )
    return long.groupby(name, sort=False).ngroup()


def _label(table: PaperTable, figure: Figure) -> str:
    return notation.label(figure.arch, {k: v for k, v in figure.kwargs.items() if k != table.across})


def _title(metric: str, dataset: str, augmentation: str, across: str) -> str:
    """Write a column as the papers do; an error that its data set or another particular tells is that alone."""
    particulars = [text for text in (notation.where(dataset, augmentation), across) if text]
    return ", ".join(([] if metric == "err" and particulars else [notation.heading(metric)]) + particulars)


def _differs_within_rows(long: pd.DataFrame, field: str) -> list[str]:
    """Return the metrics of which a row has several figures that differ in nothing but a field."""
    others = [name for name in FIELDS if name != field]
    several = long.groupby(["row", *others])[field].nunique() > 1
    return list(several[several].index.unique("metric"))


def _columns(long: pd.DataFrame) -> pd.Series:
    """Number the columns: metrics as the row with most of them has them, then the other fields' values as they come."""
    fullest = long.groupby("row").metric.nunique().idxmax()
    metrics = pd.concat([long.metric[long.row == fullest], long.metric]).unique()
    ranks = {field: pd.factorize(long[field])[0] for field in FIELDS[1:]}
    return (
        pd.DataFrame({"metric": pd.Index(metrics).get_indexer(long.metric)} | ranks).groupby(FIELDS).ngroup()
    )
