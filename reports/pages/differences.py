"""The table of what a study compares: every difference, ours, the papers' and other people's."""

from collections.abc import Sequence

from reports.pages import markdown
from reports.verdicts import differences
from reports.verdicts.differences import Difference, signed
from reports.verdicts.results import Results
from reports.verdicts.trained import MEASURES
from sweeps.contrasts import LOOKS, detectable

# Standard deviation of a difference between seeds, in points, where a study has none yet: two networks of 0.2 each.
ASSUMED_SPREAD = 0.3
POWER = 0.8
COLUMNS = (
    "difference", "ours, points (95 % interval)", "in SDs", "n", "P(below zero), seeds", "interval by the pooled SD",
    "printed", "margin", "by others",
)  # fmt: skip
SIGN = "Below zero is as claimed."
HOW_TO_READ = (
    "Differences are taken between runs of one seed, which share their batches; P is the share of "
    "these pairs below zero. The pooled SD is what seeds change beyond the effects of row and seed, over all rows."
)


def section(results: Results, dataset: str) -> str:
    """Make the table of all differences of which anything is known, ours or printed; empty if there is none."""
    of_study = differences.of_study(results, dataset)
    known = [d for d in of_study if d.seeds or d.printed is not None]
    if not known:
        return ""
    columns, rows = markdown.without_empty(COLUMNS, [_row(difference) for difference in known])
    table = markdown.table(columns, rows, right=columns[1:-1] if columns[-1] == COLUMNS[-1] else columns[1:])
    if not any(difference.seeds > 1 for difference in known):
        return f"{table}\n\n{SIGN}"
    return "\n\n".join(filter(None, [table, f"{SIGN} {HOW_TO_READ}", before_the_runs(results, of_study)]))


def before_the_runs(results: Results, of_study: Sequence[Difference]) -> str:
    """Say what the declared seeds can find, where some have not been run; empty where all have."""
    seeds = len(results.study.seeds)
    in_points = [d for d in of_study if d.test.measure != "epochs_to_25"]
    if seeds < 2 or all(difference.seeds >= seeds for difference in in_points):
        return ""
    spreads = sorted(d.spread for d in in_points if d.seeds > 1 and results.budget != "smoke")
    spread = spreads[len(spreads) // 2] if spreads else ASSUMED_SPREAD
    basis = "the median so far" if spreads else "assumed"
    level = LOOKS.get(seeds, LOOKS[min(LOOKS)])
    return (
        f"What {seeds} seeds can find: a difference of {detectable(spread, seeds, level, POWER):.1f} points or more in "
        f"{POWER:.0%} of cases, at p < {level:g}, where its SD between seeds is {spread:.2f} points ({basis})."
    ).replace("80%", "80 %")


def in_words(difference: Difference) -> str:
    """Return what is the difference of what, with its measure where that isn't the test error."""
    measure = MEASURES.get(difference.test.measure)
    return f"{f'{measure}: ' if measure else ''}{differences.in_words(difference.test)}"


def by_others(difference: Difference) -> str:
    """Return other people's votes on a difference of two rows; empty without any pair."""
    return str(difference.votes or "").removeprefix("others: ")


def _row(difference: Difference) -> list[str]:
    several, margin = difference.seeds > 1, getattr(difference.test, "margin", None)
    below = difference.share_below if difference.seeds else 0
    return [
        in_words(difference),
        str(difference),
        signed(difference.mean / difference.spread, 1) if several and difference.spread else "—",
        str(difference.seeds or "—"),
        f"{below:.2f} ({below * difference.seeds:g} of {difference.seeds})" if several else "—",
        f"{signed(difference.mean - difference.pooled)} to {signed(difference.mean + difference.pooled)}"
        if difference.pooled is not None
        else "—",
        "—" if difference.printed is None else signed(difference.printed),
        "—" if margin is None else f"{margin:g}",
        by_others(difference) or "—",
    ]  # fmt: skip
