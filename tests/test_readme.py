"""The README shows what the project makes."""

import re
import shlex
from pathlib import Path

import run
from sweeps import study

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


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
