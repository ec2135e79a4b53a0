"""Figures by others: pairs within one source and setting, a vote a group of people, no verdict of ours."""

import pandas as pd
import pytest

from reports.verdicts import others
from sweeps import study as studies

EXACT, NEAR = "parameters equal", "unstated"


@pytest.fixture
def published(monkeypatch):
    """`published((source, variant, error, …), …)`: these figures in place of the committed ones."""

    def publish(*rows):
        columns = ["source", "variant", "error", "identity", "people", "independence", "group", "confidence"]
        defaults = [None, None, None, EXACT, None, "independent", "one recipe", "seen"]
        filled = [[*row, *defaults[len(row) :]] for row in rows]
        frame = pd.DataFrame(filled, columns=columns).assign(
            dataset="cifar10", resolution="32", augmentation="standard"
        )
        frame["people"] = frame.people.fillna(frame.source)
        frame["variant"] = "made_up/" + frame.variant
        frame["exact"] = frame.identity.eq(EXACT) & frame.confidence.eq("seen")
        frame["independent"] = frame.independence.str.startswith("independent")
        monkeypatch.setattr(others, "frame", lambda: frame)

    return publish


def poll(**more) -> others.Votes:
    return others.poll("made_up", "wide", "thin", "cifar10", **more)


def test_a_pair_is_of_one_source_and_setting(published):
    published(("a", "wide", 5.0), ("b", "thin", 6.0))
    assert poll().pairs.empty and str(poll()) == ""
    published(("a", "wide", 5.0), ("a", "thin", 6.0, EXACT, "a", "independent", "another recipe"))
    assert poll().pairs.empty


@pytest.mark.parametrize(("error", "vote"), [(5.0, "for"), (5.8, "noise"), (6.1, "noise"), (7.0, "against")])
def test_a_difference_within_the_margin_is_noise(published, error, vote):
    published(("a", "wide", error), ("a", "thin", 6.0))
    assert poll().votes == {"a": vote}
    assert poll(deviation=0.6).votes == {"a": "noise"}


def test_people_have_one_vote_whatever_they_published(published):
    published(
        ("a1", "wide", 5.0, EXACT, "a"), ("a1", "thin", 6.0, EXACT, "a"),
        ("a2", "wide", 7.0, EXACT, "a"), ("a2", "thin", 6.0, EXACT, "a"),
        ("b", "wide", 5.0), ("b", "thin", 6.0),
    )  # fmt: skip
    assert poll().votes == {"a": "both", "b": "for"}
    assert str(poll()) == "others: 1 of 2 for, 0 against, 1 both ways, too few to say"


@pytest.mark.parametrize(
    "other",
    [(NEAR,), (EXACT, "a", "author (of the paper)"), (EXACT, "a", "independent", "one recipe", "doubtful")],
)
def test_analogous_doubtful_and_authors_figures_are_shown_and_not_counted(published, other):
    published(("a", "wide", 5.0, *other), ("a", "thin", 6.0))
    assert poll().votes == {} and len(poll().pairs) == 1
    assert "1 analogous or authors' pairs not counted" in str(poll())


def test_the_committed_figures_have_a_place_and_a_variant_that_there_is():
    frame = others.frame()
    for column in (
        "source",
        "people",
        "repository",
        "commit",
        "path",
        "dataset",
        "statistic",
        "last_or_best",
    ):
        assert (frame[column] != "").all(), column
    assert frame.error.between(0, 100).all()
    for variant in frame.variant.unique():
        study, _, name = variant.partition("/")
        studies.read(study).variant(name)


def test_on_a_claim_all_its_comparisons_and_the_ends_of_its_trends_are_asked():
    study = studies.read("mobilenet_resolution")
    claim = next(claim for claim in study.claims if claim.trends)
    asked = others.differences(study, claim)
    ends = {(trend.falling[-1], trend.falling[0]) for trend in claim.trends}
    assert ends <= {(lower, higher) for lower, higher, _ in asked}
    known = studies.read("deep_vs_shallow")
    votes = [vote for claim in known.claims for vote in others.on_claim(claim.id, [known])]
    assert set(votes) <= {"for", "against", "noise", "both"}
