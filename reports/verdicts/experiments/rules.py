"""How experiments over seeds decide: by the 95 % t-interval of their figures, a seed each, or by Welch's test."""

from collections.abc import Iterable, Sequence

from reports.verdicts import statistics

SEEDS = 3  # Of fewer, the interval says more about luck than about networks.


def above(values: Sequence[float], limit: float) -> bool | None:
    """Return whether the mean lies above the limit: True or False if the whole interval does or lies below, else None."""
    if len(values) < SEEDS:
        return None
    summary = statistics.summarise(values)
    return True if summary.low > limit else False if summary.high < limit else None


def below(values: Sequence[float], limit: float) -> bool | None:
    """Return as `above`, for the other side."""
    decided = above(values, limit)
    return None if decided is None else not decided


def higher(values: Sequence[float], than: Sequence[float]) -> bool | None:
    """Return whether the mean lies above the others' by Welch's one-sided test at 5 %: False if below by it, else None."""
    if min(len(values), len(than)) < SEEDS:
        return None
    if statistics.welch(than, values) < statistics.LEVEL:
        return True
    return False if statistics.welch(values, than) < statistics.LEVEL else None


def all_hold(decisions: Iterable[bool | None]) -> bool | None:
    """Return True if every part of a claim holds, False as soon as one doesn't, None if that isn't known."""
    decisions = list(decisions)
    if False in decisions:
        return False
    return True if decisions and all(decisions) else None


def any_holds(decisions: Iterable[bool | None]) -> bool | None:
    """Return True if one part holds, False only if none does, None if that isn't known."""
    opposite = all_hold(None if decided is None else not decided for decided in decisions)
    return None if opposite is None else not opposite


def shown(values: Sequence[float], digits: int = 2) -> str:
    """Return mean and half-width of the interval, with the number of seeds."""
    summary = statistics.summarise(values)
    spread = "" if summary.half_width is None else f" ± {summary.half_width:.{digits}f}"
    return f"{summary.mean:.{digits}f}{spread} ({summary.n})"
