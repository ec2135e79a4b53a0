"""The pages `reports/tables/<paper>.md`: a paper's tables as it prints them, ours under every row; and their list."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from lightning_modules.data.catalogue import DATASETS
from lightning_modules.record import Record
from reports.pages import markdown, paper_cells, paper_tables_text, spent
from reports.pages.paper_cells import APART, COUNTED, NO_STUDY, QUOTED, TRAINED, Ours, Standing
from reports.printed import tables as paper_tables
from reports.printed import variants
from reports.printed.tables import Column, Page, PaperTable, Row, Wide
from reports.verdicts.results import Results
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
- **quoted**: of a network that isn't built here, or a figure from another paper, on whose page ours stands. A printed
  figure with nothing under it has no counterpart here; the reason stands below the table.
- Marks: + after a data set, crops and mirror images, as the papers mark them; {CONTAINED}, the documents whose claims this
  project tests contain the table or row, or a part of it."""
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
    return f"tables/{page.name}"


def link(study: Study) -> str:
    """Where the figures that a study is about stand in their tables; empty if it cites none."""
    cited = {
        (figure.paper, figure.table)
        for dataset in study.datasets
        for variant in study.variants_on(dataset)
        for figure in variants.printed_errors(variant, variants.paper_dataset(study, dataset))[:1]
    }
    found = [
        f"[{page.title}]({name(page)}.md)"
        for page in paper_tables.pages()
        if any((table.source, table.name) in cited for table in page.tables)
    ]
    return f"The same rows in the papers' own tables: {', '.join(found)}." if found else ""


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
                    place.group("paper").records for place in ours.on_the_papers_data(row.figures[column])
                )
    return total


def _page(page: Page, tables_of_page: Sequence[Wide], ours: Ours) -> str:
    sections = [
        _section(page, table, wide, ours) for table, wide in zip(page.tables, tables_of_page, strict=True)
    ]
    unsure = variants.FOOTNOTE if any(variants.DAGGER in section for section in sections) else ""
    return markdown.page(f"# The tables of {page.title}", HOW_TO_READ, unsure, *sections)


def _section(page: Page, table: PaperTable, wide: Wide, ours: Ours) -> str:
    standings = [ours.standings(row) for row in wide.rows]
    source = paper_tables_text.in_documents(table.source)
    released = f"{source}, " if table.source != page.tables[0].source else ""
    contained = {figure.in_seed != "no" for figure in table.figures}
    mark = f" {CONTAINED}" if True in contained else ""
    parts = [
        f"## {released}{table.name}: {table.title}{mark}",
        paper_tables_text.caption(table, wide, ours),
        *(_table(columns, wide, standings, ours, len(contained) > 1) for columns in _split(table, wide)),
        paper_tables_text.apart(wide, standings),
        paper_tables_text.notes(wide),
        *_shorter(wide, ours),
    ]
    return "\n\n".join(part for part in parts if part)


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
    for row, standing in zip(wide.rows, standings, strict=True):
        here = [column for column in columns if column in row.figures]
        if not here:
            continue
        kinds = {standing[column].kind for column in here}
        quoted = " *(quoted)*" if kinds == {QUOTED} else ""
        mark = f" {CONTAINED}" if mark_rows and any(row.figures[c].in_seed != "no" for c in here) else ""
        lines.append(
            [
                f"{row.label}{mark}{quoted}",
                *(variants.marked(row.figures[c]) if c in row.figures else "" for c in columns),
            ]
        )
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
        return paper_cells.trained(figure, ours.on_the_papers_data(figure))
    return f"*{standing.kind}*"


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
    cells: dict[str, dict[str, dict[tuple[Record, ...], str]]] = {}
    for row in wide.rows:
        for column in wide.columns:
            figure = row.figures.get(column)
            for place in ours.cited.get(figure, ()) if figure else ():
                group = place.group(budget)
                if place.is_transfer != transfer or not group.records:
                    continue
                title = f"{column.title}, {DATASETS[place.dataset].title}" if transfer else column.title
                same = cells.setdefault(row.label, {}).setdefault(title, {})
                same.setdefault(group.records, paper_cells.result(figure, place, budget))
    if not cells:
        return []
    titles = list(dict.fromkeys(title for row in cells.values() for title in row))
    body = [
        [label, *("<br>".join(row.get(title, {}).values()) for title in titles)]
        for label, row in cells.items()
    ]
    runs = dict.fromkeys(
        record for row in cells.values() for cell in row.values() for group in cell for record in group
    )
    what = "on data sets that the paper lacks" if transfer else "not to be held against the printed figures"
    return [
        f"### Budget {budget}, {what}",
        f"Each run: {spent.each(list(runs))}. {spent.together(list(runs))}.",
        markdown.table(["", *titles], body, right=titles),
    ]
