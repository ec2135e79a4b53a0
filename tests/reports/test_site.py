"""The pages as one site: nothing is missing, nothing is fetched, nothing is too wide, and tables can be sorted."""

import html
import json
import re
import shutil
import subprocess
import threading
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from reports.__main__ import main
from reports.site import build, command

ROOT = Path(__file__).parent.parent.parent
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SORTED = """| row | error | share | size |
| --- | ---: | ---: | ---: |
| b | 9.50 ± 2.48 (3) | 7 % | 1.2M |
| ↳ ours | 1.00 |  |  |
| a | — (0/3) | 12 % | 900K |
| c | −11.34 | 3 % | 1,234 |
| d | 10.25 (n=1) | 101 % | 2G |
| all | 0 | 0 % | 5 |
"""
# Opens every page in a frame, and writes into its own body what it saw.
INSPECTION = """<!doctype html><body><script>
const seen = { wide: {}, outside: [], sorted: {} };
const opened = (page, width) => new Promise((done) => {
  const frame = document.createElement("iframe");
  frame.style = `width: ${width}px; height: 800px; border: 0`;
  frame.onload = () => done(frame);
  frame.src = page;
  document.body.append(frame);
});
(async () => {
  for (const page of PAGES) {
    const frame = await opened(page, 1280);
    for (let box of frame.contentDocument.querySelectorAll("html, html *:has(article), article, .page-toc"))
      if (box.scrollWidth > box.clientWidth + 1) seen.wide[page] = box.scrollWidth;
    for (const entry of frame.contentWindow.performance.getEntriesByType("resource"))
      if (!entry.name.startsWith(location.origin) && !entry.name.startsWith("data:")) seen.outside.push(entry.name);
    if (page === SORTED_PAGE) {
      const table = frame.contentDocument.querySelector("article table");
      const names = () => [...table.tBodies[0].rows].map((row) => row.cells[0].textContent.trim()).join(" ");
      for (const head of table.tHead.rows[0].cells) {
        const orders = [];
        for (const click of [1, 2, 3]) { head.querySelector("button").click(); orders.push(names()); }
        seen.sorted[head.textContent.trim()] = orders;
      }
    }
    frame.remove();
  }
  document.body.textContent = JSON.stringify(seen);
  document.body.id = "seen";
})();
</script></body>"""

needs_sphinx = pytest.mark.skipif(
    not find_spec("sphinx") or not find_spec("myst_parser"),
    reason="Sphinx isn't installed: uv sync --extra docs",
)


def test_without_sphinx_the_remedy_is_named(monkeypatch, capsys):
    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: None)
    assert main(["site"]) == 2
    assert "a site needs Sphinx" in (said := capsys.readouterr().err) and said.count("\n") == 1


def test_every_page_is_in_the_navigation(tmp_path):
    build.stage(tmp_path / "source", tmp_path / "beside")
    pages = {
        path.relative_to(tmp_path / "source").with_suffix("").as_posix()
        for path in (tmp_path / "source").rglob("*.md")
    }
    named = [
        name
        for page in pages
        for name in re.findall(r"^.+ </(.+)>$", (tmp_path / f"source/{page}.md").read_text(), re.MULTILINE)
    ]
    assert sorted([*named, build.START]) == sorted(pages)
    committed = {
        path.relative_to(ROOT).with_suffix("").as_posix() for path in (ROOT / "reports").glob("*.md")
    }
    assert committed < pages and len(pages) > 80


class Links(HTMLParser):
    """The links of a page, its anchors, and what it loads."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.open_link = ""
        self.anchors = {"", "top"}
        self.feed(page.read_text(encoding="utf-8"))

    def handle_endtag(self, tag):
        if tag == "a":
            self.open_link = ""

    def handle_starttag(self, tag, attributes):
        values = {name: value or "" for name, value in attributes}
        self.anchors.add(values.get("id", ""))
        if tag == "a":
            assert not self.open_link, f"a link within one to {self.open_link}, which a browser cuts off"
            self.open_link = values.get("href", "")
            self.links += [self.open_link] if "href" in values else []
        elif tag in ("img", "script", "link", "source") and (
            address := values.get("src") or values.get("href")
        ):
            self.loaded.append(address)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, with a page more, whose table is sorted."""
    folder, stage = tmp_path_factory.mktemp("site"), build.stage

    def with_table(source: Path, beside: Path) -> None:
        stage(source, beside)
        (source / "sorted.md").write_text(f"---\norphan: true\n---\n\n# Sorted\n\n{SORTED}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "stage", with_table)
        assert build.build(folder)
    return folder


def pages_of(site: Path) -> list[Path]:
    """Its pages, without the theme's own templates."""
    return sorted(path for path in site.rglob("*.html") if "_static" not in path.parts)


@pytest.mark.slow
@needs_sphinx
def test_every_link_and_picture_of_the_site_is_there(site):
    pages = {path: Links(path) for path in pages_of(site)}
    assert len(pages) > 80
    lost = []
    for path, page in pages.items():
        for address in (*page.links, *page.loaded):
            parts = urlsplit(address)
            if parts.scheme:
                assert address in page.links or parts.scheme == "data", f"{path} loads {address}"
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchor = unquote(parts.fragment)
            if not target.is_file() or (target in pages and anchor not in pages[target].anchors):
                lost.append(f"{path.relative_to(site)}: {address}")
    assert not lost


@pytest.mark.slow
@needs_sphinx
@pytest.mark.skipif(not CHROMIUM, reason="no Chromium is installed: apt-get install chromium")
def test_in_a_browser_nothing_is_fetched_or_too_wide_and_tables_are_sorted(site, tmp_path):
    pages = [f"/{path.relative_to(site)}" for path in pages_of(site)]
    pages.remove("/index.html")  # leads on to the first page
    inspection = INSPECTION.replace("SORTED_PAGE", '"/sorted.html"').replace("PAGES", json.dumps(pages))
    (site / "inspection.htm").write_text(inspection)
    seen = in_chromium(site, "inspection.htm", tmp_path)
    assert not seen["outside"] and not seen["wide"]
    assert seen["sorted"] == {
        "row": ["a b ↳ ours c d all", "d c b ↳ ours a all", "b ↳ ours a c d all"],
        "error": ["c b ↳ ours d a all", "d b ↳ ours c a all", "b ↳ ours a c d all"],
        "share": ["c b ↳ ours a d all", "d a b ↳ ours c all", "b ↳ ours a c d all"],
        "size": ["c a b ↳ ours d all", "d b ↳ ours a c all", "b ↳ ours a c d all"],
    }


def in_chromium(folder: Path, page: str, profile: Path) -> dict:
    """Open a page of a folder, served on loopback, and return what it has written into its body."""
    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={profile}",
            "--window-size=1280,900",
        ]
        waits = ["--timeout=240000", "--virtual-time-budget=600000", "--dump-dom"]
        address = f"http://127.0.0.1:{server.server_port}/{page}"
        done = subprocess.run(
            [str(CHROMIUM), *flags, *waits, address], capture_output=True, text=True, timeout=300, check=True
        )
        server.shutdown()
    written = re.search(r'<body id="seen">(.*)</body>', done.stdout, re.DOTALL)
    assert written, done.stdout[-500:] + done.stderr[-500:]
    return json.loads(html.unescape(written[1]))


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Say nothing of every request."""
