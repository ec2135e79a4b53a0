"""The pages and the command line on the made-up study."""

import re
import shutil
import struct
from pathlib import Path

import pytest

from reports.__main__ import main
from reports.printed import variants
from sweeps.study import Printed, Variant
from tests.reports.conftest import diverged, run_id, sealed


@pytest.fixture
def make(study, tmp_path, write_records):
    """`make(records, *arguments)`: run the command line on these records; returns its exit status."""

    def make(lines, *arguments):
        folder = write_records(*lines)
        return main([*arguments, "--records", str(folder), "--out", str(tmp_path / "out")])

    make.out = tmp_path / "out"
    return make


def made(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def row(page: str, name: str) -> dict[str, str]:
    """The cells of the first table row of the variant of this name, by their columns."""
    lines = page.splitlines()
    place = next(i for i, line in enumerate(lines) if re.match(rf"\| `{name}` +\|", line))
    header = max(i for i in range(place) if not lines[i - 1].startswith("|"))
    cells = ([cell.strip() for cell in lines[i].strip("|").split("|")] for i in (header, place))
    return {column: cell.replace("\N{NO-BREAK SPACE}", " ") for column, cell in zip(*cells, strict=True)}


OURS = "error, ours"
PRINTED_AND_OURS = ("params, printed", "params", "mult-adds", "error, printed (single run)", OURS)


def two_rows(facts) -> list[dict]:
    """Three runs of each of two variants, the first a point better."""
    return [
        facts(name, seed, errors + 10 * seed)
        for name, errors in (("wide", 5000), ("thin", 5100))
        for seed in range(3)
    ]


def test_empty_study_shows_the_paper_budget(make):
    assert make([]) == 0
    page = (make.out / "studies" / "made_up.md").read_text()
    assert "## Budget: paper" in page and "## Budget: mini" not in page
    wide, other = row(page, "wide"), row(page, "other")
    assert [wide[name] for name in PRINTED_AND_OURS] == ["1.0M", "1.00M", "250M", "5.24", "— (0/3)"]
    assert [other[name] for name in PRINTED_AND_OURS] == ["—", "1.23M", "300M", "—", "— (0/3)"]
    answer = page.split("**Answer")[1].replace("\N{NO-BREAK SPACE}", " ")
    assert answer.startswith(
        " so far: none.** Nothing has been run. Printed: `wide` less `thin`: +0.73 points."
    )
    assert "uv run -m sweeps.local made_up --budget mini --datasets cifar10" in answer
    assert "What 3 seeds can find: a difference of 1.6 points or more in 80 % of cases, at p < 0.01" in answer
    assert not (make.out / "figures").exists()
    assert " 0/9 |" in (make.out / "index.md").read_text()


def test_figures_missing_cells_and_intervals(make, facts):
    lines = [facts("wide", seed, e) for seed, e in enumerate((5000, 5100, 5200))]
    lines += [facts("thin", seed, e) for seed, e in ((0, 6000), (2, 6100))]
    assert make(lines) == 0
    page = (make.out / "studies" / "made_up.md").read_text()
    # s = 1 and t(0.975, 2) / √3 = 2.484; s = 0.7071 and t(0.975, 1) / √2 = 8.985
    assert row(page, "wide")[OURS] == "51.00 ± 2.48 (3)"
    assert row(page, "thin")[OURS] == "60.50 ± 6.35 (2/3)"
    assert (row(page, "other")[OURS], row(page, "other")["records"]) == ("— (0/3)", "—")
    assert "## Budget: mini" in page and "## Budget: paper" not in page
    # 8 epochs of ⌈50,000 / 64⌉ = 782 steps
    assert "6,256 optimiser steps of 64 images (8 of 300 epochs on 50,000 of 50,000 training images)" in page
    assert "5 of 9 runs done, 0.5 hours in all on Abacus." in page
    assert " 5/9 |" in (make.out / "index.md").read_text()


def test_the_pages_of_the_networks_belong_to_all_pages_and_not_to_a_study(make):
    assert make([], "made_up") == 0
    assert sorted(path.name for path in make.out.iterdir()) == ["cache.json", "studies"]
    assert make([]) == 0
    index = (make.out / "index.md").read_text()
    for page in ("claims.md", "complexity.md", "architectures.md", "tables.md", "figures.md"):
        assert f"]({page})" in index and (make.out / page).is_file()


def test_every_link_of_a_page_leads_somewhere(make, facts):
    make(two_rows(facts))
    page = (make.out / "studies" / "made_up.md").read_text()
    anchors = re.findall(r"\]\(#([^)]+)\)", page)
    assert anchors and all(f'<a id="{anchor}"></a>' in page for anchor in anchors)
    pictures = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", page)
    assert len(pictures) == 4
    assert all(alt and (make.out / "studies" / path).is_file() for alt, path in pictures)


def test_difference_only_under_the_paper_budget(make, facts):
    lines = [facts("wide", seed, 500 + seed, "paper") for seed in range(3)] + [facts("wide", 0, 5000)]
    make(lines)
    paper, mini = (make.out / "studies" / "made_up.md").read_text().split("## Budget: mini")
    assert row(paper, "wide")["difference"] == "−0.23"  # 5.01 − 5.24
    assert "difference |" not in mini.split("#### Width")[1].split("#### Claims")[0]
    assert row(mini, "wide")[OURS] == "50.00 (1/3)"


def test_trace_names_commit_device_and_date(make, facts):
    lines = [facts("wide", seed, 5000) for seed in range(3)]
    lines[0]["wandb"] = "https://example.org/run"
    make(lines)
    page = (make.out / "studies" / "made_up.md").read_text()
    assert "01234567 (dirty)" in page and "| Abacus" in page and "2026-01-02" in page
    assert "[run](https://example.org/run)" in page


EVIL = "<script>x</script> [click](javascript:x) `|` http://a.b"


def test_text_of_a_record_stays_text(make, facts):
    links = ("javascript:alert(1)", "http://a.b", "https://a.b) <b>", "data:text/html,x", EVIL)
    lines = [facts(name, seed, 5000) for name in ("wide", "thin") for seed in range(3)]
    for line, link in zip(lines, links, strict=False):
        line["machine"]["device"] = line["git"]["commit"] = EVIL + "\n\n# Title"
        line["wandb"] = link
    assert make([*map(sealed, lines), facts("other", 1, 5000) | {EVIL: 1}]) == 0
    shown = "&#60;script&#62;x&#60;/script&#62; [click&#93;(javascript:x) &#96;&#124;&#96; http&#58;//a.b"
    for page in ("studies/made_up.md", "index.md"):
        text = (make.out / page).read_text()
        assert shown in text and "[run](" not in text
        assert not re.search(r"<script|<b>|\]\((javascript|http:|data)|http://a|^# Title", text, re.MULTILINE)


def test_uncertain_printed_figure_is_marked(make, monkeypatch):
    import dataclasses

    from reports.printed import figures

    read = figures.read
    monkeypatch.setattr(
        figures, "read", lambda name: [dataclasses.replace(f, note="v1; unseen") for f in read(name)]
    )
    make([])
    page = (make.out / "studies" / "made_up.md").read_text()
    assert row(page, "wide")["params, printed"] == "1.0M†" and "† Printed figure not seen" in page


def test_mistyped_printed_row_names_near_misses():
    variant = Variant("wide", "densenet", {}, printed=(Printed("d40-21", "densenet_t2", "+"),))
    with pytest.raises(ValueError, match="densenet_t2.csv has no row 'd40-21'.* did you mean .*d40-12"):
        variants.printed_error(variant, "cifar10")


def test_the_answer_stands_under_the_question_and_what_it_rests_on_last(make, facts):
    make(
        [
            facts(name, seed, e + 3 * seed**2)
            for name, e in (("wide", 5000), ("thin", 5100))
            for seed in range(3)
        ]
    )
    page = (make.out / "studies" / "made_up.md").read_text()
    # every seed differs by one point
    assert (
        "**Answer so far**, on CIFAR-10 after 8 of 300 epochs (budget `mini`), with networks of 0.800M to 1.00M parameters: "
        "`wide` less `thin` is **−1.00 (−1.00 to −1.00) points** (mean and 95 % interval, n = 3 seeds; printed: +0.73); "
        "below zero is as claimed. Verdicts: 1 open." in page.replace("\N{NO-BREAK SPACE}", " ")
    )
    parts = ["**Is wide", "**Answer", "_differences.png", "#### Differences", "#### Width", "_curves.png", "#### Claims",
             "## How to reproduce", "## Departures", "## Records"]  # fmt: skip
    places = [page.index(part) for part in parts]
    assert places == sorted(places)


def test_same_bytes_again_in_any_order_of_records(make, facts):
    lines = [facts(name, seed, 5000 + 97 * seed) for name in ("wide", "thin") for seed in range(3)]
    make(lines)
    first = made(make.out)
    shutil.rmtree(make.out)
    make(lines[::-1])
    assert made(make.out) == first
    assert {path.suffix for path in first} == {".md", ".png", ".csv", ".json"}


def test_pictures_carry_no_software_tag(make, facts):
    make(two_rows(facts))
    assert len(list(make.out.glob("figures/*.png"))) == 5
    for path in make.out.glob("figures/*.png"):
        data, chunks, place = path.read_bytes(), [], 8
        while place < len(data):
            length, kind = struct.unpack(">I4s", data[place : place + 8])
            chunks.append(kind)
            place += length + 12
        assert not {b"tEXt", b"iTXt", b"tIME"} & set(chunks)


def test_check(make, facts, capsys):
    lines = [facts("wide", seed, 5000 + seed) for seed in range(3)]
    assert make(lines, "--check") == 1
    assert not make.out.exists()
    assert make(lines) == 0 and make(lines, "--check") == 0
    page = make.out / "studies" / "made_up.md"
    page.write_text(page.read_text().replace("50.01", "49.01"))
    capsys.readouterr()
    assert make(lines, "--check") == 1
    assert "stale: out/studies/made_up.md" in capsys.readouterr().err
    assert "49.01" in page.read_text()


def test_leftovers_are_named_and_removed(make):
    make([])
    (make.out / "figures").mkdir()
    for ending in ("png", "csv"):
        (make.out / "figures" / f"gone_curves.{ending}").write_bytes(b"")
    (make.out / "gone.md").write_text((make.out / "studies" / "made_up.md").read_text())
    (make.out / "README.md").write_text("by hand")
    assert make([], "--check") == 1
    assert make([]) == 0 and make([], "--check") == 0
    assert not list((make.out / "figures").iterdir())
    assert sorted(p.relative_to(make.out).as_posix() for p in make.out.rglob("*.md")) == [
        *("README.md", "architectures.md", "claims.md", "complexity.md", "experiments.md", "figures.md"),
        "glossary.md",
        *("index.md", "programme.md", "studies/made_up.md", "tables.md", "tables/densenet.md"),
    ]


def test_damaged_record_is_reported_and_the_rest_counts(make, facts, capsys):
    damaged = facts("wide", 1, 5100)
    del damaged["test"]["errors"]
    assert make([facts("wide", 0, 5000), damaged, facts("wide", 2, 5200)]) == 0
    assert row((make.out / "studies" / "made_up.md").read_text(), "wide")[OURS].endswith("(2/3)")
    warning = "records/made_up.jsonl:2: skipped, the field 'test.errors' is missing"
    assert warning in capsys.readouterr().err and warning in (make.out / "index.md").read_text()


def test_contradicting_records_are_not_averaged(make, facts):
    assert make([facts("wide", 0, 5000), facts("wide", 0, 5200), facts("wide", 1, 5400)]) == 0
    assert row((make.out / "studies" / "made_up.md").read_text(), "wide")[OURS] == "54.00 (1/3)"
    assert f"{run_id('wide', 0)}: records contradict each other" in (make.out / "index.md").read_text()


def test_unknown_study_names_near_misses(make, capsys):
    assert make([], "made_upp") == 2
    assert "'made_upp' is neither a study nor a command; did you mean made_up?" in capsys.readouterr().err


def test_why(study, write_records, facts, capsys):
    folder = write_records(*[facts("wide", seed, 5000 + seed) for seed in range(3)])
    assert main(["why", "made_up/wide", "--records", str(folder)]) == 0
    said = capsys.readouterr().out
    for part in (
        "printed on CIFAR-10: error 5.24 (",
        "seed 2: 50.02 % = 5002 of 10000",
        "records/made_up.jsonl:3",
    ):
        assert part in said
    assert main(["why", "made_up/wiide", "--records", str(folder)]) == 2
    assert "did you mean wide" in capsys.readouterr().err


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("budget", "ended", "drawn"),
    [("mini", 1, False), ("mini", 2, True), ("paper", None, True)],
    ids=["diverged in epoch 1", "diverged in epoch 2", "300 epochs"],
)
def test_unusual_curves_are_drawn_if_they_have_a_point(make, facts, budget, ended, drawn):
    lines = [facts(name, 0, 5000, budget) for name in ("wide", "thin")]
    assert make([diverged(line, ended) if ended else line for line in lines]) == 0
    page = (make.out / "studies" / "made_up.md").read_text()
    assert "2 of 9 runs done" in page and ("_curves.png" in page) is drawn
    for ending in ("png", "csv"):
        assert (make.out / "figures" / f"made_up_{budget}_cifar10_curves.{ending}").is_file() is drawn


def test_help_and_mistyped_study_need_no_torch():
    import subprocess
    import sys

    watch = (
        "import sys, reports.__main__ as m\n"
        "try: status = m.main(sys.argv[1:])\n"
        "except SystemExit as leave: status = leave.code\n"
        "print(status, [name for name in ('torch', 'seaborn', 'scipy') if name in sys.modules])"
    )
    for argument, status in (("--help", 0), ("no_such_study", 2)):
        command = [sys.executable, "-c", watch, argument]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.stdout.splitlines()[-1] == f"{status} []", done.stderr
