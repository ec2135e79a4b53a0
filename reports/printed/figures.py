"""The printed figures: `reports/papers/*.csv`, each number as the paper printed it.

A figure stays text, so that its precision survives: 1.0 is a claim about one decimal, 1.00 about two.
"""

import csv
import json
from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

PAPERS = Path(__file__).parents[1] / "papers"
PROTOCOLS = (
    "protocols"  # among them the file that says how the figures were taken (`reports.printed.protocols`)
)
# 35K, 1.3M and 1.5B as powers of ten, by which Decimal keeps how many digits were printed.
SUFFIXES = {"K": "e3", "M": "e6", "B": "e9"}


KEY = ("paper", "table", "row_id", "dataset", "augmentation", "metric")  # what names one figure


@dataclass(frozen=True)
class Figure:
    """One printed number. `kwargs` is what the paper says of the network, `value` the text as printed.

    `in_seed` says whether the documents that this project tests contain the figure: "yes", "no", "partly" (others of
    its table), "as image" or "as figure". `note` has the part "unseen" where no copy of the paper shows the figure, as
    far as we looked, and "second-hand" where only others were seen to quote it.
    """

    paper: str
    table: str
    row_id: str
    arch: str
    kwargs: dict[str, Any] = field(hash=False)
    dataset: str
    augmentation: str
    metric: str
    value: str
    in_seed: str
    note: str

    @cached_property
    def number(self) -> Decimal:
        """35K is 35,000. Raises ValueError if the value isn't a number, such as a "fail"."""
        try:
            return Decimal(self.value[:-1] + SUFFIXES.get(self.value[-1], self.value[-1]))
        except InvalidOperation:
            raise ValueError(
                f"{self.table}, {self.row_id}, {self.metric}: {self.value!r} is no number"
            ) from None

    @property
    def error(self) -> Decimal | None:
        """The printed figure as an error in per cent, 100 less an accuracy; None for a "fail".

        An accuracy of 1 or less is a share, as Xception prints it: 0.790.
        """
        try:
            number = self.number
        except ValueError:
            return None
        if "acc" not in self.metric:
            return number
        return 100 - (number if number > 1 else number.scaleb(2))

    def is_on(self, title: str) -> bool:
        """Return whether the figure was taken on the data set of that title; "CIFAR" stands for both, in every table."""
        if title.startswith("CIFAR-"):
            return self.dataset in (title, "CIFAR")
        return (
            self.dataset == title or title == "ImageNet" and self.dataset.startswith(("ImageNet", "ILSVRC"))
        )

    @property
    def _exponent(self) -> int:
        """Power of ten of the last printed digit."""
        return int(self.number.as_tuple().exponent)

    @property
    def precision(self) -> int:
        """Decimals printed."""
        return max(0, -self._exponent)

    def matches(self, x: float) -> bool:
        """Return whether x, in the unit of the metric, rounds to the printed number."""
        return abs(Decimal(x) - self.number) <= self._unit / 2

    def cut(self, x: float) -> bool:
        """Return whether x cut off, and not rounded, after the last printed decimal is the printed number."""
        return self.number <= Decimal(x) < self.number + self._unit

    @property
    def _unit(self) -> Decimal:
        return Decimal(1).scaleb(self._exponent)


def names(folder: Path = PAPERS) -> list[str]:
    """Return the files of figures that there are, without their endings."""
    return sorted(path.stem for path in folder.glob("*.csv") if path.stem != PROTOCOLS)


@cache
def read(name: str, folder: Path = PAPERS) -> tuple[Figure, ...]:
    """Read the figures of `<folder>/<name>.csv`, in its order.

    Raises:
        ValueError: there is no such table, a row of it can't be read, or two rows have the same key, which is all that
            stands before the figure but for the network; the message names the row.
    """
    path = folder / f"{name}.csv"
    if not path.is_file():
        known = ", ".join(names(folder)) or "none"
        raise ValueError(f"no printed table {name!r} in {folder.name}/; there are: {known}")
    with path.open(newline="", encoding="utf-8") as file:
        lines = {f"{path.name}, line {number}": row for number, row in enumerate(csv.DictReader(file), 2)}
    figures: dict[tuple[str, ...], Figure] = {}
    for where, row in lines.items():
        figure = _figure(row, where)
        key = tuple(getattr(figure, part) for part in KEY)
        if key in figures:
            raise ValueError(
                f"{where}: {', '.join(filter(None, key))} stands here twice; give the row an id of its own"
            )
        figures[key] = figure
    return tuple(figures.values())


@cache
def frame(folder: Path = PAPERS) -> "pd.DataFrame":
    """Return all printed figures, a row each in the order of the files: their `Figure` under `figure`, and its fields."""
    import pandas as pd  # takes a second

    figures = [figure for name in names(folder) for figure in read(name, folder)]
    columns = [part.name for part in fields(Figure)]
    rows = [[getattr(figure, column) for column in columns] + [figure] for figure in figures]
    return pd.DataFrame(rows, columns=[*columns, "figure"])


def _figure(row: dict[str, str], where: str) -> Figure:
    try:
        figure = Figure(
            kwargs=json.loads(row["variant_kwargs"]),
            **{part.name: row[part.name] for part in fields(Figure) if part.name != "kwargs"},
        )
    except KeyError as error:
        raise ValueError(f"{where}: the column {error} is missing") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{where}: variant_kwargs is no JSON: {error}") from None
    if None in row or None in row.values() or not figure.value:
        raise ValueError(f"{where}: the row has too few or too many cells")
    return figure
