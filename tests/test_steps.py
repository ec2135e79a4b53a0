"""How far a long command is: lines now and then where there is no terminal."""

import io

from lightning_modules import steps


def test_without_a_terminal_lines_come_now_and_then_with_the_time_left(monkeypatch):
    clock, said = [0.0], io.StringIO()
    monkeypatch.setattr(steps.time, "monotonic", lambda: clock[0])
    with steps.Steps(10, "of the pages made", said) as counted:
        for _ in counted.each(range(10)):
            clock[0] += 6
    assert said.getvalue().splitlines() == [
        f" {share}% of the pages made, about {left} seconds left"
        for share, left in ((20, 48), (40, 36), (60, 24), (80, 12))
    ]
    assert counted.seconds == 60


def test_long_steps_are_named_before_they_begin():
    said = io.StringIO()
    with steps.Steps(2, "of the experiments made", said, long=True) as counted:
        begun = counted.each(["one", "two"])
        assert next(begun) == "one" and said.getvalue() == "1 of 2: one\n"
        assert list(begun) == ["two"]
    assert said.getvalue() == "1 of 2: one\n2 of 2: two\n"
