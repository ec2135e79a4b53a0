"""Verdicts on claims that trainings decide: over the records of one study, at one budget, on one data set.

A claim is a set of tests over rows (`sweeps/claim.py`). Most are made of contrasts (`sweeps/contrasts.py`): one number
a seed, because runs of a seed share their batches, then a one-sided t-test over the seeds, at the level of the look that
they have reached. A claim is as claimed if every test is (the largest p counts: no correction is due), against if one
test says the opposite after Holm's correction within the claim. Tests whose rows haven't been run belong to no family;
with them a claim is at most partly decided. A trend is as claimed only if, besides, no step along it goes the wrong way
by more than `REVERSAL`. ✅ and ❌ are for the budget `paper`; shortened trainings have words of their own.
"""

import math
import statistics as plain
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from reports.printed import protocols, variants
from reports.printed.figures import Figure
from reports.verdicts import checks, statistics, words
from reports.verdicts.counts import Counts
from reports.verdicts.results import Group, Results
from sweeps import contrasts
from sweeps.claim import (
    AsPrinted,
    Claim,
    Comparison,
    Equivalence,
    LogLinear,
    NotWorse,
    Rise,
    Test,
    Trend,
    variants_of,
)
from sweeps.contrasts import LOOKS, Decision, Values
from sweeps.study import Study

REVERSAL = 0.5  # points of error: the smallest step that is worth knowing
MEASURES = {
    "top5_error": "top-5 error",
    "train_error": "training error",
    "curve_error": "test error, mean over the epochs",
    "generalisation_gap": "test error less training error",
    "epochs_to_25": "epochs to a training error of 25 %",
}


@dataclass(frozen=True)
class Verdict:
    """What the records, or the counts, say about a claim; a line of evidence a test, the deciding ones first."""

    claim: Claim
    word: str
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """What one test says. p_claimed, p_opposite: None where there is too little to test."""

    decision: Decision | None
    evidence: str
    p_claimed: float | None = None
    p_opposite: float | None = None
    level: float = 0.0


def judge_exact(claim_id: str) -> Verdict:
    """Run the registered check of a claim that needs no training."""
    claim = Claim(claim_id)
    answer = checks.verdict(claim_id)
    if answer is None:
        return Verdict(claim, words.NOT_RUN, ("no check of this claim has been written yet",))
    holds, evidence = answer
    return Verdict(claim, words.OF_OUTCOME[holds], (evidence,))


def judge_trained(results: Results, dataset: str, counts: Counts) -> list[Verdict]:
    """Judge all claims that a study tests on the records of one budget and data set, in declared order.

    Only by the tests that are made there (`_is_made`); a claim without any isn't judged.
    """
    judged = []
    for claim in results.study.claims:
        tests = [test for test in claim.tests if _is_made(test, results.study, dataset)]
        if tests:
            parts = [_part(test, results, dataset, counts) for test in tests]
            judged.append(_combine(claim, parts, results.budget))
    return judged


def _is_made(test: Test, study: Study, dataset: str) -> bool:
    """Whether its variants stand on the data set, and are printed there if it goes by the print."""
    here = {variant.name for variant in study.variants_on(dataset)}
    if not set(variants_of(test)) <= here or not test.is_on(dataset):
        return False
    return not isinstance(test, AsPrinted) or (
        dataset not in study.transfers and _is_like(test, study, dataset)
    )


def _is_like(test: AsPrinted, study: Study, dataset: str) -> bool:
    """Whether the printed figure, which must be there, was taken by a protocol that runs can be evaluated by."""
    figure = variants.printed_error(study.variant(test.variant), dataset, test.measure)
    return figure is None or protocols.evaluation_of(figure) is not None


def _part(test: Test, results: Results, dataset: str, counts: Counts) -> Part:
    """Make one test, as far as its rows have been run."""
    groups = results.samples(test, dataset)
    if isinstance(test, AsPrinted) and results.budget != "paper":
        return Part(None, f"`{test.variant}` as printed: only the budget `paper` says")
    values = {name: group.by_seed(test.measure) for name, group in groups.items()}
    evidence = _evidence(test, groups)
    if isinstance(test, Comparison) and test.no_more_parameters:
        few, many = (counts[name, dataset].parameters for name in (test.lower, test.higher))
        evidence += f"; parameters {few:,} {'≤' if few <= many else '>'} {many:,}"
        if few > many:
            return Part("against", evidence, 1.0, 0.0)
    if not all(values.values()):
        # without the evaluation that is asked for a run is as good as none
        started = all(group.records and not group.evaluation for group in groups.values())
        return Part(
            "open" if started else None,
            f"{evidence}; no run of one of them has got there" * started or evidence,
        )
    if isinstance(test, (AsPrinted, LogLinear)):
        return _of_means(test, results.study, dataset, counts, values, evidence)
    return _of_contrasts(test, values, evidence)


def _of_contrasts(test: Test, values: Values, evidence: str) -> Part:
    samples = contrasts.contrasts(test, values)
    seeds = len(samples[0])
    if seeds < 2:
        return Part("open", f"{evidence}; two seeds are the least that can be tested")
    level = next((LOOKS[look] for look in sorted(LOOKS, reverse=True) if look <= seeds), LOOKS[min(LOOKS)])
    claimed, opposite = contrasts.p_values(test, values)
    if isinstance(test, Trend) and (step := _reversal(test, values)):
        claimed, evidence = 1.0, f"{evidence}; {step}"
    return _decided(f"{evidence}; {_difference(test, samples[0])}", claimed, opposite, level)


def _of_means(
    test: AsPrinted | LogLinear, study: Study, dataset: str, counts: Counts, values: Values, evidence: str
) -> Part:
    """Tests against a figure or a line: over the means of the rows, whose runs share no figure to be paired with."""
    samples = [list(values[name].values()) for name in variants_of(test)]
    if min(map(len, samples)) < 2:
        return Part("open", f"{evidence}; two runs of each are the least that can be tested")
    if isinstance(test, AsPrinted):
        figure, error = _printed(test, study, dataset)
        against = samples[0], float(error), test.margin
        gap = statistics.summarise(samples[0]).mean - float(error)
        evidence += f" as good as the printed {variants.marked(figure, str(error))}"
        claimed, opposite = statistics.near(*against), statistics.far(*against)
    else:
        costs = [math.log2(counts[name, dataset].mult_adds) for name in test.along]
        line = costs, samples, test.margin
        gap = max(statistics.off_the_line(costs, samples), key=abs)
        claimed, opposite = statistics.linear(*line), statistics.bent(*line)
    evidence += f"; difference {_signed(gap)} (margin {test.margin:g})"
    return _decided(evidence, claimed, opposite, statistics.LEVEL)


def _decided(evidence: str, claimed: float, opposite: float, level: float) -> Part:
    if claimed < level:
        return Part("as claimed", f"{evidence}, {_p_text(claimed)}", claimed, opposite, level)
    if opposite < level:
        return Part(
            "against", f"{evidence}, the other way with {_p_text(opposite)}", claimed, opposite, level
        )
    return Part("open", f"{evidence}, {_p_text(claimed)}", claimed, opposite, level)


def _combine(claim: Claim, parts: Sequence[Part], budget: str) -> Verdict:
    run = [part for part in parts if part.decision]
    if not run:
        return Verdict(claim, words.NOT_RUN, tuple(part.evidence for part in parts))
    tested = [(part.p_opposite, part) for part in run if part.p_opposite is not None]
    corrected = statistics.holm([p for p, _ in tested])
    against = any(p < part.level for p, (_, part) in zip(corrected, tested, strict=True))
    against |= any(part.decision == "against" and part.p_opposite == 0.0 for part in run)
    if against:
        word = words.of_trained("against", budget)
    elif all(part.decision == "as claimed" for part in run):
        word = words.of_trained("as claimed", budget) if len(run) == len(parts) else words.PARTLY
    else:
        word = words.of_trained("open", budget)
    return Verdict(claim, word, _ordered(parts, against))


def _ordered(parts: Sequence[Part], against: bool) -> tuple[str, ...]:
    """The deciding evidence first: what is against it where the claim is, else what is open; then how many are which."""
    order: list[Decision | None] = ["against", "open", "as claimed", None]
    if not against and all(part.decision in ("as claimed", None) for part in parts):
        order = ["as claimed", None, "open", "against"]
    lines = [part.evidence for decision in order for part in parts if part.decision == decision]
    if len(parts) == 1:
        return tuple(lines)
    counted = [
        (d, sum(part.decision == d for part in parts)) for d in ("as claimed", "against", "open", None)
    ]
    summary = f"{counted[0][1]} of {len(parts)} as claimed" + "".join(
        f", {number} {decision or 'not run'}" for decision, number in counted[1:] if number
    )
    return (f"{summary}: {lines[0]}", *lines[1:])


def _reversal(test: Trend, values: Values) -> str:
    """The worst step along a trend that goes the wrong way by more than is worth knowing; empty if none does."""
    means = [plain.mean(values[name].values()) for name in test.falling]
    steps = [
        (after - before, name)
        for before, after, name in zip(means[:-1], means[1:], test.falling[1:], strict=True)
    ]
    step, name = max(steps)
    return f"at `{name}` it rises by {step:.2f}" if step > REVERSAL else ""


def _printed(test: AsPrinted, study: Study, dataset: str) -> tuple[Figure, Decimal]:
    """Return the printed figure, and as an error."""
    figure = variants.printed_error(study.variant(test.variant), dataset, test.measure)
    if figure is None or figure.error is None:
        raise ValueError(f"variant {test.variant!r} has no printed error to be tested against on {dataset}")
    return figure, figure.error


def _evidence(test: Test, groups: Mapping[str, Group]) -> str:
    """What is held against what, with the errors."""
    shown = [f"`{name}` {_shown(group, test)}" for name, group in groups.items()]
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
        case _:
            evidence = shown[0]
    return evidence if test.measure == "test_error" else f"{MEASURES[test.measure]}: {evidence}"


def _shown(group: Group, test: Test) -> str:
    if test.measure == "test_error":
        return str(group)
    values = list(group.by_seed(test.measure).values())
    return f"{statistics.summarise(values)} ({len(values)})" if values else f"— (0/{group.declared})"


def _difference(test: Test, sample: Sequence[float]) -> str:
    """The mean contrast with its 95 % interval, and in standard deviations between seeds; margins are taken out again."""
    margin = getattr(test, "margin", 0.0)
    shown = [value + margin for value in sample]
    summary, spread = statistics.summarise(shown), plain.stdev(shown)
    of_spread = f", {_signed(summary.mean / spread, 1)} SD" if spread else ""
    limit = f", margin {margin:g}" if margin else ""
    return f"difference {_signed(summary.mean)} ({_signed(summary.low)} to {_signed(summary.high)}; n = {len(sample)}{of_spread}{limit})"


def _signed(value: float, digits: int = 2) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


def _p_text(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
