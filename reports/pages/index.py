"""The first page, `reports/index.md`: what holds, what doesn't, what isn't known and how to find out."""

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from lightning_modules.data.catalogue import DATASETS
from lightning_modules.record import Record
from reports.pages import markdown, programme, provenance
from reports.pages.claims import evidence, linked, where
from reports.verdicts import by_claim, ledger
from reports.verdicts.by_claim import NO_TEST, ClaimVerdict, Collated
from reports.verdicts.words import (
    CONTRADICTED,
    INCONCLUSIVE,
    MARKS,
    NOT_RUN,
    OPEN,
    PARTLY,
    REPRODUCED,
    SENSE,
    SO_FAR,
    SO_FAR_AGAINST,
)
from sweeps import study as studies

KINDS = {
    "exact": "counted, or an identity",
    "numeric": "computed from networks",
    "measured": "timed",
    "trained": "trained",
}

REDUCED = (
    "Whole data set, 8 epochs, networks cut to what two CPU cores can pay: what holds at this length and size. The plan was "
    "committed before its runs; a difference below zero is as claimed. [How it was planned and decided](programme.md)."
)

PAGES = """- [The programme](programme.md): what was planned before it was run, what it found, and what is left.
- [Every claim](claims.md), its verdicts and the evidence for them.
- [The papers' tables](tables.md) as they print them, ours under every row.
- [All figures](figures.md), each with its data; error against cost over all families.
- [Experiments](experiments.md): what was timed and what was looked for in networks, by machine.
- [Every printed count, counted again](complexity.md): parameters, multiply-adds, sizes and layers of every paper.
- [The papers' architecture tables](architectures.md), made from the networks.
- [Glossary](glossary.md): the words and symbols of these pages."""

SHORTENED = (
    "At `mini`, 8 epochs, and at `short`, 30, the schedule compressed to them. An effect that is there, or isn't, after "
    "so short a training isn't one of the paper's: these verdicts hold at that length."
)

REGENERATE = """## How to regenerate

```sh
uv run -m reports            # all pages and figures from the records
uv run -m reports --check    # is what is committed up to date?
```"""


def files(
    collated: Collated,
    verdicts: Mapping[str, Sequence[ClaimVerdict]],
    records: Sequence[Record],
    warnings: Sequence[str],
) -> dict[str, bytes]:
    """Make the index, by its path below `reports/`; `verdicts` are all claims, `warnings` what had to be left out."""
    page = markdown.page(
        "# Results",
        "What the papers claim, rerun: printed figures beside ours, a verdict on every claim, and every figure "
        "traceable to its runs.",
        _ablations(records),
        PAGES,
        "## How many claims stand where",
        _counts(collated, verdicts),
        _what_counts(collated),
        _unlike_devices(collated),
        "## What holds, beyond counting",
        _listed(verdicts, (REPRODUCED, SENSE), lambda verdict: verdict.kind != "exact"),
        "## What doesn't hold",
        _listed(verdicts, (CONTRADICTED,)),
        "## What has been tried and isn't decided",
        _listed(verdicts, (INCONCLUSIVE, PARTLY)),
        "## What shortened trainings show so far",
        SHORTENED,
        _listed(verdicts, (SO_FAR, SO_FAR_AGAINST, OPEN)),
        "## What isn't known, and how to find out",
        _unknown(collated, verdicts),
        "## Studies",
        _studies(collated),
        "Runs done of runs declared. Only the budget `paper` follows the printed recipe to its end; `short`, `mini` and "
        "`smoke` cut it, and their figures stand in tables of their own. `smoke`, which shows that the path works, stands "
        "on a page only where nothing larger has been run, and no claim is judged by it.",
        _left_out(warnings),
        REGENERATE,
    )
    return {"index.md": page.encode()}


def _ablations(records: Sequence[Record]) -> str:
    """What the programme of reduced trainings has found; empty before its first look."""
    table = programme.decided(records)
    return f"## What the planned ablations show so far\n\n{REDUCED}\n\n{table}" if table else ""


def _counts(collated: Collated, verdicts: Mapping[str, Sequence[ClaimVerdict]]) -> str:
    """Claims by how they are decided and by verdict; a claim of two kinds counts under both."""
    rows: list[list] = []
    for kind, words in KINDS.items():
        of_kind = [of_claim for of_claim in verdicts.values() if any(v.kind == kind for v in of_claim)]
        for budget in studies.BUDGETS if kind == "trained" else ("",):
            title = f"{words}, budget `{budget}`" if budget else words
            if budget == "smoke" or not _any_run(collated, budget):
                continue
            rows.append([title, len(of_kind), *_by_word(of_kind, kind, budget)])
    columns = ["decided how", "claims", *(f"{mark} {word}" for word, mark in MARKS.items())]
    shown = [
        i for i in range(len(columns)) if any(row[i] for row in rows)
    ]  # words that nothing has are left out
    kept = [columns[i] for i in shown]
    return markdown.table(kept, [[str(row[i]) for i in shown] for row in rows], right=kept[1:])


def _any_run(collated: Collated, budget: str) -> bool:
    """Whether anything is known at a budget; the paper's stands in any case."""
    return budget in ("", "paper") or any(
        result.budget == budget and result.records
        for _, results, _ in collated.values()
        for result in results
    )


def _by_word(claims: Sequence[Sequence[ClaimVerdict]], kind: str, budget: str) -> list[int]:
    counted = Counter(
        by_claim.summary([v for v in of_claim if (v.kind, v.budget) == (kind, budget)]) for of_claim in claims
    )
    return [counted[word] for word in MARKS]


def _what_counts(collated: Collated) -> str:
    total = len(ledger.entries())
    text = f"{total} claims in all; one that is decided in two ways counts twice. "
    records = [
        record for _, results, _ in collated.values() for result in results for record in result.records
    ]
    if not any(record.budget == "paper" for record in records):
        text += (
            "**No run has followed a paper's recipe to its end yet**: verdicts at `mini` and `short` say how a compressed "
            "training ends, not that a printed figure is right or wrong."
        )
    return text


def _unlike_devices(collated: Collated) -> str:
    """Where runs on unlike numbers of devices stand side by side; empty where there are none."""
    mixed = [
        f"[{study.title}](studies/{study.name}.md), {DATASETS[dataset].title}, `{result.budget}`"
        for study, results, _ in collated.values()
        for result in results
        for dataset in study.datasets
        if provenance.unlike_devices(result, dataset)
    ]
    if not mixed:
        return ""
    return (
        "**Runs on unlike numbers of devices are mixed** in these tables, which say where: batch normalisation sees what a "
        f"device computes at a time. {'; '.join(mixed)}."
    )


def _listed(
    verdicts: Mapping[str, Sequence[ClaimVerdict]],
    words: Sequence[str],
    selects: Callable[[ClaimVerdict], bool] = lambda verdict: True,
) -> str:
    """Verdicts of these words, a line for each claim and place, in the order of the words."""
    rows = []
    for word, (claim, of_claim) in itertools.product(words, verdicts.items()):
        for verdict in of_claim:
            if verdict.word == word and selects(verdict):
                sentence = " ".join(filter(None, [ledger.find(claim).sentence, verdict.tested]))
                how = ": ".join(filter(None, [KINDS[verdict.kind], where(verdict)]))
                rows.append(
                    [f"{MARKS[word]} {linked(claim)}", sentence, how, _first(evidence(verdict), claim)]
                )
    return (
        markdown.table(("claim", "sentence", "decided how and where", "evidence"), rows)
        if rows
        else "Nothing yet."
    )


def _first(lines: Sequence[str], claim: str) -> str:
    """The first line of evidence that isn't the rule by which is decided, and where the others are."""
    results = [line for line in lines if not line.startswith("rule: ")]
    more = f" … ([and {len(results) - 1} more](claims.md#{claim}))"
    return results[0] + more if len(results) > 1 else "".join(results)


def _unknown(collated: Collated, verdicts: Mapping[str, Sequence[ClaimVerdict]]) -> str:
    waiting = {
        claim: of_claim[0] for claim, of_claim in verdicts.items() if {v.word for v in of_claim} == {NOT_RUN}
    }
    untested = [claim for claim, verdict in waiting.items() if verdict.evidence == (NO_TEST,)]
    experiments = [claim for claim, verdict in waiting.items() if not verdict.page and claim not in untested]
    missing = sum(result.declared for _, results, _ in collated.values() for result in results)
    missing -= sum(len(result.records) for _, results, _ in collated.values() for result in results)
    studied = len(waiting) - len(untested) - len(experiments)
    runs = (
        f"{studied} claims wait for the runs of their studies, {missing:,} in all. `uv run -m sweeps list --costs` says "
        "what they would take on your machine, `uv run -m sweeps.local STUDY` or `uv run wandb sweep sweeps/STUDY.yaml` "
        "makes them."
    )
    lines = [runs]
    if experiments:
        lines.append(
            f"`uv run -m reports find` makes the experiments of {', '.join(map(linked, experiments))}."
        )
    if untested:
        lines.append(f"No test is written for {', '.join(map(linked, untested))}.")
    return markdown.bullets(lines)


def _studies(collated: Collated) -> str:
    rows = []
    for study, results, _ in collated.values():
        done = {result.budget: f"{len(result.records)}/{result.declared}" for result in results}
        row = (done.get(budget, "—") for budget in studies.BUDGETS)
        rows.append([f"[{study.title}](studies/{study.name}.md)", *row])
    return markdown.table(("study", *studies.BUDGETS), rows, right=studies.BUDGETS)


def _left_out(warnings: Sequence[str]) -> str:
    return (
        f"## Records left out\n\n{markdown.bullets(list(map(markdown.escaped, warnings)))}"
        if warnings
        else ""
    )
