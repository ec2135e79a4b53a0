"""JSON that must prove itself: finite numbers alone, and fields of the types that are expected."""

import json
import math
import types
from collections.abc import Mapping
from typing import Any, get_args, get_origin

LARGEST = 1e18  # of any whole number in a record; a loss before a run diverges may be any that is finite


def loads(text: str | bytes) -> Any:
    """Return the values of a JSON text. Raises ValueError, in one line, also for numbers that no run has."""
    return json.loads(text, parse_constant=_refuse, parse_float=_finite, parse_int=_whole)


def check_type(holder: Mapping, name: str, title: str, kind: Any) -> None:
    """Raise ValueError unless `holder` has the field `name`, called `title` in the message, of that type or union."""
    if name not in holder:
        raise ValueError(f"the field '{title}' is missing")
    value = holder[name]
    kinds = tuple(get_origin(one) or one for one in get_args(kind) or (kind,))
    if float in kinds:
        kinds += (int,)
    # bool is a subclass of int: `"seed": true` must not pass for a number
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        expected = " or ".join("null" if one is types.NoneType else one.__name__ for one in kinds)
        raise ValueError(f"the field '{title}' is {value!r}, expected {expected}")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is no number that a run has")
    return number


def _whole(text: str) -> int:
    if len(text) > len(str(int(LARGEST))):
        raise ValueError(f"{text[:20]}… is no number that a run has")
    return int(text)
