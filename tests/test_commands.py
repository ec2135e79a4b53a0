"""Commands: printed as they can be typed where they are printed, and accepted wherever a page holds one."""

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import run
from benchmarks import __main__ as benchmarks
from lightning_modules import commands
from lightning_modules.data import imagenet
from reports import __main__ as reports
from reports.verdicts import experiments, ledger
from sweeps import __main__ as sweeps
from sweeps import local, options, slurm, study, to_wandb
from tests.test_house import modules

ROOT = Path(__file__).parent.parent
BY_PATH = os.path.abspath(sys.executable)


@pytest.fixture
def shell(tmp_path):
    """Run a command in the shell of a user who has this Python by `uv run`, by the name `python`, or by its path alone."""
    (tmp_path / "uv").write_text(f'#!/bin/sh\nshift\nUV_RUN_RECURSION_DEPTH=1 exec {BY_PATH} "$@"\n')
    (tmp_path / "uv").chmod(0o755)
    folders = {"uv run": str(tmp_path), "python": str(Path(BY_PATH).parent)}

    def run(command: str, folder: Path = ROOT) -> str:
        path = [folder for start, folder in folders.items() if command.startswith(start)]
        path.append(os.path.dirname(shutil.which("sh") or ""))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("UV_")}
        done = subprocess.run(
            command,
            shell=True,
            cwd=folder,
            env=environment | {"PATH": os.pathsep.join(path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    return run


@pytest.mark.skipif(os.name == "nt", reason="starts a script of sh")
@pytest.mark.parametrize("python", ["uv run", "python", BY_PATH])
def test_a_printed_command_runs_where_it_was_printed(python, shell):
    # From the folder itself, an interpreter within it is shorter by its path from there.
    shown = os.path.relpath(python) if python == BY_PATH and Path(python).is_relative_to(ROOT) else python
    script = shell(f"{python} run.py --help" if python == "uv run" else f"{python} {ROOT / 'run.py'} --help")
    (listing,) = re.findall(r"^ +(\S.*) --list {5,}what there is", script, re.MULTILINE)
    assert listing == f"{shown} run.py" and "densenet_bc" in shell(f"{listing} --list")
    overview = shell(f"{python} -m sweeps")
    (listing,) = re.findall(r"^(.* -m sweeps list) {5,}every study", overview, re.MULTILINE)
    assert listing == f"{shown} -m sweeps list" and "all studies" in shell(f"{listing} --budget paper")


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


# The commands of the pages


PLACEHOLDERS = {
    "STUDY": "densenet_bc_compression",
    "CLAIM": "flops.not_speed",
    "FOLDER": "reports",
    "DEVKIT": "reports",
}
FIRST_WORDS = ("uv", "uvx", "python", "pip", "conda", "wandb", "pytest", "git")


def documented() -> list[str]:
    """Every command of README, CONTRIBUTING and the generated pages: in blocks of `sh`, and in the text between."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "reports").rglob("*.md")]
    pages += (ROOT / "benchmarks").rglob("*.md")
    found: dict[str, None] = {}
    for page in pages:
        text = page.read_text(encoding="utf-8")
        lines = [
            line
            for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
            for line in block.splitlines()
        ]
        between = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
        inline = re.findall(r"`([^`]+)`", between)
        lines += [" ".join(code.split()) for code in inline if code.split()[0] in FIRST_WORDS and " " in code]
        found |= {
            re.sub(r"^(\w+=\S+ )+", "", part.split("  #")[0].strip()): None
            for line in lines
            for part in line.split("&&")
        }
    return list(filter(None, found))


def accept(command: str) -> None:
    """Parse a command as its program does, and resolve what it names, up to the point where it would work."""
    words = [PLACEHOLDERS.get(word, word) for word in shlex.split(command)]
    if words[:2] != ["uv", "run"]:
        assert words[:2] in (
            ["pip", "install"],
            ["conda", "env"],
            ["uv", "lock"],
            ["uv", "pip"],
            ["uv", "export"],
            ["uvx", "pre-commit"],
        )
        return
    if words == ["uv", "run"]:  # the text speaks of it
        return
    words = words[4:] if words[2:3] == ["--extra"] else words[2:]
    program, words = (" ".join(words[:2]), words[2:]) if words[:1] == ["-m"] else (words[0], words[1:])
    if program == "run.py":
        accept_run(words)
    elif program == "-m reports":
        asked = reports.parse(words)
        for name in getattr(asked, "studies", []):
            study.read(name)
        for claim in getattr(asked, "claims", []):
            assert ledger.find(claim) and claim in experiments.registered() | experiments.registered(
                by_others=True
            )
        if row := getattr(asked, "row", None):
            study.read(row.split("/")[0]).variant(row.split("/")[1])
    elif program == "-m sweeps":
        for name in sweeps.parse(words).studies:
            study.read(name)
    elif program in ("-m sweeps.local", "-m sweeps.slurm"):
        asked = {"-m sweeps.local": local, "-m sweeps.slurm": slurm}[program].parse(words)
        assert getattr(asked, "programme", False) or options.cells(asked, lambda: "smoke")
    elif program == "wandb":
        assert words[0] in ("sweep", "agent", "login", "leet", "sync")
        assert words[0] != "sweep" or (ROOT / words[1].replace("STUDY", PLACEHOLDERS["STUDY"])).is_file(), (
            command
        )
    elif program in ("pytest", "ruff", "mypy"):
        assert all((ROOT / word).exists() for word in words if "/" in word)
    else:
        modules = {
            "sweeps.to_wandb": to_wandb,
            "benchmarks": benchmarks,
            "lightning_modules.data.imagenet": imagenet,
        }
        modules[program.removeprefix("-m ")].parse(words)


def accept_run(words: list[str]) -> None:
    if "--help" in words:
        with pytest.raises(SystemExit):
            run.parse(words)
        return
    asked = run.parse(words)
    if not asked.list:
        asked.budget = asked.budget or "smoke"
        assert run.configure(asked)


@pytest.fixture(scope="module")
def of_pages() -> list[str]:
    return documented()


def test_every_command_of_the_pages_is_accepted(of_pages, capsys):
    assert len(of_pages) > 200
    for command in of_pages:
        try:
            accept(command)
        except (ValueError, AssertionError, KeyError) as error:
            raise AssertionError(f"{command}: {error!r}") from error
        assert not re.match(r"python|wandb|pytest", command), f"{command}: begin with `uv run`"


def test_a_command_that_no_program_has_is_not_accepted():
    for command in (
        "uv run run.py --arch resnet --dept 20",
        "uv run -m reports --chek",
        "uv run -m sweeps lst",
    ):
        with pytest.raises(ValueError, match="unknown argument|invalid choice"):
            accept(command)
    with pytest.raises(AssertionError):
        accept("uv run wandb sweep sweeps/nothing.yaml")


# Ends within a minute on a CPU and needs no network.
QUICK = re.compile(
    r"uv run (run\.py .*(--list|--help|--describe)|-m sweeps list( --programme)?|-m sweeps\.to_wandb.*"
    r"|-m reports (why|export|resnext_cardinality).*)"
)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="starts a script of sh")
def test_quick_commands_of_the_pages_run_in_a_fresh_clone(of_pages, shell, tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    quick = [command for command in of_pages if QUICK.fullmatch(command)]
    assert len(quick) > 8
    for command in quick:
        assert shell(command, clone), command
