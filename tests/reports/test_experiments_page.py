"""The page of experiments, from made-up findings."""

from dataclasses import replace

import pytest

from reports.pages import claims, index
from reports.pages import experiments as experiments_page
from reports.verdicts import by_claim, checks, experiments, findings
from reports.verdicts.findings import Finding

SPEED = Finding(
    claim="flops.not_speed",
    holds=False,
    evidence=("1.00 [0.99, 1.01] times the time", "a second line"),
    data={
        "tables": [
            experiments.table(
                "Two networks",
                ("", "mult-adds", "ms", "interval", "printed", "how"),
                [
                    ["1:1", 1234567, 12.34567, "0.99–1.01", "113†", "as is"],
                    ["1:2", 5, 123456.7, None, None, None],
                ],
            )
        ]
    },
    runs=(),
    machine={"device": "Abacus", "kind": "cpu", "threads": 1},
    versions={"python": "3.11.0", "torch": "2.11.0"},
    git={"commit": "0123456789abcdef", "dirty": False},
    finished="2026-01-02T03:04:05Z",
)


@pytest.fixture
def page():
    other = Finding(
        **vars(SPEED)
        | {
            "holds": None,
            "machine": {"device": "Cray", "kind": "cuda", "threads": 4},
            "data": {},
            "runs": ("0123456789ab",),
            "git": {"commit": None, "dirty": None},
        }
    )
    (content,) = experiments_page.files({"flops.not_speed": [SPEED, other]}).values()
    return content.decode()


def test_a_section_for_each_claim_and_machine(page):
    assert '## <a id="flops.not_speed"></a>Operations and speed: Operations do not determine speed\n' in page
    assert "`flops.not_speed`. Printed: Figure 1. (lecture notes; ShuffleNet v2, Section 1)" in page
    assert "### Abacus: contradicted" in page and "### Cray: inconclusive" in page
    assert "- 1.00 [0.99, 1.01] times the time\n- a second line" in page
    assert (
        "*Abacus, 1 thread; python 3.11.0, torch 2.11.0; commit 0123456789ab; 2026-01-02T03:04:05Z*" in page
    )
    assert "; an unknown commit; 2026-01-02T03:04:05Z; runs `0123456789ab`*" in page


def test_a_table(page):
    _, rule, first, second = page[page.index("|     | mult-adds") :].splitlines()[:4]
    assert [cell.strip() for cell in rule.strip("|").split("|")] == [
        "---", "--------:", "------:", "--------:", "------:", "-----",
    ]  # fmt: skip
    assert [cell.strip() for cell in first.strip("|").split("|")] == [
        "1:1", "1,234,567", "12.35", "0.99–1.01", "113†", "as is",
    ]  # fmt: skip
    assert [cell.strip() for cell in second.strip("|").split("|")] == ["1:2", "5", "123,457", "—", "—", "—"]
    assert "† Printed figure not seen" in page


def test_what_others_networks_show_is_told_as_no_verdict():
    others = replace(SPEED, by_others=True, holds=True)
    page = experiments_page.files({SPEED.claim: [SPEED, others]})["experiments.md"].decode()
    assert "### Abacus: contradicted" in page and "### By others' weights: holds\n" in page
    assert "By others' weights: reproduced" not in page


EVIL = "<script>x</script>\n# [click](javascript:x) ![y][z] `|` *b* http://a.b [0.99, 1.01]"
SHOWN = (
    "&#60;script&#62;x&#60;/script&#62; # [click&#93;(javascript:x) ![y&#93;[z] &#96;&#124;&#96; &#42;b&#42; "
    "http&#58;//a.b [0.99, 1.01]"
)


def test_text_of_a_finding_stays_text(monkeypatch):
    monkeypatch.setattr(checks, "verdict", lambda claim: (True, "counted"))
    evil = replace(
        SPEED,
        evidence=(EVIL + ".", EVIL + "!"),
        data={
            "tables": [experiments.table(EVIL + " of", ("a", EVIL + " by"), [[EVIL + " at", 1]])],
            "heat_maps": {"title": EVIL + " in", "caption": EVIL + " on", "blocks": {"block 1": [[1.0]]}},
        },
        machine={"device": EVIL + " as", "kind": "cpu", "threads": 1},
        versions={EVIL: EVIL},
        git={"commit": "0123456789ab", "dirty": False},
        finished=EVIL + " to",
        runs=(EVIL + " or",),
    )
    of_claim = {SPEED.claim: [evil]}
    verdicts = by_claim.of_claims([SPEED.claim], {}, {}, of_claim)
    page = experiments_page.files(of_claim)["experiments.md"].decode()
    for ending in (".", "!", " of", " by", " at", " in", " on", " as", " to", " or"):
        assert SHOWN + ending in page
    for text in (
        page,
        claims.files(verdicts)["claims.md"].decode(),
        index.files({}, verdicts, [], [])["index.md"].decode(),
    ):
        assert SHOWN + "." in text and SHOWN + " as" in text
        assert not any(raw in text for raw in ("<script", "](javascript", "y][z", "`|`", "*b*", "http://a"))


def test_heat_maps_are_drawn_beside_their_points():
    claim = "densenet.heatmap_reuse"
    drawn = {"title": "Weights", "caption": "Of one seed.", "blocks": {"block 1": [[1.0, 0.5], [None, 2.0]]}}
    finding = replace(SPEED, claim=claim, data={"heat_maps": drawn})
    made = experiments_page.files({claim: [finding]})
    name = "figures/densenet_heatmap_reuse_abacus"
    assert set(made) == {"experiments.md", f"{name}.png", f"{name}.csv"}
    assert f"({name}.png)\n\nOf one seed. [The points]({name}.csv)." in made["experiments.md"].decode()
    assert made[f"{name}.csv"].decode().splitlines()[1:] == [
        "block 1,0,1,1.0",
        "block 1,0,2,0.5",
        "block 1,1,2,2.0",
    ]


def test_claims_without_a_finding_are_named(page):
    line = next(line for line in page.splitlines() if line.startswith("| `resnext.grouped_slower`"))
    assert line.endswith("| —       | not run      |")
    assert "alexnet.two_gpu_faster" in page and "densenet.params_table" not in page


def test_a_table_with_a_short_row_is_refused():
    with pytest.raises(ValueError, match="table 'Short': a row hasn't the 2 cells"):
        experiments.table("Short", ("a", "b"), [[1]])


def test_the_committed_findings_make_a_page():
    found, warnings = findings.read()
    assert not warnings
    page = experiments_page.files(found)["experiments.md"].decode()
    assert all(f'<a id="{claim}"></a>' in page for claim in found)
