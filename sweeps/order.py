"""Which cell begins next, so that no slot is left without work at the end."""

from collections.abc import Callable, Sequence

from sweeps.study import Cell


def next_cell(
    cells: Sequence[Cell], seconds: Callable[[Cell], float], under_way: Sequence[float], slots: int
) -> Cell:
    """Return the first cell, or the longest where that, begun any later, would end after all the other work.

    cells: that may begin, in the order in which they are wanted. seconds: that a cell takes. under_way: seconds that
    each run has left, in the other slots.
    """
    first, longest = cells[0], max(cells, key=seconds)
    if slots == 1 or longest is first:
        return first
    shared_out = (sum(map(seconds, cells)) + sum(under_way)) / slots
    others_idle = len(under_way) < slots - 1
    free_next = 0 if others_idle else min(seconds(first), *under_way)
    return longest if free_next + seconds(longest) > shared_out else first
