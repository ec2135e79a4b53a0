"""Verdicts on the claims of a study: `reproduced`, `contradicted`, `inconclusive` or `not run`.

A trained claim is a set of comparisons "the error of `lower` is below that of `higher`". Each is a one-sided
Welch test over the seeds at 5 %, once in the claimed direction and once in the other; in either direction
Holm's correction runs over all comparisons of the study at that budget and data set. A comparison that can't
be tested yet counts as p = 1, so that a verdict doesn't depend on how much of the study has been run.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from reports import exact, statistics
from reports.counts import Counts
from reports.results import Group, Results
from sweeps.study import Claim, Comparison

REPRODUCED, CONTRADICTED, INCONCLUSIVE, NOT_RUN = "reproduced", "contradicted", "inconclusive", "not run"


@dataclass(frozen=True)
class Verdict:
    """What the records, or the counts, say about a claim; one line of evidence for each comparison."""

    claim: Claim
    word: str
    evidence: tuple[str, ...]


def judge_exact(claim: Claim) -> Verdict:
    """Run the registered check of a claim that needs no training."""
    check = exact.find(claim.id)
    if check is None:
        return Verdict(claim, NOT_RUN, ("no check of this claim has been written yet",))
    holds, evidence = check()
    return Verdict(claim, REPRODUCED if holds else CONTRADICTED, (evidence,))


def judge_trained(results: Results, dataset: str, counts: Counts) -> list[Verdict]:
    """Judge all trained claims of a study on the records of one budget and data set, in declared order."""
    claims = [claim for claim in results.study.claims if claim.kind == "trained"]
    comparisons = [comparison for claim in claims for comparison in claim.comparisons]
    sides = [
        (results.groups[pair.lower, dataset], results.groups[pair.higher, dataset]) for pair in comparisons
    ]
    claimed = statistics.holm([_p_value(lower, higher) for lower, higher in sides])
    opposite = statistics.holm([_p_value(higher, lower) for lower, higher in sides])
    judged = iter(
        _judge_comparison(pair, *groups, *p_values, len(comparisons), dataset, counts)
        for pair, groups, p_values in zip(comparisons, sides, zip(claimed, opposite))
    )
    return [_combine(claim, [next(judged) for _ in claim.comparisons]) for claim in claims]


def _p_value(lower: Group, higher: Group) -> float:
    if min(len(lower.records), len(higher.records)) < 2:
        return 1.0
    return statistics.welch(lower.errors, higher.errors)


def _judge_comparison(
    pair: Comparison,
    lower: Group,
    higher: Group,
    p_claimed: float,
    p_opposite: float,
    comparisons: int,
    dataset: str,
    counts: Counts,
) -> tuple[str, str]:
    """One comparison's word and evidence; p-values are already corrected."""
    evidence = f"`{pair.lower}` {lower} against `{pair.higher}` {higher}"
    n = min(len(lower.records), len(higher.records))
    if n == 0:
        word = NOT_RUN
    elif n == 1:
        word, evidence = INCONCLUSIVE, f"{evidence}; two runs a side are the least that can be tested"
    else:
        gap = statistics.summarise(lower.errors).mean - statistics.summarise(higher.errors).mean
        evidence += f"; difference {gap:+.2f}".replace("-", "−")
        if p_claimed < statistics.LEVEL:
            word, evidence = REPRODUCED, f"{evidence}, {_p_text(p_claimed)}"
        elif p_opposite < statistics.LEVEL:
            word, evidence = CONTRADICTED, f"{evidence}, the other way with {_p_text(p_opposite)}"
        else:
            needed = statistics.runs_needed(lower.errors, higher.errors, comparisons)
            word = INCONCLUSIVE
            evidence += f", {_p_text(p_claimed)}"
            if needed is not None:
                evidence += f"; about {needed:,} runs a side would decide a difference of this size"
    if pair.no_more_parameters:
        few, many = (counts[name, dataset].parameters for name in (pair.lower, pair.higher))
        evidence += f"; parameters {few:,} {'≤' if few <= many else '>'} {many:,}"
        if few > many:
            word = CONTRADICTED
    return word, evidence


def _combine(claim: Claim, judged: Sequence[tuple[str, str]]) -> Verdict:
    words = [word for word, _ in judged]
    evidence = tuple(text for _, text in judged)
    if not judged:
        return Verdict(claim, NOT_RUN, ("the study declares no comparison for this claim",))
    if CONTRADICTED in words:
        return Verdict(claim, CONTRADICTED, evidence)
    if len(set(words)) == 1:
        return Verdict(claim, words[0], evidence)
    return Verdict(claim, INCONCLUSIVE, evidence)


def _p_text(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
