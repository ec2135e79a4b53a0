"""The pages as one site: Sphinx with MyST over a copy of them, laid out as in the repository, so that links stay."""

import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
START = "reports/index"
# Pages of the first level by their title in the navigation, in this order; others follow by their own titles.
PAGES = {
    "README": "Overview", "reports/studies": "Studies", "reports/tables": "Papers' tables", "reports/claims": "Claims",
    "reports/experiments": "Experiments", "reports/figures": "Figures", "reports/architectures": "Architectures",
    "reports/complexity": "Counts", "reports/programme": "Programme",
}  # fmt: skip
WITH_FOLDER = ("reports/studies", "reports/tables")  # below which the pages of the folder of this name stand
STUDIES = "# Studies\n\nOne study a table or ablation of a paper: the printed figures, ours, and what they say of its claims.\n\n"
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)")

ANCHORED_HEADING = re.compile(r'^(#+ )(<a id="[^"]+"></a>)', re.MULTILINE)


def build(out: Path) -> bool:
    """Build the site in `out`, whose index.html is its start; return whether Sphinx had nothing to complain about.

    It complains on stderr. Raises OSError.
    """
    from sphinx.cmd.build import main as sphinx

    with tempfile.TemporaryDirectory() as folder:
        source, beside = Path(folder) / "source", Path(folder) / "beside"
        stage(source, beside)
        settings = ["-c", str(HERE), "-d", f"{folder}/doctrees", "-D", f"html_extra_path={beside}"]
        return sphinx(["--quiet", "--fail-on-warning", *settings, str(source), str(out)]) == 0


def stage(source: Path, beside: Path) -> None:
    """Lay out the pages, and the files that they link to, in `source`; in `beside` what goes into the site as it is."""
    pages = [ROOT / "README.md", *(ROOT / "reports").glob("*.md"), *(ROOT / "reports").glob("[st]*/*.md")]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        # An anchor in a heading would stand in the link to it in the page's contents, too, and break it.
        _write(source / page.relative_to(ROOT), ANCHORED_HEADING.sub(r"\2\n\n\1", text))
        for target in LINK.findall(text):
            linked = (page.parent / target).resolve()
            if "://" not in target and linked.suffix != ".md" and linked.is_file():
                copy = source / linked.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(linked, copy)
    studies = sorted(source.glob("reports/studies/*.md"))
    listed = "".join(f"- [{_title(page)}](studies/{page.name})\n" for page in studies)
    _write(source / "reports/studies.md", STUDIES + listed)
    names = sorted(f"reports/{page.stem}" for page in source.glob("reports/*.md"))
    others = {name: _title(source / f"{name}.md") for name in names if name not in PAGES and name != START}
    _append(source / f"{START}.md", _tree(PAGES | others))
    for name in WITH_FOLDER:
        below = sorted(source.glob(f"{name}/*.md"))
        _append(source / f"{name}.md", _tree({f"{name}/{page.stem}": _title(page) for page in below}))
    shutil.copytree(ROOT / "reports/figures", beside / "reports/figures")  # pictures in tables are HTML
    _write(beside / "index.html", f'<!doctype html><meta http-equiv="refresh" content="0; url={START}.html">')


def _title(page: Path) -> str:
    """Return what a page is called in the navigation: of a paper's tables, the paper's short name."""
    (title,) = re.findall(r"^# (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)[:1]
    return title.removeprefix("The tables of ").split(" (")[0]


def _tree(titles: Mapping[str, str]) -> str:
    """Make the directive that puts pages into the navigation."""
    entries = "".join(f"{title} </{name}>\n" for name, title in titles.items())
    return f"\n```{{toctree}}\n:hidden:\n\n{entries}```\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _append(path: Path, text: str) -> None:
    _write(path, path.read_text(encoding="utf-8") + text)
