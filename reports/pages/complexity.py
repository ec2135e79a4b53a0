"""The page `reports/complexity.md`: every printed count of a network that is built here, beside ours."""

from collections import Counter
from collections.abc import Mapping, Sequence

from architectures import find
from reports.pages import markdown
from reports.printed import variants
from reports.printed.figures import Figure
from reports.verdicts import complexity
from reports.verdicts.complexity import CUT, EXACT, EXPLAINED, UNEXPLAINED, Network, Quoted, Row

DITTO = "″"
VERDICTS = (EXACT, CUT, EXPLAINED, UNEXPLAINED)
# The resolution and classes that a network has if a row doesn't say otherwise.
USUAL = {"cifar": (32, 10), "imagenet": (224, 1000)}

HOW_TO_READ = (
    "Parameters, multiply-adds, sizes, layers and channels as the papers print them, against the networks of "
    "`architectures/`, counted layer by layer. Nothing here is trained. *Exact* means that our count rounds to "
    "the printed figure at its printed precision; *exact if cut*, that the paper cut off the digits behind "
    "instead of rounding; *not reproducible as printed*, that no sensible way of counting gives the figure, "
    "with the reason beside it. What a paper's tables count, with or without batch normalisation, biases, "
    "classifier, stands above its table. The network is given as one would type it after `run.py`, once for all figures of it that follow "
    f"each other ({DITTO})."
)


def files() -> dict[str, bytes]:
    """Make the page, by its path below `reports/`."""
    judged = {paper: list(complexity.rows(paper)) for paper in complexity.papers()}
    sections = [_section(paper, rows) for paper, rows in judged.items()]
    page = markdown.page(
        "# Every printed count, counted again",
        HOW_TO_READ,
        _totals(judged),
        variants.footnotes(*sections),
        *sections,
    )
    return {"complexity.md": page.encode()}


def title(paper: str) -> tuple[str, str]:
    """Name of a paper, and which of its tables are read: the first paragraph of its module, cut at the colon."""
    doc = complexity.module_of(paper).__doc__ or ""
    name, colon, read = " ".join(doc.partition("\n\n")[0].split()).partition(": ")
    if not colon:
        raise ValueError(
            f"reports/verdicts/checks/{paper}.py: the docstring must begin with 'Paper (source): tables'"
        )
    return name, read[0].upper() + read[1:]


def typed(network: Network) -> str:
    """Return the network as flags of run.py, knobs at their defaults left out."""
    flags = [f"--arch {network.arch}"]
    for name, value in network.knobs:
        if value != find(network.arch).knobs[name].default_for(network.stem):
            flags.append(f"--{name.replace('_', '-')} {_value(value)}")
    if network.stem == "imagenet":
        flags.append("--dataset imagenet")
    return " ".join(flags)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value)


def _totals(judged: Mapping[str, Sequence[Row | Quoted]]) -> str:
    columns = ("paper", "figures", *VERDICTS, "quoted, not built")
    verdicts = {paper: Counter(row.verdict for row in rows) for paper, rows in judged.items()}
    body = [[f"[{title(paper)[0]}](#{paper})", *_line(counted)] for paper, counted in verdicts.items()]
    total = sum(verdicts.values(), Counter[str]())
    shown, rows = markdown.without_empty(columns, [*body, ["**all**", *_line(total)]], empty=["0"])
    return markdown.table(shown, rows, right=shown[1:])


def _line(verdicts: Counter[str]) -> list[str]:
    built = [verdicts[verdict] for verdict in VERDICTS]
    return [f"{number:,}" for number in (sum(built), *built, verdicts[""])]


def _section(paper: str, rows: Sequence[Row | Quoted]) -> str:
    name, read = title(paper)
    convention = complexity.module_of(paper).CONVENTION
    columns = ("table", "row", "network", "metric", "printed", "computed", "verdict")
    built = _said_once([_cells(row) for row in rows if isinstance(row, Row)], columns.index("network"))
    parts = [
        f'## <a id="{paper}"></a>{name}',
        read,
        f"Counted: {convention}.",
        markdown.table(columns, built, right=("printed", "computed")) if built else "",
        _quoted([row for row in rows if isinstance(row, Quoted)]),
    ]
    return "\n\n".join(part for part in parts if part)


def _said_once(rows: list[list[str]], column: int) -> list[list[str]]:
    """The rows with a ditto mark in a column where it says the same as the row above."""
    above = [None, *(row[column] for row in rows)]
    return [
        [*row[:column], DITTO if row[column] == said else row[column], *row[column + 1 :]]
        for row, said in zip(rows, above, strict=False)
    ]


def _cells(row: Row) -> list[str]:
    figure, network = row.figure, row.network
    resolution, classes = USUAL[network.stem]
    unusual = [
        *([f"{network.resolution}×{network.resolution}"] if network.resolution != resolution else []),
        *([f"{network.classes:,} classes"] if network.classes != classes else []),
    ]
    return [
        markdown.unbroken(figure.table),
        markdown.unbroken(figure.row_id),
        ", ".join([f"`{typed(network)}`", *unusual]),
        figure.metric,
        variants.marked(figure),
        computed(figure, row.counted),
        f"**{row.verdict}**: {row.reason}" if row.reason else row.verdict,
    ]


def computed(figure: Figure, ours: float) -> str:
    """Write our count: whole numbers whole, others to two more decimals than were printed."""
    return f"{ours:,}" if isinstance(ours, int) else f"{ours:,.{figure.precision + 2}f}"


def _quoted(rows: Sequence[Quoted]) -> str:
    """Return other people's networks in one line; what else isn't built, with its reason."""
    names = [
        row.figure.arch
        if row.reason.endswith(f": {row.figure.arch}")
        else f"{row.figure.arch} ({row.reason})"
        for row in rows
    ]
    return f"Quoted, not built: {'; '.join(dict.fromkeys(names))}." if names else ""
