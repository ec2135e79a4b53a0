"""A command is printed as it can be typed where it was printed."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lightning_modules import commands
from tests.test_house import modules

ROOT = Path(__file__).parent.parent
BY_PATH = os.path.abspath(sys.executable)


@pytest.fixture
def shell(tmp_path):
    """Run a command in the shell of a user who has this Python by `uv run`, by the name `python`, or by its path alone."""
    (tmp_path / "uv").write_text(f'#!/bin/sh\nshift\nUV_RUN_RECURSION_DEPTH=1 exec {BY_PATH} "$@"\n')
    (tmp_path / "uv").chmod(0o755)
    folders = {"uv run": str(tmp_path), "python": str(Path(BY_PATH).parent)}

    def run(command: str) -> str:
        path = [folder for start, folder in folders.items() if command.startswith(start)]
        path.append(os.path.dirname(shutil.which("sh") or ""))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("UV_")}
        done = subprocess.run(
            command,
            shell=True,
            cwd=ROOT,
            env=environment | {"PATH": os.pathsep.join(path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.skipif(os.name == "nt", reason="starts a script of sh")
@pytest.mark.parametrize("python", ["uv run", "python", BY_PATH])
def test_a_printed_command_runs_where_it_was_printed(python, shell):
    script = shell(f"{python} run.py --help" if python == "uv run" else f"{python} {ROOT / 'run.py'} --help")
    (listing,) = re.findall(r"^ +(\S.*) --list {5,}what there is", script, re.MULTILINE)
    assert listing == f"{python} run.py" and "densenet_bc" in shell(f"{listing} --list")
    overview = shell(f"{python} -m sweeps")
    (listing,) = re.findall(r"^(.* -m sweeps list) {5,}every study", overview, re.MULTILINE)
    assert listing == f"{python} -m sweeps list" and "all studies" in shell(f"{listing} --budget paper")


def test_other_programs_are_called_by_name_where_the_path_has_them(monkeypatch):
    monkeypatch.delenv("UV_RUN_RECURSION_DEPTH", raising=False)
    text = "`uv run wandb login`, `uv run --extra slurm -m sweeps.slurm STUDY`, `uv run --extra publish …`"
    monkeypatch.setattr(commands, "interpreter", lambda: "python")
    assert (
        commands.as_typed(text) == "`wandb login`, `python -m sweeps.slurm STUDY`, `uv run --extra publish …`"
    )
    monkeypatch.setattr(commands, "interpreter", lambda: ".venv/bin/python")
    assert commands.as_typed(text).startswith("`.venv/bin/python -m wandb login`")
    monkeypatch.setenv("UV_RUN_RECURSION_DEPTH", "1")
    assert commands.as_typed(text) == text


def test_from_another_folder_the_script_is_named_by_its_path(monkeypatch, tmp_path):
    monkeypatch.delenv("UV_RUN_RECURSION_DEPTH", raising=False)
    monkeypatch.chdir(tmp_path)
    *_, script, option = commands.as_typed("uv run run.py --list").split()
    assert (tmp_path / script).resolve() == ROOT / "run.py" and option == "--list"


def test_nothing_is_printed_with_a_command_as_the_pages_have_it():
    """A literal with a command, directly in a print, is within `as_typed`."""
    for name, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in (
                "print",
                "write",
                "say",
            ):
                texts = [
                    text.value
                    for argument in node.args
                    if not (isinstance(argument, ast.Call) and getattr(argument.func, "id", "") == "as_typed")
                    for text in ast.walk(argument)
                    if isinstance(text, ast.Constant) and isinstance(text.value, str)
                ]
                assert not any(map(commands.COMMAND.search, texts)), (name, node.lineno)
