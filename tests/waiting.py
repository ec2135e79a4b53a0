"""Waiting for what another process does: until it has happened, but never for ever."""

import time
from collections.abc import Callable

POLL_SECONDS = 0.01


def wait_until(
    happened: Callable[[], object], seconds: float = 300, explain: Callable[[], str] | None = None
) -> None:
    """Return as soon as `happened()` is true. Raises AssertionError, with what `explain` says, after so many seconds."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, explain() if explain else "it didn't happen in time"
        time.sleep(POLL_SECONDS)
