"""The page `reports/architectures.md`: the papers' architecture tables, made from the networks.

To add a table, declare it in `reports/papers/architecture_tables.toml`; one whose architecture isn't registered is left
out.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from architectures import catalogue
from architectures.counts import Counts
from architectures.signatures import Stem
from reports.pages import markdown
from reports.printed.figures import PAPERS
from reports.verdicts.complexity import Network

if TYPE_CHECKING:
    from torch import nn

HOW_TO_READ = (
    "The networks of `architectures/` in the rows of the papers' tables: none of these tables is typed, all "
    "are read off the modules. Batch normalisation, activations and shortcuts are left out, as the papers do; "
    "C is the number of groups of a convolution. Parameters are all of them, with normalisation and biases; "
    "mult-adds are those of convolutions and fully connected layers, one a multiplication with its addition. "
    "`run.py --arch NAME --describe` prints the table of any network."
)


@dataclass(frozen=True)
class Table:
    """A table of a paper, as `reports/papers/architecture_tables.toml` declares it.

    networks: `heading`, `arch` and `knobs` of each column. kinds: the paper's table of the share that
    each kind of layer has, shown below.
    """

    paper: str
    table: str
    networks: Sequence[Mapping]
    stem: Stem = "imagenet"
    resolution: int = 224
    note: str = ""
    kinds: str = ""

    @property
    def is_built(self) -> bool:
        """Whether all of its architectures are registered."""
        return all(network["arch"] in catalogue() for network in self.networks)

    def on_meta(self) -> "dict[str, nn.Module]":
        """Build the network of every column without memory."""
        return {
            column["heading"]: Network.of(
                column["arch"], self.stem, column.get("knobs", {}), self.resolution
            ).on_meta()
            for column in self.networks
        }


def tables(file: Path = PAPERS / "architecture_tables.toml") -> list[Table]:
    """Return the declared tables."""
    return [Table(**declared) for declared in tomllib.loads(file.read_text(encoding="utf-8"))["tables"]]


def files() -> dict[str, bytes]:
    """Make the page, by its path below `reports/`."""
    sections = [part for table in tables() if table.is_built for part in parts(table)]
    page = markdown.page("# The papers' architecture tables", HOW_TO_READ, *sections)
    return {"architectures.md": page.encode()}


def parts(table: Table) -> list[str]:
    """Return heading, note and Markdown tables."""
    from architectures import describe  # torch: for this page alone
    from architectures.counting import count_kinds

    networks = table.on_meta()
    described = {heading: describe.rows(network, table.resolution) for heading, network in networks.items()}
    made = [f"## {table.paper}, {table.table}", table.note]
    if len(networks) > 1:
        made.append(_side_by_side(described))
    else:
        (rows,) = described.values()
        made.append(markdown.table(describe.HEADINGS, rows, right=("parameters", "mult-adds")))
    if table.kinds:
        (network,) = networks.values()
        made += [f"### {table.paper}, {table.kinds}", _kinds(count_kinds(network, table.resolution))]
    return made


def _side_by_side(described: Mapping[str, Sequence[tuple[str, ...]]]) -> str:
    """A column a network: the blocks of every row, then the totals."""
    stages = {heading: {row[0]: row for row in rows[:-1]} for heading, rows in described.items()}
    body = []
    for name in dict.fromkeys(name for by_name in stages.values() for name in by_name):
        sizes = dict.fromkeys(by_name[name][1] for by_name in stages.values() if name in by_name)
        blocks = [by_name[name][2] if name in by_name else "—" for by_name in stages.values()]
        body.append([name, " / ".join(sizes), *blocks])
    totals = [rows[-1] for rows in described.values()]
    for name, column in (("weighted layers", 2), ("parameters", 3), ("mult-adds", 4)):
        body.append([name, "", *(total[column].removesuffix(" weighted layers") for total in totals)])
    return markdown.table(("layer", "output size", *described), body)


def _kinds(counted: Mapping[str, Counts]) -> str:
    """Shares in weights and mult-adds, the largest first."""
    weights = sum(counts.weights for counts in counted.values())
    mult_adds = sum(counts.mult_adds for counts in counted.values())
    body = [
        [kind, f"{100 * counts.mult_adds / mult_adds:.2f} %", f"{100 * counts.weights / weights:.2f} %"]
        for kind, counts in sorted(counted.items(), key=lambda item: -item[1].mult_adds)
    ]
    columns = ("kind of layer", "mult-adds", "weights")
    return markdown.table(columns, body, right=columns[1:])
