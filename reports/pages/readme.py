"""The README's table of what the planned ablations show so far; everything else of the README is written by hand."""

import re
from collections.abc import Sequence
from pathlib import Path

from lightning_modules.record import Record
from reports.pages import programme

PATH = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- written by `uv run -m reports` -->", "<!-- end -->"


def content(records: Sequence[Record]) -> bytes:
    """Return the README with its table made anew. Raises ValueError if it has lost the marks between which that stands."""
    text = PATH.read_text(encoding="utf-8")
    table = (
        programme.decided(records).replace("](studies/", "](reports/studies/") or "Nothing is decided yet."
    )
    whole, replaced = re.subn(
        f"{BEGIN}.*?{END}", lambda _: f"{BEGIN}\n\n{table}\n\n{END}", text, flags=re.DOTALL
    )
    if replaced != 1:
        raise ValueError(f"README.md needs the marks {BEGIN} and {END} once, around its table")
    return whole.encode()
