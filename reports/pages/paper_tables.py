"""The pages `reports/tables/<paper>.md`: a paper's tables as it prints them, ours under every row; and their list."""

from collections import Counter
from collections.abc import Iterable, Sequence

import pandas as pd

from lightning_modules.data.catalogue import DATASETS
from reports.pages import cost, markdown, paper_cells, paper_tables_text
from reports.pages.paper_cells import APART, COUNTED, QUOTED, TRAINED, Ours
from reports.printed import tables as paper_tables
from reports.printed import variants
from reports.printed.figures import Figure
from reports.printed.tables import Page, PaperTable
from reports.verdicts import complexity
from reports.verdicts.results import Results
from sweeps import study as studies
from sweeps.study import Study

CONTAINED = "◆"
OURS = "↳ ours"
HOW_TO_READ = f"""Each row as its source prints it, in its order; errors and accuracies in per cent. Under it, ours:

- **counts**: ✓ rounds to the printed figure at its precision; ✓ cut: the source cut off the digits behind; ✗ not
  reproducible as printed, for the reason given among [all counts](complexity.md).
- **trained figures**, of the budget `paper` alone, errors of one guess and of five, by the printed figure's own protocol
  (one crop, ten crops …): mean ± 95 % t-interval (runs), the difference, ours less printed, and a verdict: **agrees**
  where the interval contains the printed figure, **differs** where not, *one run* where there is no interval. *Other
  protocol*: the runs were tested by one crop alone, so that nothing follows. `— (0/3)`: none of three runs done. *no study*: the network is built here, but no study runs this row.
- **quoted**: of a network that isn't built here, or a figure from another paper, on whose page ours stands. A printed
  figure with nothing under it has no counterpart here; the reason stands below the table.
- Marks: + after a data set, crops and mirror images, as the papers mark them; {CONTAINED}, the documents whose claims this
  project tests contain the table or row, or a part of it."""
SUMMARY = ("tables", "figures", "counted", "run", "declared", "no study", "quoted", "apart")


def files(collated: Iterable[tuple[Study, list[Results]]]) -> dict[str, bytes]:
    """Make all pages, by their paths below `reports/`; `collated` has every study with its budgets."""
    ours = paper_cells.collect(collated)
    made, totals = {}, []
    for page in paper_tables.pages():
        laid_out = [ours.beside(paper_tables.lay_out(table)) for table in page.tables]
        made[f"{name(page)}.md"] = _page(page, laid_out, ours).encode()
        totals.append((page, _summary(laid_out, ours)))
    return made | {"tables.md": _list(totals).encode()}


def name(page: Page) -> str:
    return f"tables/{page.name}"


def link(study: Study) -> str:
    """Return where the figures that a study is about stand in their tables; empty if it cites none."""
    cited = {
        (figure.paper, figure.table)
        for dataset in study.datasets
        for variant in study.variants_on(dataset)
        for figure in variants.printed_errors(variant, variants.paper_dataset(study, dataset))[:1]
    }
    linked = [
        f"[{page.title}]({name(page)}.md)"
        for page in paper_tables.pages()
        if any((table.source, table.name) in cited for table in page.tables)
    ]
    return f"The same rows in the papers' own tables: {', '.join(linked)}." if linked else ""


def _list(totals: Sequence[tuple[Page, Counter[str]]]) -> str:
    rows = [[f"[{page.title}]({name(page)}.md)", *_line(total)] for page, total in totals]
    rows.append(["**all**", *_line(sum((total for _, total in totals), Counter()))])
    return markdown.page(
        "# The papers' tables",
        "Every table that the documents contain, and the others of the same papers and of the code that was released with "
        "them, with ours under every row.",
        markdown.table(("paper", *SUMMARY), rows, right=SUMMARY),
        "*Counted*: parameters, multiply-adds, sizes, layers, channels. *Declared*: a study runs the row; *run*: with runs under the "
        "budget `paper`. *No study*: the network is built here, but no study runs the row. *Quoted*: of networks that "
        "aren't built here. *Apart*: what isn't measured here, such as several networks together or the authors' machines.",
    )


def _line(total: Counter[str]) -> list[str]:
    return [f"{total[column]:,}" for column in SUMMARY]


def _summary(tables: Sequence[pd.DataFrame], ours: Ours) -> Counter[str]:
    figures = pd.concat(tables)
    total = Counter(figures.kind)
    total.update({"tables": len(tables), "figures": len(figures), "declared": total[TRAINED]})
    total["run"] = sum(
        any(by.group("paper").records for by in ours.on_the_papers_data(figure))
        for figure in figures.figure[figures.kind == TRAINED]
    )
    return total


def _page(page: Page, tables: Sequence[pd.DataFrame], ours: Ours) -> str:
    sections = [
        _section(page, table, laid_out, ours) for table, laid_out in zip(page.tables, tables, strict=True)
    ]
    return markdown.page(
        f"# The tables of {page.title}", HOW_TO_READ, variants.footnotes(*sections), *sections
    )


def _section(page: Page, table: PaperTable, laid_out: pd.DataFrame, ours: Ours) -> str:
    source = paper_tables_text.in_documents(table.source)
    released = f"{source}, " if table.source != page.tables[0].source else ""
    contained = {figure.in_seed != "no" for figure in laid_out.figure}
    mark = f" {CONTAINED}" if True in contained else ""
    laid_out = laid_out.assign(
        printed=laid_out.figure.map(variants.marked),
        ours=[_ours(figure, kind, ours) for figure, kind in zip(laid_out.figure, laid_out.kind, strict=True)],
    )
    parts = [
        f"## {released}{table.name}: {table.title}{mark}",
        paper_tables_text.caption(laid_out, ours),
        *(_table(part, len(contained) > 1) for part in _split(table, laid_out)),
        paper_tables_text.apart(laid_out),
        paper_tables_text.notes(laid_out),
        *_shorter(laid_out, ours),
    ]
    return "\n\n".join(part for part in parts if part)


def _split(table: PaperTable, laid_out: pd.DataFrame) -> list[pd.DataFrame]:
    """One table, or where the paper varies something across, one for each of its metrics."""
    if not table.across:
        return [laid_out]
    return [part for _, part in laid_out.sort_values("column").groupby("metric", sort=False)]


def _table(laid_out: pd.DataFrame, mark_rows: bool) -> str:
    printed, ours = (
        laid_out.pivot(index="row", columns="column", values=side).fillna("") for side in ("printed", "ours")
    )
    lines = []
    for number, row in laid_out.groupby("row"):
        kinds = set(row.kind)
        quoted = " *(quoted)*" if kinds == {QUOTED} else ""
        mark = f" {CONTAINED}" if mark_rows and any(figure.in_seed != "no" for figure in row.figure) else ""
        lines.append([f"{row.label.iloc[0]}{mark}{quoted}", *printed.loc[number]])
        if not quoted and kinds != {APART}:
            lines.append([OURS, *ours.loc[number]])
    titles = list(laid_out.groupby("column").title.first())
    return markdown.table(["", *titles], lines, right=titles)


def _ours(figure: Figure, kind: str, ours: Ours) -> str:
    counted = ours.counted.get(figure)
    if kind == COUNTED and isinstance(counted, complexity.Row):
        return paper_cells.count(counted)
    if kind == TRAINED:
        return paper_cells.trained(figure, ours.on_the_papers_data(figure))
    return "" if kind == APART else f"*{kind}*"


def _shorter(laid_out: pd.DataFrame, ours: Ours) -> list[str]:
    """What studies have beside the recipe as printed: shorter budgets, and data sets that the paper lacks."""
    return [
        part
        for budget in studies.BUDGETS
        for transfer in (False, True)
        if budget != "paper" or transfer
        for part in _runs(laid_out, ours, budget, transfer)
    ]


def _runs(laid_out: pd.DataFrame, ours: Ours, budget: str, transfer: bool) -> list[str]:
    ordered = laid_out.sort_values(["row", "column"])
    cells = [
        (
            label,
            f"{title}, {DATASETS[by.dataset].title}" if transfer else title,
            by.group(budget).records,
            paper_cells.result(figure, by, budget),
        )
        for label, title, figure in zip(ordered.label, ordered.title, ordered.figure, strict=True)
        for by in ours.cited.get(figure, ())
        if by.is_transfer == transfer and by.group(budget).records
    ]
    if not cells:
        return []
    runs = pd.DataFrame(cells, columns=["label", "title", "records", "text"])
    runs = runs.drop_duplicates(["label", "title", "records"])
    wide = runs.groupby(["label", "title"]).text.agg("<br>".join).unstack(fill_value="")
    titles = list(runs.title.unique())
    wide = wide.reindex(index=runs.label.unique(), columns=titles)
    records = list(dict.fromkeys(runs.records.explode()))
    what = "on data sets that the paper lacks" if transfer else "not to be held against the printed figures"
    return [
        f"### Budget {budget}, {what}",
        f"Each run: {cost.per_run(records)}. {cost.in_all(records)}.",
        markdown.table(["", *titles], [list(row) for row in wide.itertuples()], right=titles),
    ]
