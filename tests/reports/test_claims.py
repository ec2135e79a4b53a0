"""Verdicts in both directions, on records whose outcome is plain to see."""

import dataclasses

import pytest

from lightning_modules.record import Record
from reports.runs import counts, results
from reports.verdicts import trained as claims
from sweeps import study as studies
from sweeps.claim import AsPrinted, Claim, Comparison, Equivalence, LogLinear, NotWorse, Rise, Trend
from sweeps.study import Variant
from tests.reports.conftest import facts_of, parsed, sealed


@pytest.fixture
def judge(study):
    """`judge(comparisons, {variant: errors})`: the verdict on one claim, or on several."""

    def judge(*claimed, parameters=None, of=study, budget="mini", **errors):
        declared = dataclasses.replace(
            of, claims=tuple(claim(f"c{i}", tests) for i, tests in enumerate(claimed))
        )
        found = [
            parsed(facts_of(studies.configure(declared, name, "cifar10", budget, seed), e, "made_up", name))
            for name, own in errors.items()
            for seed, e in enumerate(own)
        ]
        size = {"thin": 1, "wide": 2, "other": 3} | (parameters or {})
        counted = {(name, "cifar10"): counts.Count(number, 10**number) for name, number in size.items()}
        verdicts = claims.judge_trained(results.collate(declared, found)[-1], "cifar10", counted)
        return verdicts[0] if len(verdicts) == 1 else verdicts

    return judge


def claim(name, tests) -> Claim:
    kinds = {
        "comparisons": Comparison,
        "trends": Trend,
        "equivalences": Equivalence,
        "not_worse": NotWorse,
        "rises": Rise,
        "log_linear": LogLinear,
        "as_printed": AsPrinted,
    }
    return Claim(name, **{field: tuple(t for t in tests if isinstance(t, k)) for field, k in kinds.items()})


WIDE_BELOW_THIN = (Comparison("wide", "thin"),)


def test_reproduced(judge):
    verdict = judge(WIDE_BELOW_THIN, wide=[5000, 5010, 5020], thin=[6000, 6010, 6020])
    assert verdict.word == "reproduced"
    assert verdict.evidence == (
        "`wide` 50.10 ± 0.25 (3) against `thin` 60.10 ± 0.25 (3); difference −10.00, p < 0.001",
    )


def test_contradicted(judge):
    verdict = judge(WIDE_BELOW_THIN, wide=[6000, 6010, 6020], thin=[5000, 5010, 5020])
    assert verdict.word == "contradicted"
    assert "difference +10.00, the other way with p < 0.001" in verdict.evidence[0]


@pytest.mark.parametrize("wide", [[5000, 5300, 5600], [5200, 5500, 5800]])
def test_inconclusive_says_how_many_runs_would_decide(judge, wide):
    verdict = judge(WIDE_BELOW_THIN, wide=wide, thin=[5100, 5400, 5700])
    # |d| = 1 point, variances 9 + 9: 2.486² · 18 = 111.3
    assert verdict.word == "inconclusive"
    assert "about 112 runs a side would decide a difference of this size" in verdict.evidence[0]


def test_one_run_a_side_is_inconclusive(judge):
    verdict = judge(WIDE_BELOW_THIN, wide=[1000, 1010, 1020], thin=[9000])
    assert verdict.word == "inconclusive"
    assert "two runs of each" in verdict.evidence[0] and "90.00 (1/3)" in verdict.evidence[0]


def test_not_run(judge):
    assert judge(WIDE_BELOW_THIN).word == "not run"
    assert judge(WIDE_BELOW_THIN, wide=[1000, 1010, 1020]).word == "not run"
    assert judge((), wide=[1000, 1010, 1020]) == []


def test_parameter_condition(judge):
    pair = (Comparison("wide", "thin", no_more_parameters=True),)
    errors = {"wide": [5000, 5010, 5020], "thin": [6000, 6010, 6020]}
    failed = judge(pair, **errors)
    assert failed.word == "contradicted" and "parameters 2 > 1" in failed.evidence[0]
    held = judge(pair, parameters={"wide": 1}, **errors)
    assert held.word == "reproduced" and "parameters 1 ≤ 1" in held.evidence[0]


def test_claim_needs_all_of_its_comparisons(judge):
    chain = (Comparison("wide", "thin"), Comparison("thin", "other"))
    errors = {"wide": [5000, 5010, 5020], "thin": [6000, 6010, 6020]}
    assert judge(chain, **errors, other=[7000, 7010, 7020]).word == "reproduced"
    assert judge(chain, **errors, other=[5990, 6010, 6030]).word == "inconclusive"
    assert judge(chain, **errors).word == "inconclusive"
    assert judge(chain, **errors, other=[3000, 3010, 3020]).word == "contradicted"


def test_holm_runs_over_all_comparisons_of_the_study(judge):
    # alone p is about 0.03 and decides; beside a second, undecided claim it is doubled and doesn't
    errors = {"wide": [5000, 5100, 5200], "thin": [5200, 5300, 5400], "other": [5200, 5300, 5400]}
    assert judge(WIDE_BELOW_THIN, **errors).word == "reproduced"
    first, second = judge(WIDE_BELOW_THIN, (Comparison("thin", "other"),), **errors)
    assert (first.word, second.word) == ("inconclusive", "inconclusive")


def test_exact_claims(study, monkeypatch):
    from reports.verdicts import exact

    assert claims.judge_exact("made.up").word == "not run"
    for holds, word in ((True, "reproduced"), (False, "contradicted")):
        monkeypatch.setattr(exact, "KNOWN", {})
        monkeypatch.setitem(exact._checks, "made.up", lambda holds=holds: (holds, "seen"))
        assert claims.judge_exact("made.up") == claims.Verdict(Claim("made.up"), word, ("seen",))


def test_a_trend(judge):
    falls = Trend(("wide", "thin", "other"))
    errors = {"wide": [6000, 6010, 6020], "thin": [5000, 5010, 5020], "other": [4000, 4010, 4020]}
    verdict = judge((falls,), **errors)
    assert verdict.word == "reproduced"
    assert verdict.evidence[0].startswith("`wide` 60.10 ± 0.25 (3) > `thin` 50.10 ± 0.25 (3) > `other` 40.10")
    rises = Trend(("other", "thin", "wide"))
    assert judge((rises,), **errors).word == "contradicted"
    assert judge((falls,), **errors | {"other": []}).word == "not run"
    assert judge((falls,), wide=[6000], thin=[5000], other=[4000]).word == "inconclusive"


def test_an_equivalence(judge):
    alike = {"wide": [5000, 5010, 5020], "thin": [5005, 5015, 5025]}
    assert judge((Equivalence("wide", "thin", margin=1.0),), **alike).word == "reproduced"
    apart = judge(
        (Equivalence("wide", "thin", margin=1.0),), wide=[5000, 5010, 5020], thin=[6000, 6010, 6020]
    )
    assert apart.word == "contradicted"
    assert "difference −10.00 (margin 1)" in apart.evidence[0]
    unsure = judge(
        (Equivalence("wide", "thin", margin=1.0),), wide=[4800, 5010, 5200], thin=[4900, 5015, 5300]
    )
    assert unsure.word == "inconclusive"


def test_an_error_that_is_not_worse(judge):
    no_worse = (NotWorse("wide", "thin", margin=1.0),)
    thin = [5000, 5010, 5020]
    for wide, word in (([5030, 5040, 5050], "reproduced"), ([3000, 3010, 3020], "reproduced")):
        assert judge(no_worse, wide=wide, thin=thin).word == word
    verdict = judge(no_worse, wide=[5200, 5210, 5220], thin=thin)
    assert verdict.word == "contradicted"
    assert verdict.evidence[0].startswith(
        "`wide` 52.10 ± 0.25 (3) not worse than `thin` 50.10 ± 0.25 (3); difference +2.00 (margin 1), the other way"
    )
    assert judge(no_worse, wide=[5080, 5110, 5140], thin=thin).word == "inconclusive"


def test_epochs_to_a_quarter_of_training_error(study, facts):
    def runs(name: str, epochs: list[int | None]) -> list[Record]:
        made = [facts(name, seed, 5000, "paper") for seed in range(3)]
        for line, reached in zip(made, epochs):
            line["curve"]["train_error"] = [25.0 if e == reached else 26.0 for e in line["curve"]["epoch"]]
        return [parsed(sealed(line)) for line in made]

    six_times = Comparison("wide", "thin", measure="epochs_to_25", times=5.5)
    declared = dataclasses.replace(study, claims=(Claim("c", comparisons=(six_times,)),))

    def judged(thin: list[int | None]) -> claims.Verdict:
        found = [*runs("wide", [5, 6, 5]), *runs("thin", thin)]
        return claims.judge_trained(results.collate(declared, found)[0], "cifar10", {})[0]

    verdict = judged([38, 40, 39])
    assert verdict.word == "reproduced"
    assert verdict.evidence[0].startswith(
        "epochs to a training error of 25 %: 5.5 times `wide` 5.33 ± 1.43 (3) against `thin` 39.00 ± 2.48 (3)"
    )
    assert judged([7, 8, 9]).word == "contradicted"
    assert judged([30, 28, 29]).word == "inconclusive"
    never = judged([None, None, None])
    assert never.word == "inconclusive" and "no run of one of them has got there" in never.evidence[0]


def test_training_error_and_speed_of_learning(judge):
    # by tests/reports/conftest.py the training error ends at 60 + seed, the curve of the test error at the error
    pair = {"wide": [5000, 5010, 5020], "thin": [6000, 6010, 6020]}
    trained = judge((Comparison("wide", "thin", measure="train_error"),), **pair)
    assert trained.word == "inconclusive"
    assert trained.evidence[0].startswith("training error: `wide` 61.00 ± 2.48 (3) against `thin` 61.00")
    learns = judge((Comparison("wide", "thin", measure="curve_error"),), **pair)
    assert learns.word == "reproduced"
    # seven epochs of 75 % and the last of 50.10 %
    assert "`wide` 71.89 ± 0.03 (3)" in learns.evidence[0]


def test_rows_that_stand_on_another_stem_take_no_part(judge, study):
    elsewhere = dataclasses.replace(study.variants[2], only_on="imagenet")
    here = dataclasses.replace(study, variants=(*study.variants[:2], elsewhere))
    errors = {"wide": [5000, 5010, 5020], "thin": [6000, 6010, 6020]}
    pairs = (Comparison("wide", "thin"), Comparison("thin", "other"))
    assert judge(pairs, **errors).word == "inconclusive"
    assert judge(pairs, of=here, **errors).word == "reproduced"
    assert judge(pairs[1:], pairs[:1], of=here, **errors).claim.id == "c1"


def test_a_line_over_the_logarithm_of_the_cost(judge):
    # conftest's thin, wide, other cost 10, 100 and 1,000 mult-adds
    line = (LogLinear(("thin", "wide", "other"), margin=1.0),)
    straight = {"thin": [6000, 6010, 6020], "wide": [5000, 5010, 5020], "other": [4000, 4010, 4020]}
    verdict = judge(line, **straight)
    assert verdict.word == "reproduced"
    assert verdict.evidence[0].startswith(
        "on a line over log mult-adds: `thin` 60.10 ± 0.25 (3), `wide` 50.10"
    )
    bent = judge(line, **straight | {"wide": [4400, 4410, 4420]})
    assert bent.word == "contradicted"
    assert "difference −4.00 (margin 1), the other way with p < 0.001" in bent.evidence[0]
    assert judge(line, **straight | {"wide": [4850, 4860, 4870]}).word == "inconclusive"
    assert judge(line, **straight | {"wide": []}).word == "not run"


def test_the_gap_between_test_and_training_error(judge):
    # by conftest the training error ends at 60, 61 and 62
    gap = (Comparison("wide", "thin", measure="generalisation_gap"),)
    verdict = judge(gap, wide=[6100, 6210, 6320], thin=[8100, 8210, 8320])
    assert verdict.word == "reproduced"
    assert verdict.evidence[0].startswith("test error less training error: `wide` 1.10 ± 0.25 (3) against")


def test_a_rise_against_another(judge, study):
    four = dataclasses.replace(study, variants=(*study.variants, Variant("last", "densenet")))
    errors = {"wide": [5000, 5010, 5020], "thin": [5100, 5110, 5120]}
    errors |= {"other": [5000, 5010, 5030], "last": [7000, 7010, 7030]}
    little = (Rise(less=("wide", "thin"), more=("other", "last")),)
    verdict = judge(little, of=four, **errors)
    assert verdict.word == "reproduced"
    assert verdict.evidence[0].startswith(
        "from `wide` 50.10 ± 0.25 (3) to `thin` 51.10 ± 0.25 (3) less than "
        "from `other` 50.13 ± 0.38 (3) to `last` 70.13 ± 0.38 (3); difference −19.00, p < 0.001"
    )
    much = (Rise(less=("other", "last"), more=("wide", "thin")),)
    assert judge(much, of=four, **errors).word == "contradicted"
    assert judge(little, of=four, **errors | {"last": []}).word == "not run"


def test_an_error_as_printed(judge, study):
    # tests/reports/conftest.py: DenseNet's Table 2 prints 5.24 for wide
    near = (AsPrinted("wide", margin=0.3),)
    verdict = judge(near, budget="paper", wide=[520, 525, 530])
    assert verdict.word == "reproduced"
    assert verdict.evidence[0].startswith(
        "`wide` 5.25 ± 0.12 (3) at the budget `paper` as good as the printed 5.24; "
        "difference +0.01 (margin 0.3), p"
    )
    assert judge(near, budget="paper", wide=[620, 625, 630]).word == "contradicted"
    assert judge(near, budget="mini", wide=[520, 525, 530]).word == "not run"
    transfer = dataclasses.replace(study, transfers=("cifar10",))
    assert judge(near, of=transfer, budget="paper", wide=[520, 525, 530]) == []
    with pytest.raises(ValueError, match="variant 'other' has no printed error"):
        judge((AsPrinted("other", margin=0.3),), budget="paper")


def test_a_test_may_be_made_on_one_data_set_only(judge):
    errors = {"wide": [5000, 5010, 5020], "thin": [6000, 6010, 6020]}
    here = (Comparison("wide", "thin", only_on="cifar10"), Comparison("thin", "wide", only_on="cifar100"))
    assert judge(here, **errors).word == "reproduced"
    assert judge(here[1:], **errors) == []
