"""The page of printed counts: what it says of each figure, and that its networks can be typed as they stand."""

import re
from pathlib import Path

import pytest

import architectures
import run
from reports.pages import complexity as complexity_page
from reports.verdicts import complexity
from reports.verdicts.complexity import CUT, EXACT, EXPLAINED


def cells(line: str) -> list[str]:
    line = line.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NON-BREAKING HYPHEN}", "-")
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


@pytest.fixture(scope="module")
def page() -> str:
    return complexity_page.files()["complexity.md"].decode()


def lines(page: str, paper: str) -> list[list[str]]:
    """The rows of a paper's table, without its heading."""
    section = page.split(f'<a id="{paper}"></a>')[1].split("\n## ")[0]
    return [cells(line) for line in section.splitlines() if line.startswith("| ")][2:]


def test_printed_beside_computed(page):
    assert [row for row in lines(page, "xception") if row[1] == "xc"] == [
        [
            *("Table 3", "xc", "`--arch xception --dataset imagenet`, 299×299", "params"),
            *("22855952", "22,855,952", EXACT),
        ]
    ]
    by_row = {tuple(row[:2]): row for row in lines(page, "densenet")}
    assert by_row["Table 2", "d40-12"][2:] == ["`--arch densenet`", "params_M", "1.0", "1.020", EXACT]
    assert by_row["Table 1", "D264"][6] == f"**{EXPLAINED}**: 2 · (6 + 12 + 64 + 48) + 5 = 265"
    assert [
        row[4:] for row in lines(page, "resnet") if row[:2] == ["Table 1", "R50"] and "flops" in row[3]
    ] == [["3.8", "3.858", CUT]]


def test_networks_of_others_are_named_once_and_not_listed(page):
    section = page.split('<a id="highway"></a>')[1].split("\n## ")[0]
    assert section.rstrip().endswith("Quoted, not built: FitNet teacher; FitNet A; FitNet B.")
    assert "FitNet" not in section.split("Quoted")[0]


def test_uncertain_figures_are_marked(page):
    assert "‡" in page.split("## <a")[0]
    quoted = [row for row in complexity.rows("all_cnn") if "second-hand" in row.figure.note]
    shown = [row for row in lines(page, "all_cnn") if row[4].endswith("‡")]
    assert len(shown) == len([row for row in quoted if isinstance(row, complexity.Row)]) > 0


@pytest.mark.parametrize("paper", complexity.papers())
def test_every_network_can_be_typed(paper):
    for network in {row.network for row in complexity.rows(paper) if isinstance(row, complexity.Row)}:
        options = run.parse(complexity_page.typed(network).split())
        assert architectures.resolve(network.arch, network.stem, options.knobs) == dict(network.knobs)
        assert (options.arch, options.dataset) == (
            network.arch,
            "imagenet" if network.stem == "imagenet" else None,
        )


def test_the_totals_are_those_of_the_rows(page):
    head = [cells(line) for line in page.split("## <a")[0].splitlines() if line.startswith("| ")]
    columns, *papers, total = head[:1] + head[2:]
    assert len(papers) == len(complexity.papers())
    for paper, (name, *numbers) in zip(complexity.papers(), papers, strict=True):
        assert name == f"[{complexity_page.title(paper)[0]}](#{paper})"
        rows = list(complexity.rows(paper))
        assert (
            numbers[0]
            == str(sum(isinstance(row, complexity.Row) for row in rows))
            == str(len(lines(page, paper)))
        )
        assert numbers[1] == str(sum(row.verdict == EXACT for row in rows))
        assert numbers[-1] == str(sum(isinstance(row, complexity.Quoted) for row in rows))
    for column in range(1, len(columns)):
        assert int(total[column].replace(",", "")) == sum(int(paper[column]) for paper in papers)


def test_the_committed_page_is_up_to_date(page):
    committed = (Path(complexity_page.__file__).parents[1] / "complexity.md").read_text("utf-8")
    assert committed == page, "run uv run -m reports and commit it"
