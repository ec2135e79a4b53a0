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


def anchors(text: str) -> set[str]:
    """The HTML anchors of a page, and those that GitHub makes of its headings."""
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
        if not linked.exists() or (anchor and anchor not in anchors(linked.read_text(encoding="utf-8"))):
            lost.append(target)
    return lost


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    assert not broken(ROOT / page)


def test_a_broken_link_is_found(tmp_path):
    (tmp_path / "other.md").write_text('# A heading\n<a id="place"></a>\n')
    links = [
        "other.md",
        "other.md#a-heading",
        "other.md#place",
        "#here",
        "none.md",
        "other.md#nowhere",
        "https://x.y",
    ]
    page = tmp_path / "page.md"
    page.write_text(
        "# Here\n" + " ".join(f"[x]({link})" for link in links) + ' <img src="none.png"> `[x](code.md)`'
    )
    assert broken(page) == ["none.md", "other.md#nowhere", "none.png"]
