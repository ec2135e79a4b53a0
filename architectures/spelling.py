"""Words of messages: numbers with their nouns, and the names that come near one that does not exist."""

import difflib
from collections.abc import Iterable

SHOWN = 3  # names


def number_of(count: int, noun: str) -> str:
    """Return a number and its noun, in the plural but for one: "1 epoch", "2,500 images"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def did_you_mean(word: object, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return the clause "; did you mean a, b or c?", or "; there are 34, such as a, b and c" if nothing comes near.

    cutoff: how near, from 0 to 1, as `difflib` counts; upper and lower case are alike.
    """
    names = list(known)
    spelled = {name.lower(): name for name in names}
    near = [spelled[match] for match in difflib.get_close_matches(str(word).lower(), spelled, SHOWN, cutoff)]
    if near:
        return f"; did you mean {_listed(near, 'or')}?"
    if not names:
        return "; there are none"
    such_as = f"{len(names)}, such as " if len(names) > SHOWN else ""
    return f"; there {'is' if len(names) == 1 else 'are'} {such_as}{_listed(names[:SHOWN], 'and')}"


def _listed(names: list[str], conjunction: str) -> str:
    return f" {conjunction} ".join(filter(None, (", ".join(names[:-1]), names[-1])))
