"""The files that decide an answer, read off the source text: a module's own, and those that it imports or names."""

import ast
import hashlib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TypeVar

from architectures import catalogue

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
CHECKS = ROOT / "reports" / "verdicts" / "checks"
EXPERIMENTS = ROOT / "reports" / "verdicts" / "experiments"
PAPERS = ROOT / "reports" / "papers"
COUNTING = ROOT / "architectures" / "counting.py"
# What is followed from a check; from a family, the architectures alone.
FOLLOWED = (
    *("architectures", "lightning_modules", "reports.printed"),
    *("reports.verdicts.checks", "reports.verdicts.complexity"),
)
# Functions whose first argument names the check module of a paper.
BY_PAPER = ("as_printed", "rows")


@cache
def fingerprint(files: frozenset[Path], root: Path = ROOT) -> str:
    """Return what changes with the name or the content of any of the files."""
    digest = hashlib.sha256()
    for name, path in sorted((path.relative_to(root).as_posix(), path) for path in files):
        digest.update(name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


@cache
def of_architecture(arch: str) -> frozenset[Path]:
    """Return the files that decide the counts of an architecture."""
    return _reached([_family(arch), COUNTING], lambda path: _imported(path, FOLLOWED[:1]))


@cache
def of_check(claim_id: str) -> frozenset[Path]:
    """Return the files that decide an exact claim: its module's, with the networks and tables that its function names."""
    path = checks()[claim_id]
    direct = _imported(path, FOLLOWED) | _named_by(_definitions_used(path, claim_id))
    return _reached(direct, lambda path: _imported(path, FOLLOWED) | _named(path)) | {path}


@cache
def checks() -> dict[str, Path]:
    """Return the file of every check, by the claim that it is registered for."""
    return _registered(CHECKS, "exact")


@cache
def experiments() -> dict[str, Path]:
    """Return the file of every experiment, by its claim: to run one takes torch, to know of one doesn't."""
    return _registered(EXPERIMENTS, "experiment")


def _registered(folder: Path, decorator: str) -> dict[str, Path]:
    return {
        claim: path
        for path in sorted(folder.glob("*.py"))
        for function in _functions(path)
        for claim in _claims(function, decorator)
    }


def _functions(path: Path) -> list[ast.FunctionDef]:
    return [node for node in _tree(path).body if isinstance(node, ast.FunctionDef)]


def _claims(function: ast.FunctionDef, decorator: str) -> Iterator[str]:
    """Yield the claims that a decorator registers a function for."""
    for call in function.decorator_list:
        if isinstance(call, ast.Call) and _called(call) == decorator:
            yield from _texts(call.args)


def _definitions_used(path: Path, claim_id: str) -> frozenset[ast.AST]:
    """Return the function of an exact claim, and the functions and constants of its file to which it leads."""
    defined: dict[str, ast.AST] = {name: node for node in _tree(path).body for name in _names_defined(node)}
    function: ast.AST = next(f for f in _functions(path) if claim_id in _claims(f, "exact"))
    return _reached(
        [function],
        lambda node: [defined[n.id] for n in ast.walk(node) if isinstance(n, ast.Name) and n.id in defined],
    )


def _names_defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name))


def _reached(begin: Iterable[T], following: Callable[[T], Iterable[T]]) -> frozenset[T]:
    """Return all at which one arrives from the first ones."""
    reached, open_ends = set(), list(begin)
    while open_ends:
        item = open_ends.pop()
        if item not in reached:
            reached.add(item)
            open_ends += following(item)
    return frozenset(reached)


@cache
def _imported(path: Path, packages: tuple[str, ...], root: Path = ROOT) -> frozenset[Path]:
    """Return the files of the packages' modules that a file imports, anywhere in it; a table imports nothing."""
    names: set[str] = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    within = {name for name in names if any(f"{name}.".startswith(f"{package}.") for package in packages)}
    return frozenset(file for name in within for file in _files(root.joinpath(*name.split("."))))


@cache
def _named(path: Path) -> frozenset[Path]:
    """Return what a whole file of checks names (`_named_by`); other files name nothing."""
    return _named_by(_tree(path).body) if path.parent == CHECKS else frozenset()


def _named_by(code: Iterable[ast.AST]) -> frozenset[Path]:
    """Return what code names instead of importing it: families, by their architectures; tables; other checks."""
    nodes = [node for part in code for node in ast.walk(part)]
    words = set(_texts(nodes))
    calls = [node for node in nodes if isinstance(node, ast.Call) and _called(node) in BY_PAPER]
    papers = {paper for call in calls for paper in _texts(call.args[:1])}
    return frozenset(
        {_family(arch) for arch in words & catalogue().keys()}
        | {PAPERS / f"{table}.csv" for table in words & _tables()}
        | {CHECKS / f"{paper}.py" for paper in papers}
    )


def _texts(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the literal strings among the nodes."""
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _called(node: ast.Call) -> str:
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def _files(module: Path) -> Iterator[Path]:
    """Yield the file of a module or package; a name that is neither has none."""
    return (path for path in (module.with_suffix(".py"), module / "__init__.py") if path.is_file())


def _family(arch: str) -> Path:
    return ROOT / "architectures" / f"{catalogue()[arch].family}.py"


@cache
def _tables() -> frozenset[str]:
    return frozenset(path.stem for path in PAPERS.glob("*.csv"))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes() if path.suffix == ".py" else b"")
