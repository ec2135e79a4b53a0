"""What the documents claim: `reports/papers/claims.toml`, one entry a claim, in our own words."""

import tomllib
from dataclasses import dataclass
from functools import cache

from architectures.spelling import did_you_mean
from reports.printed.figures import PAPERS

# exact: decided by counting or an identity; trained: over records; measured: with a stopwatch; numeric: computed
# from a network, trained or random.
KINDS = ("exact", "trained", "measured", "numeric")


@dataclass(frozen=True)
class Entry:
    """A claim. `printed` says what the documents print for it, `kinds` how it can be decided."""

    id: str
    kinds: tuple[str, ...]
    sentence: str
    printed: str
    source: str


@dataclass(frozen=True)
class Named:
    """A system that the documents name without a claim; `decided` about it: "in" or "out", `why` in Markdown."""

    system: str
    decided: str
    why: str


@cache
def _read() -> dict:
    return tomllib.loads((PAPERS / "claims.toml").read_text(encoding="utf-8"))


@cache
def entries() -> dict[str, Entry]:
    """Return all claims by id, in the order of the file."""
    return {entry["id"]: Entry(**entry | {"kinds": tuple(entry["kinds"])}) for entry in _read()["claims"]}


def named() -> list[Named]:
    """Return what the documents name without a claim, in the order of the file."""
    return [Named(**entry) for entry in _read()["named"]]


def family(prefix: str) -> str:
    """Return the name of the networks that claims of a prefix are about, as papers write it; the prefix itself without one."""
    return _read()["families"].get(prefix, prefix)


def find(claim_id: str) -> Entry:
    """Return the claim of that id. Raises ValueError, with the near misses, if the documents make none."""
    known = entries()
    if claim_id in known:
        return known[claim_id]
    raise ValueError(f"no document makes the claim {claim_id!r}{did_you_mean(claim_id, known)}")
