"""Where a claim stands: every verdict with its place, and one word only where the best of them agree."""

import re
from dataclasses import replace

import pytest

from reports.pages import claims
from reports.verdicts import by_claim, checks, ledger, others
from reports.verdicts.by_claim import ClaimVerdict
from reports.verdicts.counts import VariantCounts
from reports.verdicts.findings import Finding
from reports.verdicts.words import (
    CONTRADICTED,
    DIFFERS,
    INCONCLUSIVE,
    NOT_RUN,
    OPEN,
    PARTLY,
    REPRODUCED,
    SENSE,
    SO_FAR,
)
from sweeps import study as studies

MACHINE = {"device": "Abacus", "kind": "cpu", "threads": 1}


def trained(
    word: str, budget: str = "mini", place: str = "CIFAR-10", page: str = "made_up.md"
) -> ClaimVerdict:
    return ClaimVerdict("a.b", "trained", word, place, page, ("seen",), budget)


def counted(word: str) -> ClaimVerdict:
    return ClaimVerdict("a.b", "exact", word, "", "", ())


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
        # of two kinds the weakest part counts, and what waits keeps it from being whole
        ([trained(REPRODUCED), counted(CONTRADICTED)], CONTRADICTED),
        ([trained(REPRODUCED), counted(SENSE)], SENSE),
        ([trained(SO_FAR), counted(REPRODUCED)], PARTLY),
        ([trained(NOT_RUN), counted(REPRODUCED)], PARTLY),
        ([trained(NOT_RUN), counted(CONTRADICTED)], CONTRADICTED),
        ([trained(OPEN), counted(REPRODUCED)], OPEN),
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
        waiting.word == NOT_RUN and "uv run -m reports find mobilenet.dead_depthwise" in waiting.evidence[0]
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
    decided = page.split("## Named in the notes, and what was decided")[1]
    assert all(f"| {named.system} " in decided for named in ledger.named())
    row = next(line for line in page.splitlines() if '<a id="flops.not_speed"' in line)
    assert "❌ **contradicted** (measured): [Abacus](experiments.md#flops.not_speed). timed" in re.sub(
        r" +", " ", row
    )


def test_a_claim_whose_study_has_only_smoke_waits_for_that_study(no_checks):
    study = studies.read("vgg_depth")
    stands = by_claim.of_claims(["vgg.depth_helps"], {study.name: (study, [], VariantCounts(study))}, {}, {})
    page = claims.files(stands)["claims.md"].decode()
    assert "⬜ not run: [vgg_depth](studies/vgg_depth.md)" in page and by_claim.NO_TEST not in page


def test_what_others_found_stands_below_and_says_where_it_opposes_ours(no_checks, monkeypatch):
    monkeypatch.setattr(others, "on_claim", lambda claim, studied: ["against"] * 3)
    for word, opposed in ((SO_FAR, True), (OPEN, False), (CONTRADICTED, False)):
        verdict = ClaimVerdict(
            "vgg.depth_helps", "trained", word, "CIFAR-10", "made_up.md", ("seen",), "mini"
        )
        page = claims.files({"vgg.depth_helps": [verdict]})["claims.md"].decode()
        assert "by others: 0 of 3 for, 3 against" in page and ("**opposed to ours**" in page) == opposed


def test_what_is_found_in_others_networks_stands_below_and_is_no_verdict(no_checks):
    published = replace(finding("flops.not_speed", False), by_others=True)
    stands = by_claim.of_claims(["flops.not_speed"], {}, {}, {})
    page = claims.files(stands, found={"flops.not_speed": [published]})["claims.md"].decode()
    assert "by others' weights: doesn't hold ([evidence](experiments.md#flops.not_speed))" in page
    assert "[⬜](#flops.not_speed)" in page
