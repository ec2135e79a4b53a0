"""The house: what may depend on what. Imports run one way, no files import each other in a circle."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# From the ground up: a package may import from those before it, and from itself.
FLOORS = ("architectures", "lightning_modules", "sweeps", "run", "reports", "benchmarks")
ROOMS = (
    "reports.runs",
    "reports.printed",
    "reports.verdicts",
    "reports.plots",
    "reports.pages",
    "reports.site",
    "reports.watch",
    "reports.__main__",
)
# First words of docstrings that describe, where a command says what the function does.
NO_VERBS = {
    "What",
    "Whether",
    "How",
    "Of",
    "The",
    "A",
    "An",
    "Where",
    "Which",
    "All",
    "Every",
    "Those",
    "This",
}
DESCRIBED = ("architectures", "lightning_modules", "run.py", "benchmarks")
# run.py asks for the studies' cells, and a distilled run for its teacher's: sweeps lies below run.py.
LOOSE = {"reports": {"__init__.py", "__main__.py"}}


def modules() -> dict[str, Path]:
    """The production modules by dotted name."""
    files = [
        ROOT / "run.py",
        *(path for floor in FLOORS if floor != "run" for path in (ROOT / floor).rglob("*.py")),
    ]
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in files
    }


def imports(path: Path, known: set[str]) -> set[str]:
    """The production modules that a file imports, also inside functions, but not for type hints alone."""
    found = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in known else node.module)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text(encoding="utf-8")))
    return found & known


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    files = modules()
    return {name: imports(path, set(files)) - {name} for name, path in files.items()}


def test_no_circle(graph):
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the files


@pytest.mark.parametrize("order", [FLOORS, ROOMS])
def test_imports_run_one_way(graph, order):
    def place(name: str) -> int | None:
        return next(
            (i for i, floor in enumerate(order) if name == floor or name.startswith(f"{floor}.")), None
        )

    upward = {
        f"{name} imports {other}"
        for name, others in graph.items()
        for other in others
        if None not in (place(name), place(other)) and place(other) > place(name)
    }
    assert not upward


def test_reports_never_import_lightning_and_wandb_only_to_pull_and_publish(graph):
    for name, path in modules().items():
        if name.startswith("reports"):
            text = path.read_text(encoding="utf-8")
            assert "pytorch_lightning" not in text, name
            assert "import wandb" not in text or name in ("reports.runs.pull", "reports.pages.publish"), name


def test_no_loose_files_among_the_pages():
    assert {path.name for path in (ROOT / "reports").glob("*.py")} == LOOSE["reports"]


def functions(path: Path) -> Iterator[tuple[str, str]]:
    """Yield line and docstring of a file's public functions and methods that have one."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name[0] != "_" and (text := ast.get_docstring(node)):
            yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", text


def test_docstrings_open_with_a_verb():
    docstrings = {
        title: docstring
        for path in modules().values()
        if path.relative_to(ROOT).parts[0] in DESCRIBED
        for title, docstring in functions(path)
    }
    assert len(docstrings) > 300
    openings = {title: docstring.split()[0].strip(",:.") for title, docstring in docstrings.items()}
    assert not {title: opening for title, opening in openings.items() if opening in NO_VERBS}
