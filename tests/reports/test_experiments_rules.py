"""How experiments decide: by intervals over seeds, by Welch's test, and over the parts of a claim."""

import pytest

from reports.verdicts.experiments import rules

# The half-width of this sample's interval is t(0.975, 2) · 1 / √3 = 4.303 · 0.577 = 2.48.
VALUES = [9.0, 10.0, 11.0]


@pytest.mark.parametrize(
    ("limit", "decided"), [(7.4, True), (7.6, None), (10, None), (12.4, None), (12.6, False)]
)
def test_an_interval_decides_if_the_limit_lies_outside(limit, decided):
    assert rules.above(VALUES, limit) is decided
    assert rules.below(VALUES, limit) is (None if decided is None else not decided)


def test_two_seeds_decide_nothing():
    assert rules.above([10.0, 10.1], 0) is None
    assert rules.higher([10.0, 10.1], [0.0, 0.1, 0.2]) is None


def test_the_higher_sample_is_found():
    assert rules.higher(VALUES, [1.0, 2.0, 3.0]) is True
    assert rules.higher([1.0, 2.0, 3.0], VALUES) is False
    assert rules.higher(VALUES, [9.5, 9.0, 11.0]) is None


@pytest.mark.parametrize(
    ("parts", "whole"),
    [([True, True], True), ([True, None], None), ([True, False], False), ([None, False], False), ([], None)],
)
def test_a_claim_holds_with_all_its_parts(parts, whole):
    assert rules.all_hold(parts) is whole


@pytest.mark.parametrize(
    ("parts", "whole"),
    [([False, False], False), ([True, None], True), ([True, False], True), ([None, False], None), ([], None)],
)
def test_a_claim_that_needs_one_part(parts, whole):
    assert rules.any_holds(parts) is whole
