"""Where every claim of the documents stands: all verdicts on it, each with the place where it holds.

A claim can stand differently by data set, by budget and by machine; the pages show each, and never one for all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lightning_modules.data.catalogue import DATASETS
from reports.verdicts import ledger, sources, trained
from reports.verdicts.counts import Counts
from reports.verdicts.findings import Finding
from reports.verdicts.results import Results
from reports.verdicts.trained import Verdict
from reports.verdicts.words import DIFFERS, HOLDING, NOT_RUN, OF_OUTCOME, PARTLY, SO_FAR, WEAKEST_FIRST
from sweeps.study import BUDGETS, Study

Collated = Mapping[str, tuple[Study, list[Results], Counts]]
# The verdicts of a study at a budget and on a data set, in declared order.
Judged = Mapping[tuple[str, str, str], Sequence[Verdict]]

NO_TEST = "no study tests it, and no experiment"
EXPERIMENTS_PAGE = "experiments.md"


@dataclass(frozen=True)
class ClaimVerdict:
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
    def is_of_finding(self) -> bool:
        """Whether an experiment gave it: then its place and its evidence are text from a finding's file."""
        return self.page.startswith(EXPERIMENTS_PAGE)


def judge(collated: Collated) -> Judged:
    """Judge all trained claims of the given studies, on all that has been run."""
    return {
        (name, result.budget, dataset): trained.judge_trained(result, dataset, counts)
        for name, (study, results, counts) in collated.items()
        for result in results
        if result.budget != "smoke"  # so short that even the right answer looks wrong
        for dataset in study.datasets
    }


def of_claims(
    claims: Iterable[str], collated: Collated, judged: Judged, findings: Mapping[str, Sequence[Finding]]
) -> dict[str, list[ClaimVerdict]]:
    """Return these claims, in their order, with all verdicts of the given studies; a claim without any has `not run`."""
    of_trainings = _of_trainings(collated, judged)
    return {
        claim: [
            verdict
            for kind in ledger.find(claim).kinds
            for verdict in _of_kind(claim, kind, of_trainings.get(claim, []), findings.get(claim, []))
        ]
        for claim in claims
    }


def _of_kind(
    claim: str, kind: str, of_trainings: Sequence[ClaimVerdict], findings: Sequence[Finding]
) -> Iterable[ClaimVerdict]:
    if kind == "exact":
        exact = trained.judge_exact(claim)
        return [ClaimVerdict(claim, kind, exact.word, "", "", exact.evidence)]
    if kind == "trained" and of_trainings:
        return of_trainings
    if findings:
        return [_of_finding(finding, kind) for finding in findings]
    return [ClaimVerdict(claim, kind, NOT_RUN, "", "", (_what_is_missing(claim),))]


def _of_trainings(collated: Collated, judged: Judged) -> dict[str, list[ClaimVerdict]]:
    """Return the verdicts of all studies by claim."""
    by_claim: dict[str, list[ClaimVerdict]] = {}
    for (name, budget, dataset), verdicts in judged.items():
        study, page = collated[name][0], f"studies/{name}.md"
        place = DATASETS[dataset].title + (", a transfer" if dataset in study.transfers else "")
        for verdict in verdicts:
            claim, word, evidence = verdict.claim, verdict.word, verdict.evidence
            placed = ClaimVerdict(claim.id, "trained", word, place, page, evidence, budget, claim.tested)
            by_claim.setdefault(claim.id, []).append(placed)
    for name, (study, _, _) in collated.items():  # of what no verdict stands on yet, the study to be run
        for claim in study.claims:
            if claim.tests and not any(v.page == f"studies/{name}.md" for v in by_claim.get(claim.id, [])):
                waiting = ClaimVerdict(
                    claim.id, "trained", NOT_RUN, "", f"studies/{name}.md", (), "paper", claim.tested
                )
                by_claim.setdefault(claim.id, []).append(waiting)
    return by_claim


def _of_finding(finding: Finding, kind: str) -> ClaimVerdict:
    word = OF_OUTCOME[finding.holds]
    machine = finding.machine["device"] if kind == "measured" else ""
    return ClaimVerdict(
        finding.claim, kind, word, machine, f"{EXPERIMENTS_PAGE}#{finding.claim}", finding.evidence
    )


def _what_is_missing(claim: str) -> str:
    if claim in sources.experiments():
        return f"`uv run -m reports find {claim}`"
    return NO_TEST


def best(verdicts: Sequence[ClaimVerdict]) -> list[ClaimVerdict]:
    """Return those that say something, of trained ones those at the largest budget that says something."""
    decided = [verdict for verdict in verdicts if verdict.word != NOT_RUN]
    budgets = [budget for budget in BUDGETS if any(verdict.budget == budget for verdict in decided)]
    return [s for s in decided if s.budget in ("", *budgets[:1])]


def summary(verdicts: Sequence[ClaimVerdict]) -> str:
    """Return one word for a claim where one is enough.

    Of one kind it is that of the best verdicts if they agree, else "differs". What is said in several ways, such as a
    cost that is counted and an accuracy that is trained, stands as its weakest part does, and partly while one waits.
    """
    words = {_of_one_kind([v for v in verdicts if v.kind == kind]) for kind in {v.kind for v in verdicts}}
    if len(words) > 1 and words & {NOT_RUN, SO_FAR} and words - {NOT_RUN} <= HOLDING:
        return PARTLY
    return min(words - {NOT_RUN}, key=WEAKEST_FIRST.index, default=NOT_RUN)


def _of_one_kind(verdicts: Sequence[ClaimVerdict]) -> str:
    words = {verdict.word for verdict in best(verdicts)} or {NOT_RUN}
    return words.pop() if len(words) == 1 else DIFFERS
