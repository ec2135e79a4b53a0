"""`python -m reports watch`: the page shows what lies on disk, as it is, while others write there."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from lightning_modules.execution import run_lock
from reports.__main__ import main
from reports.watch import sections
from reports.watch.folder import RunsFolder
from reports.watch.page import Summary, html
from sweeps import programme, state
from sweeps import study as studies
from tests.reports.conftest import diverged, records_of
from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent.parent
HOSTILE = "<script>alert('log')</script>"


class Cells(HTMLParser):
    """The cells of all tables, as (class, text), by their row's first cell."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[tuple[str, str]]] = []
        self.tags: list[str] = []
        self.feed(page)
        self.by_name = {row[0][1]: row[1:] for row in self.rows if row}

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append((dict(attributes).get("class") or "", ""))

    def handle_data(self, data):
        if self.rows and self.rows[-1] and data.strip():
            kind, text = self.rows[-1].pop()
            self.rows[-1].append((kind, f"{text} {data.strip()}".strip()))


@pytest.fixture
def runs(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(state, "RECORDS", tmp_path / "no records")
    return tmp_path / "runs"


def leave(runs: Path, run_id: str, name: str, text: str) -> Path:
    (runs / run_id).mkdir(parents=True, exist_ok=True)
    (runs / run_id / name).write_text(text)
    return runs / run_id


def sections_of(name: str, runs: Path, *budgets: str) -> list[sections.Section]:
    folder, study = RunsFolder(runs), studies.read(name)
    folder.read()
    return sections.of_study(study, budgets or studies.BUDGETS, study.datasets, folder)


def page_of(shown: list[sections.Section], interval: float | None = None) -> str:
    return html("A <b>title</b>", Summary(shown), [HOSTILE], interval, "now")


def tiny_run(runs: Path, data: Path, variant: str, budget: str) -> subprocess.Popen:
    folders = ["--runs-dir", str(runs), "--data-dir", str(data)]
    cell = ["--study", "tiny", "--variant", variant, "--seed", "0", "--budget", budget, "--no-wandb"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with open(runs / f"{variant}.txt", "w") as log:
        return subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "tiny.py"), *cell, *folders],
            stdout=log, stderr=subprocess.STDOUT, env=environment,
        )  # fmt: skip


def test_runs_in_every_state(runs, tiny_study):
    """One real run that ended, one that was told to stop, and what other processes leave behind."""
    runs.mkdir()
    ids = {(c.variant, c.seed): c.run_id for c in studies.cells(studies.read("tiny"), "smoke")}
    ended = tiny_run(runs, tiny_study, "plain", "smoke")
    assert ended.wait(timeout=300) == 0, (runs / "plain.txt").read_text()
    stopped = tiny_run(runs, tiny_study, "residual", "paper")
    wait_until(lambda: list(runs.glob("*/progress.json"))[1:] or stopped.poll() is not None)
    stopped.terminate()
    assert stopped.wait(timeout=60) == 143, (runs / "residual.txt").read_text()
    of_stopped = next(c.run_id for c in studies.cells(studies.read("tiny"), "paper", variants=["residual"]))
    os.rename(runs / "residual.txt", runs / of_stopped / "log.txt")  # as a launcher keeps it

    record = json.loads((runs / ids["plain", 0] / "record.json").read_text())
    leave(runs, ids["plain", 1], "record.json", json.dumps(record | {"seed": 1}))  # not what it says it is
    leave(runs, ids["residual", 1], "progress.json", '{"step": 3, "steps": 4}')
    leave(runs, ids["0.50", 0], "log.txt", f"epoch 1\n{HOSTILE}\n\n")
    with run_lock.take(runs / ids["residual", 1]):
        shown = sections_of("tiny", runs, "smoke")
        page = page_of(shown)
        assert {run: mark.state for run, mark in shown[0].marks.items()} == {
            ("plain", 0): "done", ("plain", 1): "failed", ("residual", 0): "missing", ("residual", 1): "running",
            ("0.50", 0): "failed", ("0.50", 1): "missing",
        }  # fmt: skip
    (largest,) = sections_of("tiny", runs)
    assert largest.budget == "paper" and largest.marks["residual", 0].state == "stopped"
    cells = Cells(page)
    assert cells.by_name["residual"][:2] == [("missing", "·"), ("running", "▶ 75%")]
    assert cells.by_name["plain"][0] == ("done", f"{record['test']['error']:.2f}")
    assert "script" not in cells.tags and "b" not in cells.tags and "&lt;script&gt;alert(&#39;log" in page
    assert "record.json" in dict(Summary(shown).failed)[f"plain, seed 1, run {ids['plain', 1]}"]
    leave(runs, ids["0.50", 1], "log.txt", "epoch 1")
    folder = RunsFolder(runs)
    folder.read()
    leave(
        runs, ids["0.50", 1], "record.json", "{"
    )  # a run that ends between the reading of records and of states
    assert folder.state(ids["0.50", 1]) == "running"
    assert not re.search(r"https?:|src=|@import|url\(", page)  # it needs no other file


def test_time_left_is_that_of_like_runs_or_by_their_own_progress(runs, study, facts, monkeypatch):
    ids = {(c.variant, c.seed): c.run_id for c in studies.cells(study, "mini")}
    for seed in (0, 1):
        leave(runs, ids["wide", seed], "record.json", json.dumps(facts("wide", seed, 5000)))
    # of 9 runs 7 are left, 360 s each, as the records of `wide` say
    summary = Summary(sections_of("made_up", runs))
    assert summary.left == "about 42 minutes left (nothing is running; one at a time)"

    now = [0.0]
    monkeypatch.setattr("reports.watch.folder.time", SimpleNamespace(monotonic=lambda: now[0]))
    folder, left = RunsFolder(runs), []
    leave(runs, ids["thin", 0], "lock", "")
    for step in (10, 20):
        leave(runs, ids["thin", 0], "progress.json", json.dumps({"step": step, "steps": 100}))
        folder.read()
        (section,) = sections.of_study(study, ["mini"], study.datasets, folder)
        left += [
            section.seconds_left(c)
            for c in section.cells
            if (c.variant, c.seed) in (("thin", 0), ("thin", 1))
        ]
        now[0] += 60
    # first as the others; then a tenth took a minute, of which eight are left, and which another seed takes, too
    assert left == pytest.approx([0.9 * 360, 360, 480, 600])


def test_errors_and_differences_as_they_fill(runs, study, facts):
    ids = {(c.variant, c.seed): c.run_id for c in studies.cells(study, "mini")}
    for seed, (wide, thin) in enumerate(((5000, 5100), (5010, 5130))):
        leave(runs, ids["wide", seed], "record.json", json.dumps(facts("wide", seed, wide)))
        leave(runs, ids["thin", seed], "record.json", json.dumps(facts("thin", seed, thin)))
    leave(runs, ids["other", 0], "record.json", json.dumps(diverged(facts("other", 0, 9000), 3)))
    (section,) = sections_of("made_up", runs)
    cells = Cells(page_of([section]))
    # −1.00 and −1.20 points: mean −1.10, s = 0.141, t(0.975, 1) / √2 = 8.985
    assert cells.by_name["wide"][-2:] == [("", "50.05 ± 0.64 (2/3)"), ("", "5.24")]
    assert [text for _, text in cells.by_name["wide less thin"]][1:] == ["−1.10 (−2.37 to +0.17)", "n = 2"]
    assert cells.by_name["other"][0] == ("diverged", "≈")
    forest = section.forest
    assert forest is not None and 0.0 in forest.ticks
    places = [float(forest.position(x).rstrip("%")) for x in (-2.37, -1.1, 0.0, 0.17, 0.73)]
    assert places == sorted(places) and 0 < places[0] < 10 and 90 < places[-1] < 100  # +0.73 is printed


def test_a_line_of_the_programme_shows_what_it_needs_and_its_decision(runs):
    (line,) = (line for line in programme.read() if line.title.startswith("ShuffleNet 0.25×: eight groups"))
    folder = RunsFolder(runs)
    (section,) = sections.of_programme([line], folder)
    assert section.seeds == [0, 1, 2] and not section.decisions
    assert Summary([section]).left.startswith("about ")  # by the plan's own seconds
    clear = {"0.25x-g8": [5_000, 5_100, 5_050], "0.25x-g1": [5_500, 5_610, 5_540]}
    folder.records = records_of(line, clear)
    (section,) = sections.of_programme([line], folder)
    ended = "as claimed after 3 seeds; the line has ended"
    assert section.decisions == [f"{claim}: {ended}" for claim in line.claims]
    assert Summary([section]).left == "all runs are done"


def test_a_page_that_is_watched_asks_for_itself_again(runs, study):
    shown = sections_of("made_up", runs)
    assert '<meta http-equiv="refresh" content="5">' in page_of(shown, 5)
    assert "http-equiv" not in page_of(shown) and "no longer watched" in page_of(shown)


def start(*arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "reports", "watch", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_the_page_on_loopback_until_it_is_told_to_end(tmp_path, number):
    page = tmp_path / "new" / "page.html"
    where = ("--runs-dir", str(tmp_path), "--out", str(page), "--interval", "0.2", "--serve", "0")
    with start("densenet_bc_compression", "--budget", "paper", *where) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == f"page: {page}\n"
            served = re.fullmatch(r"served at (http://127\.0\.0\.1:(\d+)/) .*ssh -N -L (\d+):127\.0\.0\.1:\2 \S+@\S+\)\n",
                                  process.stdout.readline())  # fmt: skip
            assert served and served[2] == served[3]
            assert "missing" in process.stdout.readline()
            assert urlopen(served[1]).read() == page.read_bytes()
            with pytest.raises(HTTPError, match="404"):
                urlopen(f"{served[1]}../page.html")
            written = page.stat().st_mtime_ns
            cell = next(iter(studies.cells(studies.read("densenet_bc_compression"), "paper")))
            leave(tmp_path, cell.run_id, "log.txt", "out of memory")
            assert "1 failed" in process.stdout.readline() and page.stat().st_mtime_ns > written
            assert b"out of memory" in urlopen(served[1]).read()
            written = page.stat().st_mtime_ns
            time.sleep(1)
            assert page.stat().st_mtime_ns == written  # nothing changed
        finally:
            process.send_signal(number)
        assert process.wait(timeout=60) == 0
    assert "no longer watched" in page.read_text()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "say which study to watch, or --programme"),
        (["densenet_bc_compresion"], "did you mean densenet_bc_compression"),
        (["densenet_bc_compression", "--programme"], "say which study"),
        (["--programme", "--budget", "mini"], "leave out --budget"),
        (["densenet_bc_compression", "--datasets", "svhn"], "not on svhn"),
        (["densenet_bc_compression", "--interval", "0"], "--interval is a number of seconds above 0, not 0"),
        (["densenet_bc_compression", "--interval", "nan"], "above 0, not nan"),
        (["densenet_bc_compression", "--once", "--serve"], "leave out --serve"),
        (["densenet_bc_compression", "--serve", "99999"], "--serve 0 takes a free one"),
        (["densenet_bc_compression", "--once", "--out", "/dev/null/page.html"], "choose another --out"),
    ],
)
def test_bad_input_gets_one_line(arguments, complaint, capsys, tmp_path):
    assert main(["watch", *arguments, "--runs-dir", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert complaint in said and said.count("\n") == 1


def test_once_writes_the_page_of_the_programme_and_ends(tmp_path, capsys):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert main(["watch", "--programme", "--once", "--runs-dir", str(tmp_path)]) == 0
    page = (tmp_path / "programme.html").read_text()
    assert all(line.title.split(":")[0] in page for line in programme.read())
    assert capsys.readouterr().out.startswith(f"page: {tmp_path / 'programme.html'}\n")
    assert before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
