"""The pages `reports/tables_<paper>.md`: a paper's tables as it prints them, ours under every row; and their list."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from lightning_modules.data.catalogue import DATASETS
from reports import markdown, paper_cells, paper_tables, spent, tables
from reports.paper_cells import APART, COUNTED, NO_STUDY, QUOTED, TRAINED, Cited, Ours, Standing
from reports.paper_tables import Column, Page, PaperTable, Row, Wide
from reports.printed import Figure
from reports.results import Results
from sweeps import study as studies
from sweeps.study import Study

CONTAINED = "◆"
OURS = "↳ ours"
HOW_TO_READ = f"""Each row as its source prints it, in its order; errors and accuracies in per cent. Under it, ours:

- **counts**: ✓ rounds to the printed figure at its precision; ✓ cut: the source cut off the digits behind; ✗ not
  reproducible as printed, for the reason given among [all counts](complexity.md).
- **trained figures**, of the budget `paper` alone: mean ± 95 % t-interval (runs), the difference, ours less printed, and
  a verdict: **agrees** where the interval contains the printed figure, **differs** where not, *one run* where there is no
  interval. `— (0/3)`: none of three runs done. *no study*: the network is built here, but no study runs this row.
- **quoted**: a network that isn't built here. A printed figure with nothing under it has no counterpart here; the reason
  stands below the table.

{CONTAINED} The documents whose claims this project tests contain the table, the row, or a part of it."""
SUMMARY = ("tables", "figures", "counted", "run", "declared", "no study", "quoted", "apart")


def files(collated: Iterable[tuple[Study, list[Results]]]) -> dict[str, bytes]:
    """All pages, by their paths below `reports/`; `collated` has every study with its budgets."""
    ours = paper_cells.collect(collated)
    made, totals = {}, []
    for page in paper_tables.pages():
        wide = [paper_tables.lay_out(table) for table in page.tables]
        made[f"{name(page)}.md"] = _page(page, wide, ours).encode()
        totals.append((page, _summary(wide, ours)))
    return made | {"tables.md": _list(totals).encode()}


def name(page: Page) -> str:
    return f"tables_{page.name}"


def _list(totals: Sequence[tuple[Page, Counter[str]]]) -> str:
    rows = [[f"[{page.title}]({name(page)}.md)", *_line(total)] for page, total in totals]
    rows.append(["**all**", *_line(sum((total for _, total in totals), Counter()))])
    return markdown.page(
        "# The papers' tables",
        "Every table that the documents contain, and the others of the same papers and of the code that was released with "
        "them, with ours under every row.",
        markdown.table(("paper", *SUMMARY), rows, right=SUMMARY),
        "*Counted*: parameters, multiply-adds, sizes, layers. *Declared*: a study runs the row; *run*: with runs under the "
        "budget `paper`. *No study*: the network is built here, but no study runs the row. *Quoted*: of networks that "
        "aren't built here. *Apart*: what isn't measured here, such as top-5 errors or the speed of the authors' machines.",
    )


def _line(total: Counter[str]) -> list[str]:
    return [f"{total[column]:,}" for column in SUMMARY]


def _summary(tables_of_page: Sequence[Wide], ours: Ours) -> Counter[str]:
    total = Counter(tables=len(tables_of_page))
    kinds = {COUNTED: "counted", TRAINED: "declared", NO_STUDY: "no study", QUOTED: "quoted", APART: "apart"}
    for wide in tables_of_page:
        for row in wide.rows:
            for column, standing in ours.standings(row).items():
                total.update(["figures", kinds[standing.kind]])
                total["run"] += standing.kind == TRAINED and any(
                    place.group("paper").records for place in _own(ours, row.figures[column])
                )
    return total


def _page(page: Page, tables_of_page: Sequence[Wide], ours: Ours) -> str:
    sections = [_section(page, table, wide, ours) for table, wide in zip(page.tables, tables_of_page)]
    unsure = tables.FOOTNOTE if any(tables.DAGGER in section for section in sections) else ""
    return markdown.page(f"# The tables of {page.title}", HOW_TO_READ, unsure, *sections)


def _section(page: Page, table: PaperTable, wide: Wide, ours: Ours) -> str:
    standings = [ours.standings(row) for row in wide.rows]
    released = "" if table.source == page.tables[0].source else f"{_in_documents(table.source)}, "
    contained = {figure.in_seed != "no" for figure in table.figures}
    mark = f" {CONTAINED}" if True in contained else ""
    parts = [
        f"## {released}{table.name}: {table.title}{mark}",
        _caption(table, wide, ours),
        *(_table(columns, wide, standings, ours, len(contained) > 1) for columns in _split(table, wide)),
        _apart(wide, standings),
        _notes(table, wide),
        *_shorter(wide, ours),
    ]
    return "\n\n".join(part for part in parts if part)


def _caption(table: PaperTable, wide: Wide, ours: Ours) -> str:
    """Data sets, augmentation and statistic of the printed figures where columns don't say them; the studies."""
    said = []
    for title, field in (("data", "dataset"), ("augmentation", "augmentation")):
        values = dict.fromkeys(getattr(figure, field) for figure in table.figures)
        if not any(getattr(column, field) for column in wide.columns) and any(values):
            said.append(f"{title}: {', '.join(filter(None, values))}")
    citing = [place.study for figure in table.figures for place in _own(ours, figure)]
    if citing:
        cited = Counter(study.name for study in citing)
        first, *_ = names = sorted(cited, key=lambda study: (-cited[study], study))
        said.append(f"printed: {next(study.statistic for study in citing if study.name == first)}")
        said.append("studies: " + ", ".join(f"[{study}]({study}.md)" for study in names))
    text = "; ".join(said)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _split(table: PaperTable, wide: Wide) -> list[Sequence[Column]]:
    """One table, or where the paper varies something across and prints several metrics, one for each of them."""
    metrics = dict.fromkeys(column.metric for column in wide.columns)
    if not table.across or len(metrics) == 1:
        return [wide.columns]
    return [[column for column in wide.columns if column.metric == metric] for metric in metrics]


def _table(
    columns: Sequence[Column],
    wide: Wide,
    standings: Sequence[Mapping[Column, Standing]],
    ours: Ours,
    mark_rows: bool,
) -> str:
    lines = []
    for row, standing in zip(wide.rows, standings):
        here = [column for column in columns if column in row.figures]
        if not here:
            continue
        kinds = {standing[column].kind for column in here}
        quoted = " *(quoted)*" if kinds == {QUOTED} else ""
        mark = f" {CONTAINED}" if mark_rows and any(row.figures[c].in_seed != "no" for c in here) else ""
        lines.append([f"{row.label}{mark}{quoted}", *(tables.marked(row.figures[c]) if c in row.figures else "" for c in columns)])
        if not quoted and kinds != {APART}:
            lines.append([OURS, *(_ours(row, column, standing.get(column), ours) for column in columns)])
    titles = [column.title for column in columns]
    return markdown.table(["", *titles], lines, right=titles)


def _ours(row: Row, column: Column, standing: Standing | None, ours: Ours) -> str:
    if standing is None or standing.kind == APART:
        return ""
    figure = row.figures[column]
    if standing.kind == COUNTED:
        return paper_cells.count(ours.counted[figure])
    if standing.kind == TRAINED:
        return paper_cells.trained(figure, _own(ours, figure))
    return f"*{standing.kind}*"


def _own(ours: Ours, figure: Figure) -> list[Cited]:
    return [place for place in ours.cited.get(figure, ()) if not place.is_transfer]


def _apart(wide: Wide, standings: Sequence[Mapping[Column, Standing]]) -> str:
    """Why figures have no counterpart, with the columns that they stand in."""
    reasons: dict[str, dict[str, None]] = {}
    for standing in standings:
        for column in wide.columns:
            if column in standing and standing[column].kind == APART:
                reasons.setdefault(standing[column].reason, {})[column.title] = None
    said = [f"{', '.join(titles)} ({reason})" for reason, titles in reasons.items()]
    return f"No counterpart: {'; '.join(said)}." if said else ""


def _notes(table: PaperTable, wide: Wide) -> str:
    """What the files note: once if all figures have it, else with the rows that do."""
    by_note: dict[str, list[str]] = {}
    for row in wide.rows:
        for note in dict.fromkeys(note for figure in row.figures.values() for note in _said(figure)):
            by_note.setdefault(note, []).append(row.label)
    lines = [
        note if len(rows) == len(wide.rows) > 1 else f"{'; '.join(rows)}: {note}"
        for note, rows in by_note.items()
    ]
    return f"Notes:\n\n{markdown.bullets(lines)}" if lines else ""


def _said(figure: Figure) -> list[str]:
    """The parts of a note, without what the dagger says."""
    parts = [part for part in figure.note.split("; ") if part not in ("recalled", "check")]
    return [_in_documents(part) for part in parts if part]


def _in_documents(text: str) -> str:
    """The documents by their short names, as the claims have them: S0 and S1 for "seed 000/001"."""
    text = re.sub(r"\bseed 00(\d)/00(\d)", r"S\1 and S\2", text)
    text = re.sub(r"\bseed 00(\d)", r"S\1", text)
    return re.sub(r"\bseed\b", "document", text)


def _shorter(wide: Wide, ours: Ours) -> list[str]:
    """What studies have beside the recipe as printed: shorter budgets, and data sets that the paper lacks."""
    parts = []
    for budget in studies.BUDGETS:
        for transfer in (False, True):
            if budget == "paper" and not transfer:
                continue
            parts += _runs(wide, ours, budget, transfer)
    return parts


def _runs(wide: Wide, ours: Ours, budget: str, transfer: bool) -> list[str]:
    cells: dict[str, dict[str, dict[str, None]]] = {}
    records = {}
    for row in wide.rows:
        for column in wide.columns:
            figure = row.figures.get(column)
            for place in ours.cited.get(figure, ()) if figure else ():
                group = place.group(budget)
                if place.is_transfer != transfer or not group.records:
                    continue
                title = f"{column.title}, {DATASETS[place.dataset].title}" if transfer else column.title
                text = paper_cells.result(figure, place, budget)
                cells.setdefault(row.label, {}).setdefault(title, {})[text] = None
                records |= {record.run_id: record for record in group.records}
    if not cells:
        return []
    titles = list(dict.fromkeys(title for row in cells.values() for title in row))
    body = [[label, *("<br>".join(row.get(title, "")) for title in titles)] for label, row in cells.items()]
    what = "on data sets that the paper lacks" if transfer else "not to be held against the printed figures"
    return [
        f"### Budget {budget}, {what}",
        spent.banner(list(records.values())),
        markdown.table(["", *titles], body, right=titles),
    ]
