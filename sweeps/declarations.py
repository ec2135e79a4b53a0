"""Dataclasses from TOML tables: what is unknown, missing or of another type is refused in one line."""

from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_args, get_origin

from architectures.spelling import did_you_mean
from lightning_modules.recipes.kinds import converted


def build(kind: type, declared: Any) -> Any:
    """Return the dataclass `kind` of a table, its lists as tuples; a tuple of dataclasses is a list of such tables.

    Raises ValueError for an unknown key, a missing one, or a value that isn't of the field's type.
    """
    title = kind.__name__.lower()
    value_of(dict, declared, title)
    if named := declared.get("name", declared.get("id")):
        title = f"{title} {named!r}"
    known = {field.name: field for field in fields(kind)}
    for key in declared:
        if key not in known:
            raise ValueError(f"unknown key {key!r} in {title}{did_you_mean(key, known)}")
    for key, field in known.items():
        if key not in declared and field.default is field.default_factory is MISSING:
            raise ValueError(f"{title} lacks {key}")
    return kind(
        **{key: value_of(known[key].type, value, f"{key} of {title}") for key, value in declared.items()}
    )


def unique(values: tuple, title: str) -> None:
    """Raise ValueError if there is no value at all, or one twice. title: plural noun for the message."""
    if not values:
        raise ValueError(f"{title} is empty; name at least one")
    if repeated := [value for value in values if values.count(value) > 1]:
        raise ValueError(f"{title} has {repeated[0]!r} twice")


def value_of(kind: Any, value: Any, title: str) -> Any:
    """Return the value as a field of that type holds it. Raises ValueError, which begins with `title`."""
    if get_origin(kind) is tuple and isinstance(part := get_args(kind)[0], type) and is_dataclass(part):
        return tuple(build(part, item) for item in value_of(list, value, title))
    try:
        return converted(kind, value)
    except ValueError as error:
        raise ValueError(f"{title} {error}") from None
