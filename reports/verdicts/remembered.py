"""What the networks alone decide, kept from one `python -m reports` to the next: counts, and the exact claims.

Building and counting the several hundred networks of all pages takes a minute; a fresh clone need not, because the
file is committed (`reports/counted.json`) with a fingerprint of the code that it came from. Other code counts anew.
The tests count anew in any case.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from reports.verdicts import complexity, exact

NAME = "counted.json"
ROOT = Path(__file__).parents[2]
# What decides the counts of a network, and what decides an exact claim besides.
NETWORKS = ("architectures/**/*.py",)
CLAIMS = (
    *NETWORKS,
    *("lightning_modules/initialisation.py", "lightning_modules/recipes/*.py"),
    *(
        "reports/printed/*.py",
        "reports/verdicts/complexity/*.py",
        "reports/verdicts/exact/*.py",
        "reports/papers/*.csv",
    ),
)


class Remembered:
    """What has been counted and checked since the beginning, as the content of the file."""

    def content(self) -> bytes:
        """The same for the same pages, wherever the counts came from; a line a network, a line a claim."""
        counts = {name: asdict(complexity.KNOWN[name]) for name in sorted(complexity.USED)}
        claims = {claim: list(exact.KNOWN[claim]) for claim in sorted(exact.KNOWN)}
        parts = (("counts", NETWORKS, counts), ("claims", CLAIMS, claims))
        lines = ",\n".join(
            f'"{part}": {{"code": "{fingerprint(code)}", "of": {{\n'
            + ",\n".join(
                f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in of.items()
            )
            + "}}"
            for part, code, of in parts
        )
        return f"{{{lines}}}\n".encode()


@contextmanager
def facts(file: Path) -> Iterator[Remembered]:
    """Take what the file holds, if it came from the present code."""
    from architectures.counting import Counts

    complexity.USED.clear()
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["counts"]["code"] == fingerprint(NETWORKS):
            complexity.KNOWN.update({name: Counts(**parts) for name, parts in kept["counts"]["of"].items()})
        if kept["claims"]["code"] == fingerprint(CLAIMS):
            exact.KNOWN.update({claim: (bool(v[0]), str(v[1])) for claim, v in kept["claims"]["of"].items()})
    yield Remembered()


def fingerprint(patterns: tuple[str, ...], root: Path = ROOT) -> str:
    """Changes with the name or the content of any file that matches."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in patterns for path in root.glob(pattern)):
        digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()
