"""Where every claim of the documents stands: all verdicts on it, each with the place where it holds.

A claim can stand differently by data set, by budget and by machine; the pages show each, and never one for all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lightning_modules.data.catalogue import DATASETS
from reports.verdicts import ledger, sources
from reports.verdicts import trained as claims
from reports.verdicts.counts import Counts
from reports.verdicts.findings import Finding
from reports.verdicts.results import Results
from reports.verdicts.trained import Verdict
from reports.verdicts.words import DIFFERS, NOT_RUN, OF_OUTCOME
from sweeps.study import BUDGETS, Study

Collated = Mapping[str, tuple[Study, list[Results], Counts]]
# The verdicts of a study at a budget and on a data set, in declared order.
Judged = Mapping[tuple[str, str, str], Sequence[Verdict]]

NO_TEST = "no study tests it, and no experiment"
EXPERIMENTS = "experiments.md#{}"


@dataclass(frozen=True)
class Standing:
    """One verdict on a claim. kind: of the ledger's. place: in words, where it holds. page: where it is explained.

    budget: of a trained claim. tested: how, where the sentence doesn't say it.
    """

    claim: str
    kind: str
    word: str
    place: str
    page: str
    evidence: tuple[str, ...]
    budget: str = ""
    tested: str = ""

    @property
    def where(self) -> str:
        """Place and budget, linked to the page if there is one; empty where the claim holds anywhere."""
        text = ", ".join(filter(None, [self.place, self.budget and f"budget `{self.budget}`"]))
        return f"[{text or 'evidence'}]({self.page})" if self.page else text


def judge(collated: Collated) -> Judged:
    """All trained claims of all studies, on all that has been run."""
    return {
        (name, result.budget, dataset): claims.judge_trained(result, dataset, counts)
        for name, (study, results, counts) in collated.items()
        for result in results
        if result.budget != "smoke"  # so short that even the right answer looks wrong
        for dataset in study.datasets
    }


def of_all(
    collated: Collated, judged: Judged, found: Mapping[str, Sequence[Finding]]
) -> dict[str, list[Standing]]:
    """Every claim of the ledger, in its order, with all of its verdicts; a claim without any has one, `not run`."""
    trained = _trained(collated, judged)
    return {
        claim: [
            standing
            for kind in entry.kinds
            for standing in _of_kind(claim, kind, trained.get(claim, []), found.get(claim, []))
        ]
        for claim, entry in ledger.entries().items()
    }


def _of_kind(
    claim: str, kind: str, trained: Sequence[Standing], found: Sequence[Finding]
) -> Iterable[Standing]:
    if kind == "exact":
        verdict = claims.judge_exact(claim)
        return [Standing(claim, kind, verdict.word, "", "", verdict.evidence)]
    if kind == "trained" and trained:
        return trained
    if found:
        return [_found(finding, kind) for finding in found]
    return [Standing(claim, kind, NOT_RUN, "", "", (_what_is_missing(claim),))]


def _trained(collated: Collated, judged: Judged) -> dict[str, list[Standing]]:
    """The verdicts of all studies by claim."""
    standings: dict[str, list[Standing]] = {}
    for (name, budget, dataset), verdicts in judged.items():
        study = collated[name][0]
        place = DATASETS[dataset].title + (", a transfer" if dataset in study.transfers else "")
        for verdict in verdicts:
            claim = verdict.claim
            standings.setdefault(claim.id, []).append(
                Standing(
                    claim.id,
                    "trained",
                    verdict.word,
                    place,
                    f"studies/{name}.md",
                    verdict.evidence,
                    budget,
                    claim.tested,
                )
            )
    return standings


def _found(finding: Finding, kind: str) -> Standing:
    word = OF_OUTCOME[finding.holds]
    machine = finding.machine["device"] if kind == "measured" else ""
    page = EXPERIMENTS.format(finding.claim)
    return Standing(finding.claim, kind, word, machine, page, finding.evidence)


def _what_is_missing(claim: str) -> str:
    if claim in sources.experiments():
        return f"`python -m reports find {claim}`"
    return NO_TEST


def best(standings: Sequence[Standing]) -> list[Standing]:
    """Those that say something, of trained ones those at the largest budget that says something."""
    said = [standing for standing in standings if standing.word != NOT_RUN]
    budgets = [budget for budget in BUDGETS if any(standing.budget == budget for standing in said)]
    return [s for s in said if s.budget in ("", *budgets[:1])]


def summary(standings: Sequence[Standing]) -> str:
    """One word for a claim where one is enough: that of its best verdicts if they agree, else "differs"."""
    words = {standing.word for standing in best(standings)} or {NOT_RUN}
    return words.pop() if len(words) == 1 else DIFFERS
