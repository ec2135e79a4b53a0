"""Reads the architectures of a family from the source text of its file, without importing it.

    @register(cifar={"depth": 40}, imagenet={"depth": 121}, later=("dropout",))
    def name(*, stem: Stem, num_classes: int, depth: int, dropout: float = 0.0) -> nn.Module:
        \"\"\"One line that says what it is.

        Knobs:
            depth (L): what the paper varies with it, and what it may be.
            dropout: …
        \"\"\"

Every keyword-only argument but `stem` and `num_classes` is a knob, of type int, float, bool,
Literal["A", "B"] or tuple[int, ...]; it has a default for every stem and a line in the docstring. Knobs under
`later` came after the first records had been committed: see `registry.resolve`.
"""

import ast
import inspect
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

Stem = Literal["cifar", "imagenet"]
Kind = Literal["int", "float", "bool", "choice", "ints"]

LARGEST = 3.4e38  # that a network in single precision holds

KINDS: dict[str, Kind] = {"int": "int", "float": "float", "bool": "bool", "tuple[int, ...]": "ints"}
MEANING = {
    "int": "a whole number",
    "float": "a number of at most 3.4e38",
    "bool": "true or false",
    "ints": "whole numbers separated by commas",
}


@dataclass(frozen=True)
class Knob:
    """A keyword-only argument of a builder. `symbol` is the paper's name for it, or empty.

    `default` holds for every stem that isn't in `by_stem`; `choices` is empty unless `kind` is "choice". `later`: it
    was added after the first records had been committed.
    """

    name: str
    kind: Kind
    choices: tuple[str, ...]
    default: Any
    by_stem: dict[str, Any]
    symbol: str
    help: str
    later: bool = False

    def default_for(self, stem: str) -> Any:
        return self.by_stem.get(stem, self.default)

    def parse(self, text: str) -> Any:
        """Return the value that a command line means: `0.5`, `true`, `6,12,24,16`.

        Raises:
            ValueError: the text is no value of this knob.
        """
        try:
            if self.kind == "int":
                return self.check(int(text))
            if self.kind == "float":
                return self.check(float(text))
            if self.kind == "ints":
                return self.check(tuple(int(part) for part in text.split(",")))
            if self.kind == "bool":
                return {"true": True, "false": False}[text.lower()]
        except (ValueError, KeyError):
            raise self._refusal(text) from None
        return self.check(text)

    def check(self, value: Any) -> Any:
        """Return the value as the builder takes it: a whole number for a float becomes one, a list a tuple.

        Raises:
            ValueError: the value is of another type, or none of the choices.
        """
        whole = _is_whole(value)
        if self.kind == "int" and whole or self.kind == "bool" and isinstance(value, bool):
            return value
        if self.kind == "float" and (whole or isinstance(value, float)) and abs(value) <= LARGEST:
            return float(value)
        if self.kind == "choice" and value in self.choices:
            return value
        if self.kind == "ints" and isinstance(value, (tuple, list)) and value and all(map(_is_whole, value)):
            return tuple(value)
        raise self._refusal(value)

    def _refusal(self, value: Any) -> ValueError:
        expected = MEANING.get(self.kind) or f"one of {', '.join(self.choices)}"
        return ValueError(f"{self.name}: {value!r} is not {expected}")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True)
class Architecture:
    """A registered builder. `family` is its file, `summary` the first sentence of its docstring `doc`."""

    name: str
    family: str
    summary: str
    stems: tuple[str, ...]
    knobs: dict[str, Knob]
    doc: str


def read_family(path: Path) -> list[Architecture]:
    """Return the architectures registered in a file; none if it registers nothing.

    Raises:
        ValueError: the file breaks a rule of this module; the message names file, line and remedy.
    """
    source = path.read_text(encoding="utf-8")
    if "@register(" not in source:
        return []
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise ValueError(f"{path.name}, line {error.lineno}: {error.msg}") from None
    builders = []
    for node in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and getattr(mark.func, "id", "") == "register":
                try:
                    builders.append(_read_builder(node, mark, path.stem))
                except ValueError as error:
                    raise ValueError(f"{path.name}, line {node.lineno}, {node.name}: {error}") from None
    return builders


def _read_builder(node: ast.FunctionDef, mark: ast.Call, family: str) -> Architecture:
    given = {str(keyword.arg): keyword.value for keyword in mark.keywords}
    later = _literal(given.pop("later"), "later") if "later" in given else ()
    by_stem = {stem: _literal(defaults, "a stem's defaults") for stem, defaults in given.items()}
    if not by_stem or not set(by_stem) <= set(get_args(Stem)):
        raise ValueError(f"@register takes one or more of: {', '.join(get_args(Stem))}")
    if node.args.args or node.args.posonlyargs or node.args.vararg or node.args.kwarg:
        raise ValueError("every argument must be a named keyword: write (*, stem, num_classes, …)")
    doc = inspect.cleandoc(ast.get_docstring(node) or "")
    if not doc:
        raise ValueError("the docstring is missing")

    described = dict(_described_knobs(doc))
    knobs = {}
    for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        if argument.arg not in ("stem", "num_classes"):
            knobs[argument.arg] = _read_knob(argument, default, by_stem, described, later)
    for name in [*described, *later, *(name for defaults in by_stem.values() for name in defaults)]:
        if name not in knobs:
            raise ValueError(f"{name} is described, called later or given a default, but is no argument")
    summary = doc.split("\n\n")[0].replace("\n", " ")
    return Architecture(node.name, family, summary, tuple(by_stem), knobs, doc)


def _read_knob(
    argument: ast.arg, default: ast.expr | None, by_stem: dict, described: dict, later: Collection[str]
) -> Knob:
    name = argument.arg
    if name not in described:
        raise ValueError(f"{name} has no line under 'Knobs:' in the docstring")
    kind, choices = _read_type(argument)
    stem_defaults = {stem: defaults[name] for stem, defaults in by_stem.items() if name in defaults}
    value = None if default is None else _literal(default, f"the default of {name}")
    symbol, text = described[name]
    knob = Knob(name, kind, choices, value, stem_defaults, symbol, text, later=name in later)
    for stem in by_stem:
        if default is None and stem not in stem_defaults:
            raise ValueError(f"{name} has no default for the stem {stem!r}")
        knob.check(knob.default_for(stem))
    return knob


def _read_type(argument: ast.arg) -> tuple[Kind, tuple[str, ...]]:
    annotation = argument.annotation
    text = ast.unparse(annotation) if annotation else "nothing"
    if text in KINDS:
        return KINDS[text], ()
    if isinstance(annotation, ast.Subscript) and text.startswith("Literal["):
        choices = _literal(annotation.slice, f"the choices of {argument.arg}")
        choices = choices if isinstance(choices, tuple) else (choices,)
        if all(isinstance(choice, str) for choice in choices):
            return "choice", choices
    raise ValueError(
        f"{argument.arg} is annotated with {text}; "
        'a knob is an int, float, bool, tuple[int, ...] or Literal["A", "B"]'
    )


def _literal(node: ast.expr, what: str) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise ValueError(f"{what} must be written out as literals") from None


def _described_knobs(doc: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield name and (symbol, help) of each entry under "Knobs:"; an entry may go on over deeper-set lines."""
    section = re.search(r"^Knobs:\n((?:    .*\n?|\n)+)", doc, flags=re.MULTILINE)
    for entry in re.split(r"\n    (?! )", "\n" + section.group(1) if section else "")[1:]:
        head, _, text = entry.partition(":")
        name, _, symbol = head.partition(" ")
        yield name, (symbol.removeprefix("(").removesuffix(")"), " ".join(text.split()))
