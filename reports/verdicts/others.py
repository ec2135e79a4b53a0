"""What other people found: figures that they published after training the networks of a comparison.

`reports/others/*.csv` holds them, a row a figure, with repository, commit and path. They stand beside a verdict and never
change it. A pair is two figures of one source and one setting: data set, resolution, augmentation and recipe group;
figures of different sources are never compared. A figure counts if its network is identified by its parameters, equal or
as rounded, and its source isn't doubtful; else it is analogous, shown and not counted. A group of people has one vote a
comparison, whatever number of settings it published; the papers' own authors, and those near to them, are kept apart.
There is no p-value: these are single runs, mostly of the best epoch.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import pandas as pd

from sweeps.claim import Claim, Comparison, Test, Trend
from sweeps.study import Study

FOLDER = Path(__file__).parents[1] / "others"
SETTING = ["source", "dataset", "resolution", "augmentation", "group"]
MARGINS = {"cifar100": 0.6}  # points within which a difference of single runs is noise
MARGIN = 0.3
ENOUGH = 3  # votes, for which the count says something
Vote = Literal["for", "against", "noise", "both"]


@dataclass(frozen=True)
class Votes:
    """The votes on a comparison, by group of people; pairs: what they rest on, analogous ones and authors' too."""

    votes: dict[str, Vote]
    pairs: pd.DataFrame

    def count(self, vote: Vote) -> int:
        """Return how many groups of people vote so."""
        return list(self.votes.values()).count(vote)

    def __str__(self) -> str:
        if self.pairs.empty:
            return ""
        analogous = int((~self.pairs.counted).sum())
        more = f"; {analogous} analogous or authors' pairs not counted" if analogous else ""
        return f"others: {tally(list(self.votes.values()))}{more}"


def tally(votes: Sequence[Vote]) -> str:
    """Return how many votes are for, against and neither, and whether they are too few to say something."""
    parts = [f"{votes.count('for')} of {len(votes)} for", f"{votes.count('against')} against"]
    undecided: dict[Vote, str] = {"noise": "within noise", "both": "both ways"}
    parts += [f"{votes.count(vote)} {text}" for vote, text in undecided.items() if votes.count(vote)]
    return ", ".join(parts) + (", too few to say" if len(votes) < ENOUGH else "")


@cache
def frame() -> pd.DataFrame:
    """Return all figures, a row each for every variant that its network is or is near to; errors in per cent.

    Columns beside the files': `variant` as `study/variant`, `exact` whether the network is that variant by its
    parameters, `independent` of the papers' authors.
    """
    files = [path for path in sorted(FOLDER.glob("*.csv")) if path.name != "weights.csv"]
    read = pd.concat(
        [pd.read_csv(path, dtype=str, keep_default_na=False) for path in files], ignore_index=True
    )
    read["error"] = read.error_percent.astype(float)
    parts = [
        _by_variant(read, "study", "variant", near=False),
        _by_variant(read, "near_study", "near_variant", near=True),
    ]
    rows = pd.concat(parts, ignore_index=True)
    equal = rows.identity.str.startswith("parameters equal")
    rows["exact"] = equal & ~rows.near & (rows.confidence != "doubtful")
    rows["independent"] = rows.independence.str.startswith("independent")
    return rows


def _by_variant(read: pd.DataFrame, study: str, variant: str, near: bool) -> pd.DataFrame:
    """A figure may be of rows of several studies, which the files list with semicolons."""
    figures = read[read[study] != ""].copy()
    names = zip(figures[study].str.split(";"), figures[variant].str.split(";"), strict=True)
    figures["variant"] = [[f"{s}/{v}" for s, v in zip(*pair, strict=True)] for pair in names]
    return figures.explode("variant").assign(near=near)


def pairs(study: str, lower: str, higher: str, dataset: str) -> pd.DataFrame:
    """Return the pairs of figures on a comparison of two variants, a row a source and setting.

    Columns: the setting, `people`, the two errors `lower` and `higher`, their `difference` (below zero: as claimed),
    and whether the pair is `counted`.
    """
    rows = frame()
    sides = []
    for side, name in (("lower", lower), ("higher", higher)):
        of_variant = rows[(rows.variant == f"{study}/{name}") & (rows.dataset == dataset)]
        sides.append(
            of_variant.groupby([*SETTING, "people"], as_index=False)
            .agg(error=("error", "mean"), exact=("exact", "all"), independent=("independent", "all"))
            .rename(columns={"error": side})
        )
    made = sides[0].merge(sides[1], on=[*SETTING, "people"], suffixes=("_lower", "_higher"))
    made["difference"] = made.lower - made.higher
    flags = ["exact_lower", "exact_higher", "independent_lower", "independent_higher"]
    made["counted"] = made[flags].all(axis=1) if len(made) else pd.Series(dtype=bool)
    return made.drop(columns=flags)


def poll(study: str, lower: str, higher: str, dataset: str, deviation: float | None = None) -> Votes:
    """Return how others' figures vote on "the error of `lower` is below that of `higher`".

    deviation: this project's own standard deviation of such a difference, in points; twice of it is noise, too.
    """
    rows = pairs(study, lower, higher, dataset)
    margin = max(MARGINS.get(dataset, MARGIN), 2 * (deviation or 0.0))
    differences = rows[rows.counted].groupby("people").difference
    return Votes({str(people): _vote(d.min(), d.max(), margin) for people, d in differences}, rows)


def on_claim(claim_id: str, studied: Iterable[Study]) -> list[Vote]:
    """Return all votes on a claim's differences of test errors, over the studies' comparisons and the ends of trends."""
    return [
        vote
        for study in studied
        for claim in study.claims
        if claim.id == claim_id
        for lower, higher, dataset in differences(study, claim)
        for vote in poll(study.name, lower, higher, dataset).votes.values()
    ]


def differences(study: Study, claim: Claim) -> list[tuple[str, str, str]]:
    """Return what others' figures can say of a claim: pairs of variants and a data set, the lower error claimed first."""
    asked = {
        (*pair, dataset): None
        for dataset in study.datasets
        for test in claim.tests
        if test.measure == "test_error" and test.is_on(dataset) and (pair := _ends(test))
    }
    return list(asked)


def _ends(test: Test) -> tuple[str, str] | None:
    match test:
        case Comparison(lower=lower, higher=higher, times=1):
            return lower, higher
        case Trend(falling=(first, *_, last)):
            return last, first
    return None


def _vote(least: float, greatest: float, margin: float) -> Vote:
    """Return the vote of a group of people from the range of its differences."""
    if least < -margin:
        return "both" if greatest > margin else "for"
    return "against" if greatest > margin else "noise"
