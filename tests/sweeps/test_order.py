"""The order in which a launcher begins cells: as wanted, but no long one last."""

import random

import pytest

from sweeps.order import next_cell
from sweeps.study import Cell


def cell(name: str) -> Cell:
    return Cell("made", name, "cifar10", "mini", 0, name)


def ended(lengths: dict[str, float], slots: int, choose=next_cell) -> tuple[float, list[str]]:
    """Let slots take cells; return when the last one ends, and in which order they began."""
    waiting, begun, now = [cell(name) for name in lengths], [], 0.0
    free = [0.0] * slots
    while waiting:
        now = min(free)
        under_way = [time - now for time in free if time > now]
        chosen = choose(waiting, lambda one: lengths[one.variant], under_way, slots)
        waiting.remove(chosen)
        begun.append(chosen.variant)
        free[free.index(now)] = now + lengths[chosen.variant]
    return max(free), begun


def test_a_long_one_begins_in_time():
    lengths = {"a": 1.0, "b": 1.0, "c": 1.0, "d": 1.0, "long": 4.0}
    assert ended(lengths, 2) == (4.0, ["a", "long", "b", "c", "d"])


def test_the_order_is_kept_as_long_as_nothing_is_lost():
    lengths = {"a": 1.0, "long": 2.0, "b": 1.0, "c": 1.0, "d": 1.0, "e": 1.0, "f": 1.0}
    assert ended(lengths, 1)[1] == list(lengths)
    last, begun = ended(lengths, 2)
    assert last == 4.0 and begun[:2] == ["a", "long"]
    alike = dict.fromkeys("abcdefgh", 1.0)
    assert ended(alike, 3)[1] == list("abcdefgh")


@pytest.mark.parametrize("slots", [2, 3, 8])
def test_no_slot_waits_long_at_the_end(slots):
    """Over random lengths: a third at most of what is lost in the order given, against the least time that there can be."""
    draw = random.Random(0)
    late, late_in_order = [], []
    for _ in range(200):
        lengths = {
            str(i): draw.choice([1.0, 2.0, 5.0, 13.0]) * draw.uniform(0.8, 1.2) for i in range(5 * slots)
        }
        least = max(sum(lengths.values()) / slots, *lengths.values())
        late.append(ended(lengths, slots)[0] / least - 1)
        in_order = ended(lengths, slots, lambda cells, *_: cells[0])
        late_in_order.append(in_order[0] / least - 1)
    assert sum(late) < sum(late_in_order) / 3
