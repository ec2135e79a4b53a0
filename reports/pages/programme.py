"""The page `reports/programme.md`: what was planned before it was run, what has been decided, and what is left."""

import dataclasses
import math
import statistics as plain
from collections.abc import Mapping, Sequence

from lightning_modules.data.catalogue import DATASETS
from lightning_modules.record import Record
from reports.pages import markdown
from reports.verdicts import differences, ledger, statistics
from sweeps import programme
from sweeps.claim import Equivalence, NotWorse, Test
from sweeps.contrasts import LOOKS
from sweeps.programme import Line, Status

MEASURES = {"train_error": "training error: ", "curve_error": "test error over the epochs: "}
DECIDED = ("claim", "what was compared", "difference, points (95 % interval)", "SD", "n", "decision")
PLANNED = (
    "line",
    "runs done",
    "needed yet",
    "expected",
    "power at 3, 5, 8 seeds",
    "plan",
    "records of this plan",
)
MARKS = {"as claimed": "so far **as claimed**", "against": "so far **against**", "open": "**open**"}

ABOUT = """Every line of [`sweeps/programme.toml`](../sweeps/programme.toml) was committed before its runs, with the difference
that was expected, the smallest worth knowing, and the power to find it. Contrasts are taken between runs of one seed,
which share the order of their batches, then tested over the seeds (one-sided t-test); a claim of several parts is *as
claimed* where every part is, *against* where one is the other way round after Holm's correction. A line looks after
3, 5 and 8 seeds, at p < 0.01, 0.02 and 0.035, and stops where it is decided: in simulation 5.3 % of claims without any
effect are called true over all looks. These are trainings of 8 epochs, so they decide what holds *at this length and
size*, never what the paper printed."""

PLANS = """A plan is named by the hash of its entry, and a record holds the name of the plan that asked for it: a record of
another plan, or of none, was made for another line, or before the plan was."""

HOW = """```sh
uv run -m sweeps list --programme     # done, decided and left
uv run -m sweeps.local --programme    # runs what is needed now, at the lowest priority; can be killed and repeated
```"""


def files(records: Sequence[Record]) -> dict[str, bytes]:
    """Make the page, by its path below `reports/`."""
    by_run, lines = _by_run(records), programme.read()
    states = [programme.status(line, by_run) for line in lines]
    page = markdown.page(
        "# The programme",
        ABOUT,
        "## What it found",
        decided(records) or "No line has reached its first look yet.",
        "## Whether bf16 may stand for fp32",
        _checks(lines, by_run),
        "## The lines",
        _planned(states, by_run),
        PLANS,
        HOW,
    )
    return {"programme.md": page.encode()}


def decided(records: Sequence[Record]) -> str:
    """Make a table of every test of every line that has reached a look; empty if none has."""
    by_run, rows = _by_run(records), []
    for line in programme.read():
        state = programme.status(line, by_run)
        decisions = dict(state.decisions)
        for claim, test, parts in programme.evidence(line, by_run, state.seeds):
            rows.append(_row(line, test, parts[0], ledger.find(claim.id).sentence, MARKS[decisions[claim]]))
    return markdown.table(DECIDED, rows, right=("SD", "n")) if rows else ""


def _row(line: Line, test: Test, sample: list[float], sentence: str, decision: str) -> list[str]:
    where = f"[{line.title}](studies/{line.study}.md)"
    what = f"{where}, {DATASETS[line.dataset].title}: {MEASURES.get(test.measure, '')}{_in_words(test)}"
    spread = f"{plain.stdev(sample):.2f}" if len(sample) > 1 else "—"
    return [sentence, what, _interval(sample), spread, str(len(sample)), decision]


def _in_words(test: Test) -> str:
    """What a contrast is the difference of, less its margin; below zero, it is as claimed."""
    match test:
        case NotWorse(margin=margin):
            return f"{differences.in_words(test)} less {margin:g}"
        case Equivalence(margin=margin):
            return f"{differences.in_words(test)}, either way, less {margin:g}"
    return differences.in_words(test)


def _interval(sample: Sequence[float]) -> str:
    if len(sample) < 2:
        return "—"
    summary = statistics.summarise(sample)
    return f"{summary.mean:+.2f} ({summary.low:+.2f} to {summary.high:+.2f})".replace("-", "−")


def _checks(lines: Sequence[Line], by_run: Mapping[str, Record]) -> str:
    """Runs in fp32 beside those of the same seeds in the study's arithmetic."""
    rows = []
    for line in (line for line in lines if line.precision):
        other = dataclasses.replace(line, precision=None)
        pairs = [
            (by_run[a.run_id].error, by_run[b.run_id].error)
            for a, b in zip(line.cells(line.seeds), other.cells(line.seeds), strict=True)
            if a.run_id in by_run and b.run_id in by_run
        ]
        name = f"`{line.study}`, `{line.variants[0]}`"
        if len(pairs) < 2:
            rows.append([name, str(len(pairs)), "—", "—", "not run yet"])
            continue
        gaps = [theirs - ours for ours, theirs in pairs]
        spread = plain.stdev([ours for ours, _ in pairs])
        shift = abs(math.fsum(gaps) / len(gaps))
        word = (
            "bf16 may stand for fp32"
            if shift <= spread
            else "the arithmetic shifts the error: not to be used"
        )
        rows.append([name, str(len(pairs)), _interval(gaps), f"{spread:.2f}", word])
    columns = ("network", "pairs", "bf16 less fp32, points (95 % interval)", "SD between seeds, fp32", "so")
    return markdown.table(columns, rows, right=("pairs",))


def _planned(states: Sequence[Status], by_run: Mapping[str, Record]) -> str:
    rows = []
    for state in states:
        line = state.line
        expected = (
            f"{line.effect:+.1f} ± {line.spread:g}".replace("-", "−") if line.claims else "fills or checks"
        )
        runs = [
            by_run[c.run_id] for c in line.cells(line.seeds or tuple(range(max(LOOKS)))) if c.run_id in by_run
        ]
        rows.append([
            line.title, str(state.done), str(len(state.missing)) if state.missing else "ended", expected,
            ", ".join(f"{power:.2f}" for power in line.power) or "—", f"`{line.plan}`",
            f"{sum(run.plan == line.plan for run in runs)} of {len(runs)}",
        ])  # fmt: skip
    return markdown.table(PLANNED, rows, right=("runs done", "needed yet"))


def _by_run(records: Sequence[Record]) -> dict[str, Record]:
    return {record.run_id: record for record in records}
