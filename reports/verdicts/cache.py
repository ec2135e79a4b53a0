"""Answers that outlive a process: what the networks alone decide (counts, exact claims), and pictures.

Building, counting and drawing all that the pages show takes a minute; a fresh clone need not, because the file is
committed. Each answer stands beside a fingerprint of the code and the input that it came from, so that a change asks
anew what depends on it and nothing else. The tests count anew in any case.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

NAME = "cache.json"
KINDS = ("claims", "counts", "pictures")


class Cache:
    """Answers by kind and name, plain values as in JSON: those that a folder keeps, and those asked for since."""

    def __init__(self, folder: Path | None = None):
        self.folder = folder
        self._kept = _read(folder / NAME) if folder else {kind: {} for kind in KINDS}
        self._asked: dict[str, dict[str, list]] = {kind: {} for kind in KINDS}

    def find(self, kind: str, name: str, fingerprint: str) -> Any:
        """Return the answer if it came from this code and input, or else None."""
        for answers in (self._asked, self._kept):
            match answers[kind].get(name):
                case [str(known), answer] if known == fingerprint:
                    return self.keep(kind, name, fingerprint, answer)
        return None

    def keep(self, kind: str, name: str, fingerprint: str, answer: Any) -> Any:
        """Keep an answer, and return it."""
        self._asked[kind][name] = [fingerprint, answer]
        return answer

    def get(self, kind: str, name: str, fingerprint: str, make: Callable[[], Any]) -> Any:
        """Return the answer, made now if it isn't known."""
        known = self.find(kind, name, fingerprint)
        return self.keep(kind, name, fingerprint, make()) if known is None else known

    def content(self, only_asked: bool) -> bytes:
        """Return the file: the same bytes for the same answers, wherever they came from; a line an answer.

        only_asked: leave out what nobody has asked for, which is right where all pages are made.
        """
        answers = {
            kind: (self._asked[kind] if only_asked else self._kept[kind] | self._asked[kind])
            for kind in KINDS
        }
        parts = ",\n".join(f"{json.dumps(kind)}: {{\n{_lines(answers[kind])}}}" for kind in KINDS)
        return f"{{{parts}}}\n".encode()


_of_process = Cache()
_current: ContextVar[Cache] = ContextVar("cache")


def current() -> Cache:
    """Return the cache that is open, or the process's own, which no file keeps."""
    return _current.get(_of_process)


@contextmanager
def opened(folder: Path) -> Iterator[Cache]:
    """Answer from what the folder keeps."""
    token = _current.set(Cache(folder))
    try:
        yield _current.get()
    finally:
        _current.reset(token)


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """Return the file's answers by kind and name; a damaged or missing file has none."""
    content: Any = None
    with suppress(OSError, ValueError):
        content = json.loads(path.read_text(encoding="utf-8"))
    kinds = content if isinstance(content, dict) else {}
    return {kind: answers if isinstance(answers := kinds.get(kind), dict) else {} for kind in KINDS}


def _lines(answers: dict[str, list]) -> str:
    return ",\n".join(
        f"{json.dumps(name)}: {json.dumps(answers[name], ensure_ascii=False)}" for name in sorted(answers)
    )
