"""Checks of knob values that several families share; each raises a ValueError of one line with the remedy."""

from collections.abc import Collection


def at_least(knob: str, value: int, least: int) -> None:
    if value < least:
        raise ValueError(f"{knob} {value} is too small; it must be at least {least}")


def dropout_rate(knob: str, value: float) -> None:
    if not 0 <= value < 1:
        raise ValueError(f"{knob} {value} is not in [0, 1); 0 is none")


def positive(knob: str, value: float) -> None:
    if value <= 0:
        raise ValueError(f"{knob} {value} is not positive; 1 is the paper's")


def one_of(knob: str, value: int, allowed: Collection[int]) -> None:
    if value not in allowed:
        raise ValueError(f"{knob} {value} is not one of {', '.join(map(str, sorted(allowed)))}")


def blocks_per_stage(depth: int, per_block: int, outside: int) -> int:
    """Return n of a depth that is per_block · n + outside, as in CIFAR networks (6n + 2, 3n + 4, …)."""
    n, rest = divmod(depth - outside, per_block)
    if rest == 0 and n >= 1:
        return n
    form = f"depth {depth} is not {per_block}n + {outside}"
    if n < 1:
        raise ValueError(f"{form}; the smallest is {per_block + outside}")
    raise ValueError(f"{form}; the nearest are {per_block * n + outside} and {per_block * (n + 1) + outside}")
