"""A perfect replication contradicts nothing: every study is fed its paper's own figures, with noise between seeds."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from reports.printed import protocols, variants
from reports.verdicts import trained
from reports.verdicts.counts import Count, VariantCounts
from reports.verdicts.results import Results
from reports.verdicts.words import CONTRADICTED
from sweeps import study as studies

SHARED, OWN = (
    0.15,
    0.10,
)  # standard deviations of what seeds share and what each run has for itself, in points


@dataclass
class Replica:
    """The runs of a row, with the printed errors and noise, by evaluation and measure; of no other measure."""

    printed: dict[tuple[str, str], dict[int, float]]
    declared: int = 3
    records: list = field(default_factory=list)
    evaluation: str = ""

    def by(self, evaluation: str) -> "Replica":
        return replace(self, evaluation=evaluation)

    def by_seed(self, measure: str) -> dict[int, float]:
        return self.printed.get((self.evaluation, measure), {})

    def __str__(self) -> str:
        return f"({len(self.by_seed('test_error'))})"


def places() -> list[tuple[str, str]]:
    """Studies and data sets on which the paper prints errors."""
    return [
        (study.name, dataset)
        for study in map(studies.read, studies.names())
        for dataset in study.datasets
        if dataset not in study.transfers and study.claims
    ]


def replicas(study: studies.Study, dataset: str, seeds: int, rng: np.random.Generator) -> dict:
    shared = rng.normal(0, SHARED, seeds)
    groups = {}
    for variant in study.variants_on(dataset):
        own, headline = rng.normal(0, OWN, seeds), variants.printed_error(variant, dataset)
        figures = [*variants.printed_errors(variant, dataset), *variants.printed_beside(variant, dataset)]
        errors = {}
        for figure in [headline, *figures] if headline else ():
            # the study's own figures stand for its test, whatever their protocol
            evaluation = "" if figure is headline else protocols.evaluation_of(figure)
            if figure.error is not None and evaluation is not None:
                runs = dict(enumerate(map(float, float(figure.error) + shared + own)))
                errors.setdefault((evaluation, protocols.measure_of(figure)), runs)
        groups[variant.name, dataset] = Replica(errors)
    return groups


@pytest.mark.parametrize(("name", "dataset"), places())
def test_the_papers_own_figures_are_contradicted_hardly_ever(name, dataset):
    """Of 20 replications with eight seeds each, at most 2, where each wrong one has a chance of 3.5 % at most."""
    study, rng = studies.read(name), np.random.default_rng(0)
    counts = {(variant.name, dataset): Count(1, 1) for variant in study.variants_on(dataset)}
    if any(claim.log_linear for claim in study.claims):
        counts = VariantCounts(study)
    wrong: dict[str, int] = {}
    for _ in range(20):
        results = Results(study, "paper", replicas(study, dataset, 8, rng))
        for verdict in trained.judge_trained(results, dataset, counts):
            wrong[verdict.claim.id] = wrong.get(verdict.claim.id, 0) + (verdict.word == CONTRADICTED)
    assert not {claim: number for claim, number in wrong.items() if number > 2}
