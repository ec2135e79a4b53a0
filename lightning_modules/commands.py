"""Commands as whoever started this process can type them, and the parser that answers a mistake in one line.

Texts hold commands as the pages do, with `uv run`; what a program prints goes through `as_typed` first.
"""

import argparse
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from architectures.spelling import did_you_mean
from lightning_modules.exit_codes import BAD_INPUT

SCRIPT = Path(__file__).parents[1] / "run.py"
COMMAND = re.compile(r"\buv run (?:--extra \w+ )?(?=(run\.py|-m |wandb |pytest))(?:run\.py)?")


def as_typed(text: str) -> str:
    """Return a text with every `uv run …` in it as it runs here: unchanged under `uv run`, else by this interpreter."""
    if "UV_RUN_RECURSION_DEPTH" in os.environ:  # set by `uv run`
        return text
    python = interpreter()
    on_path = python in ("python", "python3")

    def typed(command: re.Match) -> str:
        if command[1] == "run.py":
            return f"{python} {shlex.quote(os.path.relpath(SCRIPT))}"
        return f"{python} " if command[1] == "-m " else "" if on_path else f"{python} -m "

    return COMMAND.sub(typed, text)


def interpreter() -> str:
    """Return how this Python is called: by name if that is what PATH has, else by its path from the current folder."""
    executable = Path(os.path.abspath(sys.executable))  # unresolved: a virtual environment's is a link
    for name in ("python", "python3"):
        on_path = shutil.which(name)
        if not on_path or os.path.dirname(os.path.abspath(on_path)) != str(executable.parent):
            continue
        if os.path.realpath(on_path) == os.path.realpath(executable):
            return name
    here = Path.cwd()
    path = executable.relative_to(here) if executable.is_relative_to(here) else executable
    return shlex.quote(str(path))


def refuse(program: str, error: Exception) -> int:
    """Print the one line that says what to change, and return the exit code of bad input. program: `uv run …`."""
    print(as_typed(f"{program}: {error}"), file=sys.stderr)
    return BAD_INPUT


class Parser(argparse.ArgumentParser):
    """Takes no abbreviations, shows commands as they are typed here, and raises ValueError in one line for a mistake."""

    def __init__(self, prog: str, description: str | None = None, **settings: Any) -> None:
        super().__init__(
            as_typed(prog),
            description=description and as_typed(description),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            **settings,
        )

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            word = unknown[0].split("=")[0]
            near = did_you_mean(word, _flags(self), cutoff=0.7) if word.startswith("-") else ""
            raise ValueError(f"unknown argument {word}{near}")
        return options

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def _flags(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the flags of a parser and of its commands."""
    yield from parser._option_string_actions
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _flags(command)
