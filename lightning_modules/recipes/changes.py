"""A recipe with other values in some fields, as a row of a study or a user asks for them."""

import difflib
import types
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Literal, get_args, get_origin

from lightning_modules.recipes.recipe import Recipe, tuples


def changed(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """The recipe with other values in some fields; a list stands for a tuple, a whole number for a float.

    Raises:
        ValueError: there is no such field, or the value isn't of its kind; in one line.
    """
    if not changes:
        return recipe
    kinds = {f.name: f.type for f in fields(recipe) if f.name not in ("source", "departures")}
    values = {}
    for name, value in changes.items():
        if name not in kinds:
            near = difflib.get_close_matches(name, kinds) or list(kinds)
            raise ValueError(f"a recipe has no {name!r}; did you mean {' or '.join(near)}?")
        value = tuples(value)
        if type(value) is int and _accepts(kinds[name], float(value)):
            value = float(value)
        if not _accepts(kinds[name], value):
            raise ValueError(f"the recipe's {name} is {_in_words(kinds[name])}, not {value!r}")
        values[name] = value
    return replace(recipe, **values)


def _accepts(kind: Any, value: Any) -> bool:
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if isinstance(kind, types.UnionType):
        return any(_accepts(one, value) for one in get_args(kind))
    return type(value) is (get_origin(kind) or kind)


def _in_words(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    if isinstance(kind, types.UnionType):
        return " or ".join("none" if one is type(None) else _in_words(one) for one in get_args(kind))
    return "a list" if get_origin(kind) is tuple else f"a {kind.__name__}"
