"""How printed figures were taken: `reports/papers/protocols.csv`, by table, row and metric.

`protocol` is one of `lightning_modules.protocols`, or of `ELSEWHERE`, by which nothing is evaluated here. A later line of
the file goes before an earlier one; `rows` and `metrics` are regular expressions, empty for all of a table.
"""

import csv
import re
from dataclasses import dataclass, fields
from functools import cache

from lightning_modules.data.catalogue import DATASETS, ArrayDataset
from lightning_modules.protocols import ONE_CROP, PROTOCOLS
from reports.printed import figures
from reports.printed.figures import Figure
from sweeps.claim import Measure

WHOLE_IMAGE, NOT_PRINTED, QUOTED = "whole_image", "not_printed", "quoted"
# Protocols by which nothing is evaluated here, and what a page calls them.
ELSEWHERE = {
    NOT_PRINTED: "protocol not printed",
    QUOTED: "as another paper printed it",
    "several_networks": "several networks",
    "crops_12": "12 crops",
    "crop_299": "a crop of 299",
    "crop_320": "a crop of 320",
    "other_crop": "other crops",
}


@dataclass(frozen=True)
class Facts:
    """What the paper says of how figures were taken; `test_set` and `epoch` are "not printed" where it doesn't.

    training: the images trained on where they aren't the whole training set. epoch: last, best, by validation …
    """

    protocol: str
    test_set: str = "not printed"
    training: str = ""
    epoch: str = "not printed"
    note: str = ""

    @property
    def title(self) -> str:
        """Return the protocol in words."""
        if self.protocol == WHOLE_IMAGE:
            return "whole image"
        return ELSEWHERE.get(self.protocol) or PROTOCOLS[self.protocol].title


def of(figure: Figure) -> Facts:
    """Return how a figure was taken; where the file doesn't say, images of one size were seen whole."""
    for rows, metrics, facts in reversed(_by_table().get((figure.paper, figure.table), ())):
        if re.fullmatch(rows or ".*", figure.row_id) and re.fullmatch(metrics or ".*", figure.metric):
            return facts
    of_one_size = (data.title for data in DATASETS.values() if isinstance(data, ArrayDataset))
    return Facts(WHOLE_IMAGE if any(map(figure.is_on, of_one_size)) else NOT_PRINTED)


def evaluation_of(figure: Figure) -> str | None:
    """Return the evaluation of our runs that a figure is like: empty for the test, None if there is none."""
    protocol = of(figure).protocol
    if protocol in (ONE_CROP, WHOLE_IMAGE):
        return ""
    return None if protocol in ELSEWHERE else protocol


def goes_with_test(figure: Figure) -> bool:
    """Return whether a figure may be held against the test: it is of one crop, by custom also where nothing is printed."""
    return evaluation_of(figure) == "" or of(figure).protocol == NOT_PRINTED


def measure_of(figure: Figure) -> Measure:
    """Return what a printed error or accuracy measures: of one guess, or of five."""
    return "top5_error" if "top5" in figure.metric else "test_error"


@cache
def _by_table() -> dict[tuple[str, str], list[tuple[str, str, Facts]]]:
    """The lines of the file, by paper and table. Raises ValueError for a protocol that doesn't exist."""
    lines: dict[tuple[str, str], list[tuple[str, str, Facts]]] = {}
    path = figures.PAPERS / f"{figures.PROTOCOLS}.csv"
    with path.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            if row["protocol"] not in {WHOLE_IMAGE, *ELSEWHERE, *PROTOCOLS}:
                raise ValueError(f"{path.name}, line {number}: no protocol {row['protocol']!r}")
            facts = Facts(**{field.name: row[field.name] for field in fields(Facts)})
            lines.setdefault((row["paper"], row["table"]), []).append((row["rows"], row["metrics"], facts))
    return lines
