"""Verdicts on the claims of a study: `reproduced`, `contradicted`, `inconclusive` or `not run`.

A trained claim is a set of tests over variants (`sweeps/claim.py`): that an error is below another (Welch's
one-sided test), that it falls along several (Jonckheere-Terpstra), or that two are as good as equal (two
one-sided tests against a margin). Each is made over the seeds at 5 %, once for what is claimed and once for its
opposite; in either direction Holm's correction runs over all tests of the study at that budget and data set. A
test that can't be made yet counts as p = 1, so that a verdict doesn't depend on how much of the study has been
run.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from reports import exact, statistics
from reports.counts import Counts
from reports.results import Group, Results
from sweeps.claim import Claim, Comparison, Equivalence, Measure, Trend, variants_of

REPRODUCED, CONTRADICTED, INCONCLUSIVE, NOT_RUN = "reproduced", "contradicted", "inconclusive", "not run"
MEASURES = {"train_error": "training error", "curve_error": "test error, mean over the epochs"}


@dataclass(frozen=True)
class Verdict:
    """What the records, or the counts, say about a claim; one line of evidence for each comparison."""

    claim: Claim
    word: str
    evidence: tuple[str, ...]


def judge_exact(claim_id: str) -> Verdict:
    """Run the registered check of a claim that needs no training."""
    claim = Claim(claim_id)
    check = exact.find(claim_id)
    if check is None:
        return Verdict(claim, NOT_RUN, ("no check of this claim has been written yet",))
    holds, evidence = check()
    return Verdict(claim, REPRODUCED if holds else CONTRADICTED, (evidence,))


def judge_trained(results: Results, dataset: str, counts: Counts) -> list[Verdict]:
    """Judge all claims that a study tests on the records of one budget and data set, in declared order.

    Only by the tests whose variants stand on the data set; a claim with none of them isn't judged there.
    """
    here = [variant.name for variant in results.study.variants_on(dataset)]
    claims = [
        (claim, tests)
        for claim in results.study.claims
        if (tests := [test for test in claim.tests if set(variants_of(test)) <= set(here)])
    ]
    tests = [test for _, own in claims for test in own]
    sides = [[results.groups[name, dataset] for name in variants_of(test)] for test in tests]
    pairs = [
        _p_values(test, [side.values(test.measure) for side in groups]) for test, groups in zip(tests, sides)
    ]
    claimed = statistics.holm([p for p, _ in pairs])
    opposite = statistics.holm([p for _, p in pairs])
    judged = iter(
        _judge(test, groups, *corrected, len(tests), dataset, counts)
        for test, groups, corrected in zip(tests, sides, zip(claimed, opposite))
    )
    return [_combine(claim, [next(judged) for _ in own]) for claim, own in claims]


def _p_values(test: Comparison | Trend | Equivalence, samples: list[list[float]]) -> tuple[float, float]:
    """p of what is claimed and of its opposite; 1 where there are too few runs to test."""
    if min(map(len, samples)) < 2:
        return 1.0, 1.0
    match test:
        case Comparison():
            lower, higher = samples
            return statistics.welch(lower, higher), statistics.welch(higher, lower)
        case Equivalence():
            return statistics.equivalent(*samples, test.margin), statistics.different(*samples, test.margin)
        case Trend():
            return statistics.falling(samples), statistics.falling(samples[::-1])


def _judge(
    test: Comparison | Trend | Equivalence,
    groups: list[Group],
    p_claimed: float,
    p_opposite: float,
    tests: int,
    dataset: str,
    counts: Counts,
) -> tuple[str, str]:
    """One test's word and evidence; p-values are already corrected."""
    samples = [group.values(test.measure) for group in groups]
    joint = {Comparison: " against ", Trend: " > ", Equivalence: " as good as "}[type(test)]
    evidence = joint.join(
        f"`{name}` {_shown(group, test.measure)}" for name, group in zip(variants_of(test), groups)
    )
    if test.measure != "test_error":
        evidence = f"{MEASURES[test.measure]}: {evidence}"
    fewest = min(map(len, samples))
    if fewest == 0:
        word = NOT_RUN
    elif fewest == 1:
        word, evidence = INCONCLUSIVE, f"{evidence}; two runs of each are the least that can be tested"
    else:
        if not isinstance(test, Trend):
            gap = statistics.summarise(samples[0]).mean - statistics.summarise(samples[1]).mean
            margin = f" (margin {test.margin:g})" if isinstance(test, Equivalence) else ""
            evidence += f"; difference {gap:+.2f}{margin}".replace("-", "−")
        if p_claimed < statistics.LEVEL:
            word, evidence = REPRODUCED, f"{evidence}, {_p_text(p_claimed)}"
        elif p_opposite < statistics.LEVEL:
            word, evidence = CONTRADICTED, f"{evidence}, the other way with {_p_text(p_opposite)}"
        else:
            word, evidence = INCONCLUSIVE, f"{evidence}, {_p_text(p_claimed)}"
            needed = statistics.runs_needed(*samples, tests) if isinstance(test, Comparison) else None
            if needed is not None:
                evidence += f"; about {needed:,} runs a side would decide a difference of this size"
    if isinstance(test, Comparison) and test.no_more_parameters:
        few, many = (counts[name, dataset].parameters for name in (test.lower, test.higher))
        evidence += f"; parameters {few:,} {'≤' if few <= many else '>'} {many:,}"
        if few > many:
            word = CONTRADICTED
    return word, evidence


def _shown(group: Group, measure: Measure) -> str:
    if measure == "test_error":
        return str(group)
    values = group.values(measure)
    return f"{statistics.summarise(values)} ({len(values)})" if values else f"— (0/{group.wanted})"


def _combine(claim: Claim, judged: Sequence[tuple[str, str]]) -> Verdict:
    words = [word for word, _ in judged]
    evidence = tuple(text for _, text in judged)
    if CONTRADICTED in words:
        return Verdict(claim, CONTRADICTED, evidence)
    if len(set(words)) == 1:
        return Verdict(claim, words[0], evidence)
    return Verdict(claim, INCONCLUSIVE, evidence)


def _p_text(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
