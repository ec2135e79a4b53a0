"""Every link of the committed pages leads to a file that is there and, in a page, to an anchor that it has."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *ROOT.glob("reports/*.md"), *ROOT.glob("reports/[st]*/*.md")]
)
LINK = re.compile(r'\]\(([^)\s]+)\)|(?:href|src)="([^"]+)"')
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def anchors(path: Path) -> set[str]:
    """What GitHub lets one link to: a page's HTML anchors and headings, another file's lines."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".md":
        return {f"L{line}" for line in range(1, text.count("\n") + 1)}
    made: dict[str, int] = {}
    headings = set()
    for heading in re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE
    ):
        slug = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(
            " ", "-"
        )
        made[slug] = made.get(slug, -1) + 1
        headings.add(f"{slug}-{made[slug]}" if made[slug] else slug)
    return headings | set(re.findall(r'id="([^"]+)"', text))


def broken(page: Path) -> list[str]:
    """The links of a page that lead nowhere."""
    text = page.read_text(encoding="utf-8")
    targets = ["".join(link) for link in LINK.findall(CODE.sub("", text))]
    lost = []
    for target in dict.fromkeys(targets):
        name, _, anchor = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        if re.match(r"[a-z]+:", target):
            continue
        if not linked.exists() or (anchor and anchor not in anchors(linked)):
            lost.append(target)
    return lost


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    assert not broken(ROOT / page)


def test_a_broken_link_is_found(tmp_path):
    (tmp_path / "other.md").write_text('# A heading\n<a id="place"></a>\n')
    (tmp_path / "lines.csv").write_text("a\nb\n")
    there = ["other.md", "other.md#a-heading", "other.md#place", "#here", "lines.csv#L2", "https://x.y"]
    lost = ["none.md", "other.md#nowhere", "lines.csv#L3"]
    page = tmp_path / "page.md"
    page.write_text(
        "# Here\n"
        + " ".join(f"[x]({link})" for link in [*there, *lost])
        + ' <img src="none.png"> `[x](code.md)`'
    )
    assert broken(page) == [*lost, "none.png"]
