"""The README shows what the project makes."""

import re
import shlex
from pathlib import Path

import run
from sweeps import study

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_piece_of_a_report_is_the_reports():
    report = (ROOT / "reports" / "densenet_bc_compression.md").read_text(encoding="utf-8")
    piece = README.split("tests/test_readme.py -->")[1].split("[All results]")[0]
    shown = [cells(line) for line in piece.splitlines() if line.startswith("| ")]
    made = [cells(line) for line in report.splitlines() if line.startswith("| ")]
    assert len(shown) > 3
    for row in shown:  # the README leaves out the last column, whose links lead into the report
        assert row in [line[: len(row)] for line in made]


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


def test_every_picture_and_page_exists():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_commands_are_understood():
    for command in re.findall(r"uv run run\.py ([^#\n`]*)", README):
        argv = shlex.split(command)
        if argv and "--list" not in argv and "--help" not in argv:
            assert run.configure(run.parse([*argv, *([] if "--budget" in argv else ["--budget", "smoke"])]))
    for name in re.findall(r"sweeps/(\w+)\.yaml", README):
        assert name in study.names()
