"""The papers' tables: an invented one word for word, and every printed figure once on the pages."""

import dataclasses
import re
from collections import Counter

import pandas as pd
import pytest

from reports.pages import paper_cells
from reports.pages import paper_tables as paper_tables_page
from reports.printed import figures as printed
from reports.printed import notation, variants
from reports.printed import tables as paper_tables
from reports.printed.figures import Figure
from reports.verdicts import complexity
from reports.verdicts.complexity import EXACT, EXPLAINED, Network
from reports.verdicts.results import Group, Results
from sweeps import study as studies
from sweeps.study import Printed, Study, Variant
from tests.reports.conftest import STUDY, facts_of, parsed

PAGES = paper_tables.pages  # the fixture `study` has another in its place
DECLARED = """
[[pages]]
name = "invented"
title = "Invented (Nobody)"
[pages.tables."Nobody"]
"Table 1" = { title = "all kinds of rows" }
"Table 2" = { title = "by groups", across = "groups" }
"""
HEADER = (
    "paper,table,row_id,arch,variant_kwargs,dataset,augmentation,metric,value,printed_precision,in_seed,note"
)
FIGURES = """
Nobody,Table 1,old,Maxout,{},CIFAR-10,none,err,9.38,2,no,unseen
Nobody,Table 1,a,DenseNet,"{""depth"": 40, ""growth_rate"": 12}",CIFAR,,params_M,1.0,1,yes,best of 5
Nobody,Table 1,a,DenseNet,"{""depth"": 40, ""growth_rate"": 12}",CIFAR-10,none,err,7.00,2,yes,best of 5
Nobody,Table 1,a,DenseNet,"{""depth"": 40, ""growth_rate"": 12}",CIFAR-10,+,err,5.24,2,yes,best of 5; second-hand
Nobody,Table 1,a,DenseNet,"{""depth"": 40, ""growth_rate"": 12}",CIFAR-10,none,ms,3,0,yes,
Nobody,Table 1,b,DenseNet,"{""depth"": 100, ""growth_rate"": 12}",CIFAR,,params_M,7.0,1,no,
Nobody,Table 1,b,DenseNet,"{""depth"": 100, ""growth_rate"": 12}",CIFAR-10,none,err,5.77,2,no,quoted by seed 004
Nobody,Table 1,b,DenseNet,"{""depth"": 100, ""growth_rate"": 12}",CIFAR-10,+,err,4.10,2,no,
Nobody,Table 1,b,DenseNet,"{""depth"": 100, ""growth_rate"": 12}",CIFAR-100,+,err,20.20,2,no,
Nobody,Table 2,1x-1,ShuffleNet v1,"{""groups"": 1, ""scale"": 1.0}",ImageNet-1k val,,top1_err,33.6,1,no,
Nobody,Table 2,1x-2,ShuffleNet v1,"{""groups"": 2, ""scale"": 1.0}",ImageNet-1k val,,top1_err,fail,1,no,
"""
PAGE = """## Table 1: all kinds of rows ◆

Printed: single run. Studies: [made_up](studies/made_up.md).

| | params (M) | CIFAR-10 | CIFAR-10+ | CIFAR-100+ | ms |
| - | -: | -: | -: | -: | -: |
| Maxout *(quoted)* | | 9.38† | | | |
| DenseNet (L = 40, k = 12) ◆ | 1.0 | 7.00 | 5.24‡ | | 3 |
| ↳ ours | 1.020 ✓ | [6.90 ± 0.25 (3)](studies/made_up.md#trace-paper-cifar10-plain-none), −0.10: **agrees** | \
[5.40 (1/3)](studies/made_up.md#trace-paper-cifar10-plain), +0.16: one run | | |
| DenseNet (L = 100, k = 12) | 7.0 | 5.77 | 4.10 | 20.20 | |
| ↳ ours | 6.500 ✗ | *no study* | —\xa0(0/3) | *no study* | |

No counterpart: ms (speed and memory of the authors' machines).

Notes:

- DenseNet (L = 40, k = 12): best of 5
- DenseNet (L = 100, k = 12): quoted by lecture notes

### Budget mini, not to be held against the printed figures

Each run: 6,256 optimiser steps of 64 images (8 of 300 epochs on 50,000 of 50,000 training images). \
0.2 hours in all on Abacus.

| | CIFAR-10+ |
| - | -: |
| DenseNet (L = 100, k = 12) | [59.00 ± 12.71 (2/3)](studies/made_up.md#trace-mini-cifar10-deep) |

## Table 2: by groups

Data: ImageNet-1k val.

| | top-1 err., g = 1 | top-1 err., g = 2 |
| - | -: | -: |
| ShuffleNet 1.0× *(quoted)* | 33.6 | fail |
"""


@pytest.fixture
def invented(tmp_path, monkeypatch):
    """The invented tables in place of the papers'; returns the folder."""
    (tmp_path / "tables.toml").write_text(DECLARED, encoding="utf-8")
    (tmp_path / "invented.csv").write_text(HEADER + FIGURES, encoding="utf-8")
    read = printed.read
    monkeypatch.setattr(printed, "read", lambda name, folder=tmp_path: read(name, folder))
    made = PAGES(tmp_path / "tables.toml")
    monkeypatch.setattr(paper_tables, "pages", lambda: made)
    monkeypatch.setattr(complexity, "papers", lambda: ["invented"])
    monkeypatch.setattr(complexity, "rows", judged)
    return tmp_path


def judged(paper: str):
    network = Network("densenet", "cifar", (), 32, 10)
    for figure in printed.read(paper):
        if figure.metric == "params_M":
            ours, verdict = (1.02, EXACT) if figure.row_id == "a" else (6.5, EXPLAINED)
            yield complexity.Row(paper, figure, network, ours, verdict)


def squeezed(page: str) -> str:
    """Without the padding of cells and rules, which only the widest cell decides."""
    return re.sub(r"-+(:?) \|", r"-\1 |", re.sub(r" {2,}", " ", page))


def test_an_invented_table_word_for_word(study, invented):
    cited = {"plain": ("a", "+"), "plain-none": ("a", "none"), "deep": ("b", "+")}
    rows = tuple(
        Variant(name, "densenet", {"depth": depth}, printed=(Printed(row, "invented", augmentation),))
        for depth, (name, (row, augmentation)) in zip((22, 25, 28), cited.items(), strict=True)
    )
    of = dataclasses.replace(study, variants=rows)
    errors = {"plain-none": [680, 690, 700], "plain": [540]}, {"deep": [5800, 6000]}
    budgets = [
        Results(
            of, budget, {(name, "cifar10"): group(of, name, found.get(name, []), budget) for name in cited}
        )
        for budget, found in zip(("paper", "mini"), errors, strict=True)
    ]
    made = paper_tables_page.files([(of, budgets)])
    assert sorted(made) == ["tables.md", "tables/invented.md"]
    before, _, page = made["tables/invented.md"].decode().partition("\n## ")
    assert squeezed("## " + page) == squeezed(PAGE)
    assert before.endswith("not in the paper's own table.\n") and "† Printed figure not seen" in before
    # tables, figures, counted, run, declared, no study, quoted, apart
    line = "| [Invented (Nobody)](tables/invented.md) | 2 | 11 | 2 | 2 | 3 | 2 | 3 | 1 |"
    assert line in squeezed(made["tables.md"].decode())


def group(of: Study, variant: str, errors: list[int], budget: str) -> Group:
    runs = (studies.configure(of, variant, "cifar10", budget, seed) for seed in range(len(errors)))
    return Group(
        tuple(parsed(facts_of(run, e, of.name, variant)) for run, e in zip(runs, errors, strict=True)), 3
    )


@pytest.fixture(scope="module")
def bare():
    """All pages without any count or run of ours, so that printed figures alone fill the cells."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(complexity, "papers", list)
        return {name: content.decode() for name, content in paper_tables_page.files([]).items()}


def every_figure() -> list[Figure]:
    return [figure for name in printed.names() for figure in printed.read(name)]


def cells(page: str) -> list[str]:
    """All filled cells of the tables' bodies, but for the first column."""
    blocks = re.findall(r"(?:^\|.*\|$\n?)+", page, flags=re.MULTILINE)
    rows = [line for block in blocks for line in block.splitlines()[2:]]
    return [cell.strip() for row in rows for cell in row.strip("| ").split(" | ")[1:] if cell.strip()]


def test_every_printed_figure_stands_once_in_its_own_row(bare):
    tables = [table for page in paper_tables.pages() for table in page.tables]
    laid_out = pd.concat(
        {number: paper_tables.lay_out(table) for number, table in enumerate(tables)}, names=["table"]
    )
    assert Counter(laid_out.figure) == Counter(every_figure()) == Counter(printed.frame().figure)
    places = laid_out.reset_index("table")[["table", "row", "column"]]
    assert not places.duplicated().any()
    assert (
        len(
            places[[figure.in_seed != "no" for figure in laid_out.figure]][["table", "row"]].drop_duplicates()
        )
        > 150
    )
    for page in paper_tables.pages():
        shown = cells(bare[f"{paper_tables_page.name(page)}.md"])
        figures = [figure for table in page.tables for figure in table.figures.figure]
        assert Counter(shown) == Counter(map(variants.marked, figures)), page.name


def test_marks_are_carried(bare):
    pages = "\n".join(page for name, page in bare.items() if name != "tables.md")
    for word, mark in variants.MARKS.items():
        noted = [figure for figure in every_figure() if word in figure.note.split("; ")]
        assert len([cell for cell in cells(pages) if cell.endswith(mark)]) == len(noted) > 0
    contained = {(figure.paper, figure.table) for figure in every_figure() if figure.in_seed != "no"}
    headings = [line for line in pages.splitlines() if line.startswith("## ")]
    assert (
        len([line for line in headings if line.endswith(paper_tables_page.CONTAINED)]) == len(contained) > 30
    )
    nin = bare["tables/nin.md"]
    assert "| NiN, with dropout ◆ *(quoted)*" in nin and "| Stochastic pooling *(quoted)*" in nin
    assert not re.search(r"\bseeds? 00\d", pages)


def test_no_table_is_too_wide_to_read(bare):
    heads = [line for page in bare.values() for line in page.splitlines() if line.startswith("|  ")]
    assert len(heads) > 140
    assert max(len(head.strip("| ").split(" | ")) for head in heads) <= 10
    assert max(len(table.title) for page in paper_tables.pages() for table in page.tables) < 60


@pytest.mark.parametrize(
    ("toml", "csv", "message"),
    [
        ("Table 2", "Table 3", "tables.toml has no page for 'Table 3' of 'Nobody'; add it, with a title"),
        ("Table 9", "Table 1", "tables.toml: no file has a table 'Table 9' of 'Nobody'"),
    ],
)
def test_a_table_without_a_page_is_named(tmp_path, toml, csv, message):
    (tmp_path / "tables.toml").write_text(DECLARED.replace("Table 2", toml), encoding="utf-8")
    (tmp_path / "x.csv").write_text((HEADER + FIGURES).replace("Table 2", csv), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        paper_tables.pages(tmp_path / "tables.toml")


def test_two_figures_in_one_cell_are_refused(invented):
    (page,) = paper_tables.pages()
    twice = dataclasses.replace(page.tables[1], figures=pd.concat([page.tables[1].figures] * 2))
    with pytest.raises(ValueError, match="Table 2, ShuffleNet 1.0×: two figures 'top1_err' at g = 1"):
        paper_tables.lay_out(twice)


def table(page: str, name: str) -> pd.DataFrame:
    """The table as it is printed: figures by the titles of columns and the labels of rows."""
    (declared,) = (t for p in paper_tables.pages() if p.name == page for t in p.tables if t.name == name)
    laid_out = paper_tables.lay_out(declared)
    wide = laid_out.assign(value=[figure.value for figure in laid_out.figure]).pivot(
        index=["row", "label"], columns=["column", "title"], values="value"
    )
    return wide.sort_index(axis=1).droplevel("row").droplevel("column", axis=1)


def test_tables_are_laid_out_as_the_papers_do():
    preact = table("preact_resnet", "Table 2")
    assert list(preact.columns) == ["110 layers", "164 layers"]
    assert list(preact.iloc[-1]) == ["6.37", "5.46"]
    assert list(table("densenet", "Table 2").columns) == [
        *("params (M)", "CIFAR-10", "CIFAR-10+", "CIFAR-100", "CIFAR-100+", "SVHN"),
    ]
    # one row id for three depths, and two rows of the same network
    assert list(table("resnet", "table").index[1:4]) == [
        *("ResNet-50, 1-crop", "ResNet-101, 1-crop", "ResNet-152, 1-crop"),
    ]
    assert list(table("resnet", "Table 4").index[:3]) == ["VGG (vgg-ilsvrc)", "GoogLeNet", "VGG (vgg-v5)"]
    # what tells rows apart that no column says
    assert list(table("stochastic_depth", "Table 1").index[2:4]) == [
        *("ResNet-1202, p_L = 0.5, CIFAR-10, +", "ResNet-110, p_L = 1.0, CIFAR-100, +"),
    ]


@pytest.mark.parametrize(
    ("arch", "kwargs", "label"),
    [
        (
            "DenseNet-BC",
            {"depth": 100, "growth_rate": 12, "compression": 0.5},
            "DenseNet-BC (L = 100, k = 12)",
        ),
        ("ResNeXt", {"depth": 50, "cardinality": 32, "base_width": 4}, "ResNeXt-50 (32×4d)"),
        ("MobileNet v1", {"alpha": 0.75, "resolution": 160}, "0.75 MobileNet-160"),
        ("ShuffleNet v1", {"groups": 3, "scale": 0.5, "shallow": True}, "ShuffleNet 0.5× (g = 3), shallow"),
        ("SE-ResNet", {"depth": 50, "r": 16}, "SE-ResNet-50, r = 16"),
        ("WRN", {"depth": 16, "k": 4, "dropout": False}, "WRN-16-4, no dropout"),
        ("GoogLeNet", {"crops": 1, "models": 7}, "GoogLeNet, 1 crop, 7 networks"),
        ("SqueezeNet", {"layer": "fire2"}, "fire2"),
        ("Maxout", {}, "Maxout"),
    ],
)
def test_the_papers_notation(arch, kwargs, label):
    assert notation.label(arch, kwargs) == label


@pytest.mark.parametrize(
    ("metric", "title"),
    [
        ("top1_err_10crop", "top-1 err., 10 crops"),
        ("params_M_se", "params (M), SE"),
        ("flops_G", "FLOPs (G)"),
        ("stage2_channels", "stage2 channels"),
    ],
)
def test_headings(metric, title):
    assert notation.heading(metric) == title


@pytest.mark.parametrize(
    ("metric", "value", "errors", "said"),
    [
        ("err", "5.24", [5.0, 5.2, 5.4], "−0.04: **agrees**"),  # ± 0.50
        ("err", "5.71", [5.0, 5.2, 5.4], "−0.51: **differs**"),
        ("err", "5.24", [5.3], "+0.06: one run"),
        ("top1_acc", "70.6", [29.0, 29.2, 29.4], "+0.20: **agrees**"),
        ("top1_acc", "0.790", [21.5, 21.5], "−0.50: **differs**"),
        ("err", "fail", [90.0, 90.0], ""),
    ],
)
def test_the_verdict_is_whether_the_interval_contains_the_printed_figure(metric, value, errors, said):
    figure = dataclasses.replace(printed.read("densenet_t2")[0], metric=metric, value=value)
    runs = group(STUDY, "wide", [round(100 * error) for error in errors], "paper")
    assert paper_cells.compared(figure, runs) == said


def test_the_same_runs_under_two_studies_stand_once(study):
    figure = printed.read("densenet_t2")[0]
    runs = {("wide", "cifar10"): group(study, "wide", [500, 510, 520], "paper")}
    places = [
        paper_cells.Cited(
            dataclasses.replace(study, name=name), (Results(study, "paper", runs),), "wide", "cifar10", True
        )
        for name in ("one", "other")
    ]
    assert paper_cells.trained(figure, places).count("5.10 ± 0.25 (3)") == 1
