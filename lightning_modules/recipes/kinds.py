"""What a field of a recipe may hold, read from its type: checked, in words, and as text on a command line."""

import types
from contextlib import suppress
from typing import Any, Literal, get_args, get_origin

LARGEST = 3.4e38  # that single precision holds

_PLAIN = {  # in words, and as help shows it
    float: ("a number in single precision", "float"),
    int: ("a whole number", "int"),
    bool: ("true or false", "true|false"),
    str: ("a word", "name"),
    dict: ("a table", "table"),
    list: ("a list", "list"),
    type(None): ("none", "none"),
}


def converted(kind: Any, value: Any) -> Any:
    """Return the value as the field holds it: a whole number for a float becomes one, a list a tuple.

    Raises:
        ValueError: the value isn't of that kind.
    """
    if get_origin(kind) is Literal:
        if value in get_args(kind):
            return value
    elif isinstance(kind, types.UnionType):
        for one in get_args(kind):
            with suppress(ValueError):
                return converted(one, value)
    elif get_origin(kind) is tuple:
        if isinstance(value, (tuple, list)):
            with suppress(ValueError):
                return tuple(map(converted, _elements(kind, len(value)), value))
    elif get_origin(kind) is dict:
        if isinstance(value, dict):
            with suppress(ValueError):
                return {key: converted(get_args(kind)[1], one) for key, one in value.items()}
    elif kind is float:
        if type(value) in (int, float) and abs(value) <= LARGEST:
            return float(value) + 0.0  # -0.0 becomes 0.0, which names the same run
    elif type(value) is kind:
        return value
    raise ValueError(f"is {in_words(kind)}, not {value!r}")


def parse(kind: Any, text: str, separator: str = ",") -> Any:
    """Return the value that a command line means: `0.5`, `true`, `none`, `norm,bias`, `conv3=0.1,conv4=0.5`.

    Raises:
        ValueError: the text means no value of that kind.
    """
    text = text.strip()
    with suppress(ValueError, KeyError):
        if isinstance(kind, types.UnionType):
            for one in get_args(kind):
                with suppress(ValueError):
                    return parse(one, text)
        elif get_origin(kind) is tuple:
            parts = text.split(separator) if text not in ("", "none") else []
            return tuple(
                parse(one, part, "=") for one, part in zip(_elements(kind, len(parts)), parts, strict=True)
            )
        elif kind in (int, float):
            return converted(kind, kind(text))
        elif kind in (bool, type(None)):
            return converted(kind, {"true": True, "false": False, "none": None}[text.lower()])
        elif text:
            return converted(kind, text)
    raise ValueError(f"is {in_words(kind)}, not {text!r}")


def as_text(value: Any, separator: str = ",") -> str:
    """Write the value as `parse` reads it."""
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return separator.join(as_text(part, "=") for part in value)
    return str(value)


def in_words(kind: Any) -> str:
    """Name what a value of the kind is, for a sentence."""
    kinds = get_args(kind)
    if get_origin(kind) is Literal:
        return f"one of {', '.join(kinds)}"
    if isinstance(kind, types.UnionType):
        return " or ".join(map(in_words, kinds))
    if get_origin(kind) is tuple:
        return f"a list, each {in_words(kinds[0])}" if ... in kinds else " and ".join(map(in_words, kinds))
    if get_origin(kind) is dict:
        return f"a table, each {in_words(kinds[1])}"
    return _PLAIN[kind][0]


def form(kind: Any, separator: str = ",") -> str:
    """Show how a value of the kind is written, for help: `float|none`, `norm|bias,…`, `name=float,…`."""
    kinds = get_args(kind)
    if get_origin(kind) is Literal:
        return "|".join(kinds)
    if isinstance(kind, types.UnionType):
        return "|".join(map(form, kinds))
    if get_origin(kind) is tuple:
        return separator.join("…" if one is ... else form(one, "=") for one in kinds)
    return _PLAIN[kind][1]


def _elements(kind: Any, length: int) -> tuple:
    """Return the kind of each of a tuple's elements. Raises ValueError if it can't have so many."""
    kinds = get_args(kind)
    if ... in kinds:
        return kinds[:1] * length
    if len(kinds) != length:
        raise ValueError(f"is {in_words(kind)}")
    return kinds
