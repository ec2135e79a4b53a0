"""A picture with the points that it shows: the two can't drift apart, for it is drawn from these points alone."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reports.verdicts import cache, sources

Points = Sequence[Mapping[str, Any]]  # rows with the same keys; an empty text where there is no value

CODE = (*sources.ROOT.glob("reports/plots/*.py"), sources.ROOT / "reports/verdicts/statistics.py")


@dataclass(frozen=True)
class Picture:
    """One picture and its data.

    `name` is the file's below `figures/`, without an ending; `alt` and `caption` are Markdown. `draw` makes the PNG
    from the points and `settings`, whatever else it needs (titles, orders: plain values, as in JSON).
    """

    name: str
    alt: str
    caption: str
    points: Points
    draw: Callable[..., bytes]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Of the PNG, below `reports/`."""
        return f"figures/{self.name}.png"

    @property
    def data_path(self) -> str:
        """Of the points, below `reports/`."""
        return f"figures/{self.name}.csv"

    def png(self) -> bytes:
        """Return the picture: the same points and settings give the same bytes.

        It is drawn unless the cache's folder has it as it was drawn by this code from these points.
        """
        known, file = cache.current(), (cache.current().folder or Path()) / self.path
        content = file.read_bytes() if known.folder and file.is_file() else b""
        if known.find("pictures", self.path, self._fingerprint()) != _digest(content):
            content = self.draw(self.points, **self.settings)
            known.keep("pictures", self.path, self._fingerprint(), _digest(content))
        return content

    def _fingerprint(self) -> str:
        source = [self.draw.__module__, self.draw.__qualname__, self.settings, self.points]
        return _digest(f"{sources.fingerprint(frozenset(CODE))} {json.dumps(source)}".encode())

    def csv(self) -> bytes:
        """Return the points, a row each."""
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self.points[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.points)
        return text.getvalue().encode()

    def files(self) -> dict[str, bytes]:
        """Make picture and data, by path below `reports/`."""
        return {self.path: self.png(), self.data_path: self.csv()}

    def markdown(self) -> str:
        """Return the picture, its caption and the link to its data, for a page in `reports/`."""
        return f"![{self.alt}]({self.path})\n\n{self.caption} [The points]({self.data_path})."


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
