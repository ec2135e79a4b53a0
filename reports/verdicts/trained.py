"""Verdicts on the claims of a study: `reproduced`, `contradicted`, `inconclusive` or `not run`.

A trained claim is a set of tests over variants (`sweeps/claim.py`): that an error is below another (Welch's
one-sided test), that it falls along several (Jonckheere-Terpstra), that two are as good as equal (two one-sided
tests against a margin), that one is at most a margin above another, that it rises less here than there (Welch's
test of the two rises), that several lie on a line, or that it is the printed one, give or take a margin. Each is
made over the seeds at 5 %, once for what is claimed and once for its opposite; in either direction Holm's correction
runs over all tests of the study at that budget and data set. A test that can't be made yet counts as p = 1, so that
a verdict doesn't depend on how much of the study has been run.

Runs of one seed share the order of their batches, which the tests leave aside: it makes them careful, where pairs of
three seeds would have half of the degrees of freedom and decide less wherever little is shared.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reports.printed import variants
from reports.printed.figures import Figure
from reports.runs.counts import Counts
from reports.runs.results import Group, Results
from reports.verdicts import checks, statistics
from sweeps.claim import (
    AsPrinted,
    Claim,
    Comparison,
    Equivalence,
    LogLinear,
    Measure,
    NotWorse,
    Rise,
    Test,
    Trend,
    variants_of,
)
from sweeps.study import Study

REPRODUCED, CONTRADICTED, INCONCLUSIVE, NOT_RUN = "reproduced", "contradicted", "inconclusive", "not run"
# What a check or an experiment decides, in words.
WORDS = {True: REPRODUCED, False: CONTRADICTED, None: INCONCLUSIVE}
MEASURES = {
    "train_error": "training error",
    "curve_error": "test error, mean over the epochs",
    "generalisation_gap": "test error less training error",
    "epochs_to_25": "epochs to a training error of 25 %",
}


@dataclass(frozen=True)
class Verdict:
    """What the records, or the counts, say about a claim; one line of evidence for each comparison."""

    claim: Claim
    word: str
    evidence: tuple[str, ...]


def judge_exact(claim_id: str) -> Verdict:
    """Run the registered check of a claim that needs no training."""
    claim = Claim(claim_id)
    said = checks.verdict(claim_id)
    if said is None:
        return Verdict(claim, NOT_RUN, ("no check of this claim has been written yet",))
    holds, evidence = said
    return Verdict(claim, WORDS[holds], (evidence,))


def judge_trained(results: Results, dataset: str, counts: Counts) -> list[Verdict]:
    """Judge all claims that a study tests on the records of one budget and data set, in declared order.

    Only by the tests that are made there (`_is_made`); a claim without any isn't judged.
    """
    claims = [
        (claim, tests)
        for claim in results.study.claims
        if (tests := [test for test in claim.tests if _is_made(test, results.study, dataset)])
    ]
    tests = [test for _, own in claims for test in own]
    sides = [_groups(test, results, dataset) for test in tests]
    figures = [_figure(test, results.study, dataset) for test in tests]
    costs = [[math.log2(counts[name, dataset].mult_adds) for name in _costly(test)] for test in tests]
    pairs = [_p_values(*each) for each in zip(tests, sides, figures, costs)]
    claimed = statistics.holm([p for p, _ in pairs])
    opposite = statistics.holm([p for _, p in pairs])
    judged = iter(
        _judge(*each, len(tests), dataset, counts)
        for each in zip(tests, sides, figures, costs, claimed, opposite)
    )
    return [_combine(claim, [next(judged) for _ in own]) for claim, own in claims]


def _is_made(test: Test, study: Study, dataset: str) -> bool:
    """Whether its variants stand on the data set, and are printed there if it goes by the print."""
    here = {variant.name for variant in study.variants_on(dataset)}
    if not set(variants_of(test)) <= here or test.only_on not in ("", dataset):
        return False
    return dataset not in study.transfers or not isinstance(test, AsPrinted)


def _groups(test: Test, results: Results, dataset: str) -> list[Group]:
    """The runs of its variants; a shortened training says nothing of a printed figure, so there it has none."""
    groups = [results.groups[name, dataset] for name in variants_of(test)]
    if isinstance(test, AsPrinted) and results.budget != "paper":
        return [Group((), group.wanted) for group in groups]
    return groups


def _figure(test: Test, study: Study, dataset: str) -> Figure | None:
    if not isinstance(test, AsPrinted):
        return None
    figure = variants.printed_error(study.variant(test.variant), dataset)
    if figure is None or figure.error is None:
        raise ValueError(f"variant {test.variant!r} has no printed error to be tested against on {dataset}")
    return figure


def _costly(test: Test) -> tuple[str, ...]:
    """The variants whose multiply-adds a test is about."""
    return test.along if isinstance(test, LogLinear) else ()


def _p_values(
    test: Test, groups: list[Group], figure: Figure | None, costs: list[float]
) -> tuple[float, float]:
    """p of what is claimed and of its opposite; 1 where there are too few runs to test."""
    samples = [group.values(test.measure) for group in groups]
    if min(map(len, samples)) < 2:
        return 1.0, 1.0
    match test:
        case Comparison():
            lower, higher = samples
            lower = [test.times * value for value in lower]
            return statistics.welch(lower, higher), statistics.welch(higher, lower)
        case NotWorse():
            variant, than = samples
            most = [value + test.margin for value in than]
            return statistics.welch(variant, most), statistics.welch(most, variant)
        case Equivalence():
            return statistics.equivalent(*samples, test.margin), statistics.different(*samples, test.margin)
        case Trend():
            return statistics.falling(samples), statistics.falling(samples[::-1])
        case Rise():
            less, more = samples[:2], samples[2:]
            return statistics.rises_less(less, more), statistics.rises_less(more, less)
        case LogLinear():
            line = costs, samples, test.margin
            return statistics.linear(*line), statistics.bent(*line)
        case AsPrinted():
            against = samples[0], float(figure.error), test.margin
            return statistics.near(*against), statistics.far(*against)


def _judge(
    test: Test,
    groups: list[Group],
    figure: Figure | None,
    costs: list[float],
    p_claimed: float,
    p_opposite: float,
    tests: int,
    dataset: str,
    counts: Counts,
) -> tuple[str, str]:
    """One test's word and evidence; p-values are already corrected."""
    samples = [group.values(test.measure) for group in groups]
    evidence = _evidence(test, groups, figure)
    fewest = min(map(len, samples))
    if fewest == 0 and all(group.records for group in groups):
        word, evidence = INCONCLUSIVE, f"{evidence}; no run of one of them has got there"
    elif fewest == 0:
        word = NOT_RUN
    elif fewest == 1:
        word, evidence = INCONCLUSIVE, f"{evidence}; two runs of each are the least that can be tested"
    else:
        evidence += _difference(test, samples, figure, costs)
        if p_claimed < statistics.LEVEL:
            word, evidence = REPRODUCED, f"{evidence}, {_p_text(p_claimed)}"
        elif p_opposite < statistics.LEVEL:
            word, evidence = CONTRADICTED, f"{evidence}, the other way with {_p_text(p_opposite)}"
        else:
            word, evidence = INCONCLUSIVE, f"{evidence}, {_p_text(p_claimed)}"
            plain = isinstance(test, Comparison) and test.times == 1
            needed = statistics.runs_needed(*samples, tests) if plain else None
            if needed is not None:
                evidence += f"; about {needed:,} runs a side would decide a difference of this size"
    if isinstance(test, Comparison) and test.no_more_parameters:
        few, many = (counts[name, dataset].parameters for name in (test.lower, test.higher))
        evidence += f"; parameters {few:,} {'≤' if few <= many else '>'} {many:,}"
        if few > many:
            word = CONTRADICTED
    return word, evidence


def _evidence(test: Test, groups: list[Group], figure: Figure | None) -> str:
    """What is held against what, with the errors."""
    shown = [f"`{name}` {_shown(group, test.measure)}" for name, group in zip(variants_of(test), groups)]
    match test:
        case Comparison():
            times = f"{test.times:g} times " if test.times != 1 else ""
            evidence = times + " against ".join(shown)
        case Trend():
            evidence = " > ".join(shown)
        case LogLinear():
            evidence = f"on a line over log mult-adds: {', '.join(shown)}"
        case Equivalence():
            evidence = " as good as ".join(shown)
        case NotWorse():
            evidence = " not worse than ".join(shown)
        case Rise():
            evidence = f"from {shown[0]} to {shown[1]} less than from {shown[2]} to {shown[3]}"
        case AsPrinted():
            printed = variants.marked(figure, str(figure.error))
            evidence = f"{shown[0]} at the budget `paper` as good as the printed {printed}"
    return evidence if test.measure == "test_error" else f"{MEASURES[test.measure]}: {evidence}"


def _difference(test: Test, samples: list[list[float]], figure: Figure | None, costs: list[float]) -> str:
    """The first less the second; of rises the first one's less the second's; the largest from a line.

    A trend has none.
    """
    means = [statistics.summarise(values).mean for values in samples]
    match test:
        case Trend():
            return ""
        case LogLinear():
            gap, margin = max(statistics.off_the_line(costs, samples), key=abs), f" (margin {test.margin:g})"
        case Rise():
            gap, margin = (means[1] - means[0]) - (means[3] - means[2]), ""
        case Comparison():
            gap, margin = test.times * means[0] - means[1], ""
        case Equivalence() | NotWorse():
            gap, margin = means[0] - means[1], f" (margin {test.margin:g})"
        case AsPrinted():
            gap, margin = means[0] - float(figure.error), f" (margin {test.margin:g})"
    return f"; difference {gap:+.2f}{margin}".replace("-", "−")


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
