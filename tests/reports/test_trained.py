"""Verdicts in both directions, on records whose outcome is plain to see."""

import dataclasses

import pytest

from reports.runs import records
from reports.verdicts import checks, counts, results, trained
from sweeps import study as studies
from sweeps.claim import AsPrinted, Claim, Comparison, Equivalence, LogLinear, NotWorse, Rise, Trend
from sweeps.study import Variant
from tests.reports.conftest import facts_of, not_started, sealed

KINDS = {
    "comparisons": Comparison, "trends": Trend, "equivalences": Equivalence, "not_worse": NotWorse, "rises": Rise,
    "log_linear": LogLinear, "as_printed": AsPrinted,
}  # fmt: skip
LOW, HIGH, HIGHER = [5000, 5010, 5025], [6000, 6015, 6020], [7000, 7010, 7030]
WIDE_BELOW_THIN = (Comparison("wide", "thin"),)


def claim(name, tests) -> Claim:
    return Claim(name, **{field: tuple(t for t in tests if isinstance(t, k)) for field, k in KINDS.items()})


@pytest.fixture
def judge(study, write_records):
    """`judge(tests, …, variant=errors)`: the verdict on one claim, or on several."""

    def judge(*claimed, parameters=None, of=study, budget="paper", **errors):
        declared = dataclasses.replace(
            of, claims=tuple(claim(f"c{i}", tests) for i, tests in enumerate(claimed))
        )
        lines = [
            facts_of(studies.configure(declared, name, "cifar10", budget, seed), e, "made_up", name)
            for name, own in errors.items()
            for seed, e in enumerate(own)
        ]
        return judged(declared, write_records(*lines), parameters or {})

    return judge


def judged(declared, folder, parameters=()):
    found, complaints = records.read([folder])
    assert not complaints
    size = {"thin": 1, "wide": 2, "other": 3} | dict(parameters)
    counted = {(name, "cifar10"): counts.Count(number, 10**number) for name, number in size.items()}
    verdicts = trained.judge_trained(results.collate(declared, found)[-1], "cifar10", counted)
    return verdicts[0] if len(verdicts) == 1 else verdicts


def test_reproduced_with_its_difference_interval_and_n(judge):
    verdict = judge(WIDE_BELOW_THIN, wide=LOW, thin=HIGH)
    assert verdict.word == "reproduced"
    # contrasts −10.00, −10.05, −9.95: s = 0.05, t(0.975, 2) / √3 = 2.484
    (evidence,) = verdict.evidence
    assert evidence == (
        "`wide` 50.12 ± 0.31 (3) against `thin` 60.12 ± 0.26 (3); "
        "difference −10.00 (−10.12 to −9.88; n = 3, −200.0 SD), p < 0.001"
    )


def test_contradicted(judge):
    verdict = judge(WIDE_BELOW_THIN, wide=HIGH, thin=LOW)
    assert verdict.word == "contradicted" and "the other way with p < 0.001" in verdict.evidence[0]


@pytest.mark.parametrize("budget", ["short", "mini"])
def test_a_shortened_training_says_what_it_shows_so_far(judge, budget):
    assert judge(WIDE_BELOW_THIN, budget=budget, wide=LOW, thin=HIGH).word == "so far as claimed"
    assert judge(WIDE_BELOW_THIN, budget=budget, wide=HIGH, thin=LOW).word == "so far against"
    assert (
        judge(WIDE_BELOW_THIN, budget=budget, wide=[5000, 5300, 5100], thin=[5100, 5050, 5250]).word == "open"
    )


def test_seeds_that_share_their_batches_are_compared_seed_by_seed(judge):
    wide, thin = [2000, 4000, 6000], [2100, 4105, 6102]
    assert judge(WIDE_BELOW_THIN, wide=wide, thin=thin).word == "reproduced"
    assert judge(WIDE_BELOW_THIN, wide=wide, thin=[6102, 2100, 4105]).word == "inconclusive"


def test_one_common_seed_decides_nothing(judge):
    verdict = judge(WIDE_BELOW_THIN, wide=[1000, 1010, 1020], thin=[9000])
    assert verdict.word == "inconclusive" and "two seeds are the least" in verdict.evidence[0]


def test_not_run(judge):
    assert judge(WIDE_BELOW_THIN).word == "not run"
    assert judge(WIDE_BELOW_THIN, wide=LOW).word == "not run"
    assert judge((), wide=LOW) == []


def test_runs_that_did_not_start_enter_no_test(study, write_records, facts):
    declared = dataclasses.replace(study, claims=(claim("c", WIDE_BELOW_THIN),))
    lines = [facts("wide", seed, e, "paper") for seed, e in enumerate(LOW)]
    lines += [not_started(facts("thin", seed, 9000, "paper")) for seed in range(3)]
    verdict = judged(declared, write_records(*lines))
    assert verdict.word == "inconclusive" and "no run of one of them has got there" in verdict.evidence[0]


def test_parameter_condition(judge):
    pair = (Comparison("wide", "thin", no_more_parameters=True),)
    failed = judge(pair, wide=LOW, thin=HIGH)
    assert failed.word == "contradicted" and "parameters 2 > 1" in failed.evidence[0]
    held = judge(pair, parameters={"wide": 1}, wide=LOW, thin=HIGH)
    assert held.word == "reproduced" and "parameters 1 ≤ 1" in held.evidence[0]


def test_a_claim_of_several_parts_counts_them_and_the_deciding_one_stands_first(judge):
    chain = (Comparison("wide", "thin"), Comparison("thin", "other"))
    both = judge(chain, wide=LOW, thin=HIGH, other=HIGHER)
    assert both.word == "reproduced" and both.evidence[0].startswith("2 of 2 as claimed: `wide`")
    one = judge(chain, wide=LOW, thin=HIGH)
    assert one.word == "partly" and one.evidence[0].startswith("1 of 2 as claimed, 1 not run: `wide`")
    undecided = judge(chain, wide=LOW, thin=HIGH, other=[5990, 6010, 6030])
    assert undecided.word == "inconclusive" and undecided.evidence[0].startswith(
        "1 of 2 as claimed, 1 open: `thin`"
    )
    against = judge(chain, wide=LOW, thin=HIGH, other=[3000, 3010, 3025])
    assert against.word == "contradicted"
    assert against.evidence[0].startswith("1 of 2 as claimed, 1 against: `thin`")


def test_the_level_is_that_of_the_look(judge):
    # p of the contrasts is about 0.013: above the level of three seeds, 0.01
    assert judge(WIDE_BELOW_THIN, wide=[5000, 5000, 5000], thin=[5100, 5140, 5180]).word == "inconclusive"


def test_exact_claims(study, monkeypatch):
    assert trained.judge_exact("made.up").word == "not run"
    for holds, word in ((True, "reproduced"), (False, "contradicted")):
        monkeypatch.setattr(checks, "verdict", lambda claim, holds=holds: (holds, "seen"))
        assert trained.judge_exact("made.up") == trained.Verdict(Claim("made.up"), word, ("seen",))


def test_a_trend_falls_over_the_seeds_and_at_every_step(judge):
    falls = (Trend(("other", "thin", "wide")),)
    verdict = judge(falls, wide=LOW, thin=HIGH, other=HIGHER)
    assert verdict.word == "reproduced" and verdict.evidence[0].startswith(
        "`other` 70.13 ± 0.38 (3) > `thin` 60.12"
    )
    assert (
        judge((Trend(("wide", "thin", "other")),), wide=LOW, thin=HIGH, other=HIGHER).word == "contradicted"
    )
    bumpy = judge(falls, wide=LOW, thin=[7100, 7115, 7120], other=HIGHER)
    assert bumpy.word == "inconclusive" and "at `thin` it rises by 0.98" in bumpy.evidence[0]
    assert judge(falls, wide=LOW, thin=HIGH).word == "not run"


def test_an_equivalence(judge):
    alike = (Equivalence("wide", "thin", margin=1.0),)
    assert judge(alike, wide=LOW, thin=[5005, 5020, 5020]).word == "reproduced"
    apart = judge(alike, wide=LOW, thin=HIGH)
    assert (
        apart.word == "contradicted"
        and "difference −10.00" in apart.evidence[0]
        and "margin 1" in apart.evidence[0]
    )
    assert judge(alike, wide=[4800, 5010, 5200], thin=[4900, 5215, 5100]).word == "inconclusive"


def test_an_error_that_is_not_worse(judge):
    no_worse = (NotWorse("wide", "thin", margin=1.0),)
    for wide, word in (([5030, 5035, 5050], "reproduced"), ([5200, 5215, 5220], "contradicted")):
        assert judge(no_worse, wide=wide, thin=LOW).word == word
    assert judge(no_worse, wide=[5080, 5110, 5140], thin=LOW).word == "inconclusive"


def test_epochs_to_a_quarter_of_training_error(study, facts, write_records):
    def lines(name: str, epochs: list[int | None]) -> list[dict]:
        made = [facts(name, seed, 5000, "paper") for seed in range(3)]
        for line, reached in zip(made, epochs, strict=True):
            errors = [25.0 if e == reached else 26.0 for e in line["curve"]["epoch"]]
            yield sealed(line | {"curve": line["curve"] | {"train_error": errors}})

    six_times = Comparison("wide", "thin", measure="epochs_to_25", times=5.5)
    declared = dataclasses.replace(study, claims=(Claim("c", comparisons=(six_times,)),))

    def of(thin: list[int | None]) -> trained.Verdict:
        return judged(declared, write_records(*lines("wide", [5, 6, 5]), *lines("thin", thin)))

    verdict = of([38, 40, 39])
    assert verdict.word == "reproduced"
    assert verdict.evidence[0].startswith(
        "epochs to a training error of 25 %: 5.5 times `wide` 5.33 ± 1.43 (3) against"
    )
    assert of([7, 8, 9]).word == "contradicted"
    never = of([None, None, None])
    assert never.word == "inconclusive" and "no run of one of them has got there" in never.evidence[0]


@pytest.mark.parametrize(
    ("measure", "begin"),
    [("curve_error", "test error, mean over the epochs: `wide`"), ("train_error", "training error")],
)
def test_other_measures_are_named(judge, measure, begin):
    verdict = judge((Comparison("wide", "thin", measure=measure),), wide=LOW, thin=HIGH)
    # by conftest the training error ends at 60 + seed in both, the curve of the test error at the error
    assert verdict.word == {"curve_error": "reproduced", "train_error": "inconclusive"}[measure]
    assert verdict.evidence[0].startswith(begin)


def test_the_gap_between_test_and_training_error(judge):
    gap = (Comparison("wide", "thin", measure="generalisation_gap"),)
    verdict = judge(gap, wide=[6100, 6210, 6320], thin=[8100, 8215, 8325])
    assert verdict.word == "reproduced"
    assert verdict.evidence[0].startswith("test error less training error: `wide` 1.10 ± 0.25 (3) against")


def test_rows_that_stand_on_another_stem_take_no_part(judge, study):
    elsewhere = dataclasses.replace(study.variants[2], only_on="imagenet")
    here = dataclasses.replace(study, variants=(*study.variants[:2], elsewhere))
    pairs = (Comparison("wide", "thin"), Comparison("thin", "other"))
    assert judge(pairs, wide=LOW, thin=HIGH).word == "partly"
    assert judge(pairs, of=here, wide=LOW, thin=HIGH).word == "reproduced"
    assert judge(pairs[1:], pairs[:1], of=here, wide=LOW, thin=HIGH).claim.id == "c1"


def test_a_line_over_the_logarithm_of_the_cost(judge):
    # thin, wide, other cost 10, 100 and 1,000 mult-adds
    line = (LogLinear(("thin", "wide", "other"), margin=1.0),)
    straight = {"thin": [6000, 6010, 6020], "wide": [5000, 5010, 5020], "other": [4000, 4010, 4020]}
    verdict = judge(line, **straight)
    assert verdict.word == "reproduced" and verdict.evidence[0].startswith(
        "on a line over log mult-adds: `thin` 60.10"
    )
    bent = judge(line, **straight | {"wide": [4400, 4410, 4420]})
    assert bent.word == "contradicted" and "difference −4.00 (margin 1), the other way" in bent.evidence[0]
    assert judge(line, **straight | {"wide": [4850, 4860, 4870]}).word == "inconclusive"
    assert judge(line, **straight | {"wide": []}).word == "not run"


def test_a_rise_against_another(judge, study):
    four = dataclasses.replace(study, variants=(*study.variants, Variant("last", "densenet", {"depth": 28})))
    errors = {"wide": LOW, "thin": [5100, 5112, 5120], "other": LOW, "last": HIGHER}
    verdict = judge((Rise(less=("wide", "thin"), more=("other", "last")),), of=four, **errors)
    assert verdict.word == "reproduced"
    assert verdict.evidence[0].startswith("from `wide` 50.12 ± 0.31 (3) to `thin` 51.11")
    assert (
        judge((Rise(less=("other", "last"), more=("wide", "thin")),), of=four, **errors).word
        == "contradicted"
    )
    assert judge((Rise(less=("wide", "thin"), more=("other", "last")),), of=four, wide=LOW).word == "not run"


def test_an_error_as_printed(judge, study):
    # tests/reports/conftest.py: DenseNet's Table 2 prints 5.24 for wide
    near = (AsPrinted("wide", margin=0.3),)
    verdict = judge(near, wide=[520, 525, 530])
    assert verdict.word == "reproduced"
    assert verdict.evidence[0].startswith(
        "`wide` 5.25 ± 0.12 (3) as good as the printed 5.24; difference +0.01 (margin 0.3), p"
    )
    assert judge(near, wide=[620, 625, 630]).word == "contradicted"
    assert judge(near, budget="mini", wide=[520, 525, 530]).word == "not run"
    transfer = dataclasses.replace(study, transfers=("cifar10",))
    assert judge(near, of=transfer, wide=[520, 525, 530]) == []
    with pytest.raises(ValueError, match="variant 'other' has no printed error"):
        judge((AsPrinted("other", margin=0.3),), other=[520, 525, 530])


def test_a_test_may_be_made_on_one_data_set_only(judge):
    here = (Comparison("wide", "thin", only_on="cifar10"), Comparison("thin", "wide", only_on="cifar100"))
    assert judge(here, wide=LOW, thin=HIGH).word == "reproduced"
    assert judge(here[1:], wide=LOW, thin=HIGH) == []
