"""Where a claim stands: every verdict with its place, and one word only where the best of them agree."""

import re

import pytest

from reports.pages import claims
from reports.verdicts import by_claim, checks, ledger
from reports.verdicts.by_claim import ClaimVerdict
from reports.verdicts.findings import Finding
from reports.verdicts.words import CONTRADICTED, DIFFERS, INCONCLUSIVE, NOT_RUN, REPRODUCED

MACHINE = {"device": "Abacus", "kind": "cpu", "threads": 1}


def trained(
    word: str, budget: str = "mini", place: str = "CIFAR-10", page: str = "made_up.md"
) -> ClaimVerdict:
    return ClaimVerdict("a.b", "trained", word, place, page, ("seen",), budget)


def finding(claim: str, holds: bool | None) -> Finding:
    return Finding(claim, holds, ("timed",), {}, (), MACHINE, {}, {}, "2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("verdicts", "word"),
    [
        ([trained(NOT_RUN)], NOT_RUN),
        ([trained(NOT_RUN), trained(REPRODUCED)], REPRODUCED),
        ([trained(REPRODUCED), trained(INCONCLUSIVE, place="CIFAR-100")], DIFFERS),
        # what the larger budget says goes before what the smaller one does
        ([trained(CONTRADICTED), trained(REPRODUCED, "short")], REPRODUCED),
        ([trained(CONTRADICTED), trained(NOT_RUN, "paper")], CONTRADICTED),
        # an identity counts beside every budget
        ([trained(REPRODUCED), ClaimVerdict("a.b", "exact", CONTRADICTED, "", "", ())], DIFFERS),
    ],
)
def test_one_word_where_the_best_agree(verdicts, word):
    assert by_claim.summary(verdicts) == word


@pytest.fixture
def no_checks(monkeypatch):
    """Exact claims all hold, without being checked."""
    monkeypatch.setattr(checks, "verdict", lambda claim: (True, "counted"))


def test_every_claim_of_the_ledger_stands_somewhere(no_checks):
    found = {"flops.not_speed": [finding("flops.not_speed", True), finding("flops.not_speed", None)]}
    stands = by_claim.of_claims(ledger.entries(), {}, {}, found)
    assert list(stands) == list(ledger.entries())
    assert [s.word for s in stands["flops.not_speed"]] == [REPRODUCED, INCONCLUSIVE]
    assert {s.place for s in stands["flops.not_speed"]} == {"Abacus"}
    (waiting,) = stands["mobilenet.dead_depthwise"]
    assert (
        waiting.word == NOT_RUN and "python -m reports find mobilenet.dead_depthwise" in waiting.evidence[0]
    )
    (untested,) = stands["zfnet.depth_matters"]
    assert untested.word == NOT_RUN and untested.evidence == (by_claim.NO_TEST,)
    both = stands["nin.smaller_than_alexnet"]  # exact and trained
    assert [(s.kind, s.word) for s in both] == [("exact", REPRODUCED), ("trained", NOT_RUN)]


def test_the_page_has_a_mark_and_a_row_for_every_claim(no_checks):
    stands = by_claim.of_claims(
        ledger.entries(), {}, {}, {"flops.not_speed": [finding("flops.not_speed", False)]}
    )
    page = claims.files(stands)["claims.md"].decode()
    for claim in ledger.entries():
        assert page.count(f"](#{claim})") == 1 and page.count(f'<a id="{claim}"></a>') == 1
    assert "[❌](#flops.not_speed)" in page
    row = next(line for line in page.splitlines() if '<a id="flops.not_speed"' in line)
    assert "❌ **contradicted** (measured): [Abacus](experiments.md#flops.not_speed). timed" in re.sub(
        r" +", " ", row
    )
