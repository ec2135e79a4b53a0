"""Checks and readings of knob values that several families share; mistakes raise a ValueError of one line with the remedy."""

import math
from collections.abc import Collection

MOST_REPEATS = 10_000  # of a layer: what no machine could build, and would try for hours


def at_least(knob: str, value: int, least: int) -> None:
    if value < least:
        raise ValueError(f"{knob} {value} is too small; it must be at least {least}")


def dropout_rate(knob: str, value: float) -> None:
    if not 0 <= value < 1:
        raise ValueError(f"{knob} {value} is not in [0, 1); 0 is none")


def positive(knob: str, value: float) -> None:
    if value <= 0:
        raise ValueError(f"{knob} {value} is not positive; 1 is the paper's")


def repeats(layers: int, depth_mult: float) -> int:
    """Return d · L of EfficientNet's Equation 2, how often a layer is repeated: the next whole number, as its code has it."""
    positive("depth_mult", depth_mult)
    if depth_mult * layers > MOST_REPEATS:
        raise ValueError(
            f"depth_mult {depth_mult} repeats a layer over {MOST_REPEATS:,} times; choose a smaller"
        )
    return math.ceil(round(depth_mult * layers, 9))  # 1.1 · 10 is a hair above 11 in floating point


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
