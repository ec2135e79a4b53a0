"""What a study's declaration may say: its names exist, and its parts agree."""

import itertools
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from architectures import Stem, find
from architectures.spelling import did_you_mean
from lightning_modules.budgets import BUDGETS
from lightning_modules.configuration import PRECISIONS
from lightning_modules.protocols import check_names
from sweeps.claim import OF_EVALUATION, samples_of
from sweeps.declarations import unique

if TYPE_CHECKING:
    from sweeps.claim import Test
    from sweeps.study import Study, Variant

CLAIMS = Path(__file__).parent.parent / "reports" / "papers" / "claims.toml"
STEMS = get_args(Stem)
# What a picture may show of a network, besides its knobs.
PROPERTIES = ("parameters", "mult_adds", "arch", "resolution")


def check(study: "Study") -> None:
    """Raise ValueError, in one line, for a declaration that names what isn't there, or contradicts itself."""
    unique(study.datasets, "datasets")
    unique(study.seeds, "seeds")
    unique(tuple(variant.name for variant in study.variants), "variants")
    if min(study.seeds) < 0:
        raise ValueError(f"seeds are 0 or more, not {min(study.seeds)}")
    if "" in (variant.name for variant in study.variants):
        raise ValueError("a variant has an empty name")
    for table in study.tables:
        unique(table.variants, f"variants of table {table.title!r}")
        for name in table.variants:
            study.variant(name)
    for claim in study.claims:
        if study.claims.count(claim) > 1:
            raise ValueError(f"claim {claim.id!r} is declared twice with the same tests")
        if claim.id not in claim_ids():
            raise ValueError(f"no document makes the claim {claim.id!r}{did_you_mean(claim.id, claim_ids())}")
        for test in claim.tests:
            if test.only_on not in ("", *study.datasets):
                raise ValueError(f"claim {claim.id}: only_on is {test.only_on!r}, none of the datasets")
            for name, evaluation in samples_of(test).values():
                study.variant(name)
                if evaluation:
                    _check_evaluation(study, claim.id, test, name, evaluation)
    if len({picture.over for picture in study.pictures}) < len(study.pictures):
        raise ValueError("pictures: two have the same axes, which name their files")
    for picture in study.pictures:
        if picture.y not in ("error", "accuracy"):
            raise ValueError(f"pictures: y is error or accuracy, not {picture.y!r}")
        for name in filter(None, (*picture.over, *picture.series, picture.panels)):
            if name not in PROPERTIES and not any(name in find(v.arch).knobs for v in study.variants):
                raise ValueError(
                    f"pictures: {name!r} is none of {', '.join(PROPERTIES)} and no knob of its networks"
                )
    for budget, precision in study.precision.items():
        if budget not in BUDGETS or precision not in PRECISIONS:
            raise ValueError(
                f"precision is one of {', '.join(PRECISIONS)} by budget, not {budget} = {precision!r}"
            )
    if unknown := [name for name in study.transfers if name not in study.datasets]:
        raise ValueError(f"transfers names {unknown[0]!r}, which is none of the datasets")
    rows: tuple[Study | Variant, ...] = (study, *study.variants)
    for declared, key in itertools.product(rows, ("recipe", "resolution")):
        by_stem = getattr(declared, key)
        if isinstance(by_stem, dict) and (unknown := sorted(set(by_stem) - set(STEMS))):
            raise ValueError(f"{key} of {declared.name!r}: {unknown[0]!r} is not one of {', '.join(STEMS)}")
    check_names(study.evaluation)
    for variant in study.variants:
        check_names(variant.evaluation or ())
        if variant.only_on not in ("", *STEMS):
            raise ValueError(
                f"variant {variant.name!r}: only_on is {variant.only_on!r}, not one of {', '.join(STEMS)}"
            )
        if variant.teacher and study.variant(variant.teacher).teacher:
            raise ValueError(
                f"variant {variant.name!r}: its teacher, {variant.teacher!r}, has one of its own"
            )


def _check_evaluation(study: "Study", claim: str, test: "Test", variant: str, evaluation: str) -> None:
    """Raise ValueError unless a variant is evaluated so wherever the test is made, by what evaluations measure."""
    if test.measure not in OF_EVALUATION:
        raise ValueError(f"claim {claim}: evaluations have no {test.measure}")
    for dataset in [test.only_on] if test.only_on else study.datasets:
        if evaluation not in study.evaluations_of(study.variant(variant), dataset):
            raise ValueError(
                f"claim {claim}: {variant!r} isn't evaluated by {evaluation!r} on {dataset}; name it in evaluation, or "
                "another data set in only_on"
            )


@cache
def claim_ids() -> frozenset[str]:
    """Return the ids of all claims, without what reading the file as TOML would cost every run."""
    return frozenset(re.findall(r'^id = "(.+)"$', CLAIMS.read_text(encoding="utf-8"), flags=re.MULTILINE))
