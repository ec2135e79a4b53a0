"""Counts kept from one `python -m reports` to the next, for as long as the code of the networks is the same.

Building and counting the several hundred networks of all pages takes half a minute. The tests count anew.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import architectures
from reports import complexity, files


@contextmanager
def counts(file: Path) -> Iterator[None]:
    """Take the counts that `file` holds, and leave there what has been counted by the end."""
    from architectures.counting import Counts

    code = fingerprint(Path(architectures.__file__).parent)
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["code"] == code:
            complexity.KNOWN.update({name: Counts(**parts) for name, parts in kept["counts"].items()})
    known = len(complexity.KNOWN)
    yield
    if len(complexity.KNOWN) > known:
        parts = {name: asdict(counted) for name, counted in complexity.KNOWN.items()}
        files.write(file, json.dumps({"code": code, "counts": parts}).encode())


def fingerprint(folder: Path) -> str:
    """Changes with any file of the folder, and with torch."""
    digest = hashlib.sha256(version("torch").encode())
    for path in sorted(folder.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
