"""Finished runs: their records, read, checked, collected, and as pandas DataFrames (`runs.frame()`)."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def frame() -> "pd.DataFrame":
    """Return all runs, the committed and this machine's, a row each (see `reports.runs.frames`)."""
    from reports.runs import frames  # pandas takes a second to import

    return frames.frame()
