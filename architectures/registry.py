"""The catalogue of architectures: which there are, which knobs they have, and how to build one.

An architecture is a function in a file of this folder, decorated with `@register`; nothing else has to be
edited to add one. Blocks that several families share are in `layers/`, which isn't searched. The catalogue is
read from the source text (`architectures.signatures`), so listing it imports neither a family nor torch. A
family is imported only when `build` calls one of its functions.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from architectures.signatures import Architecture, Knob, Stem, read_family
from architectures.spelling import did_you_mean

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Architecture", "Knob", "Stem", "build", "catalogue", "find", "register", "resolve"]

PACKAGE = "architectures"
Builder = TypeVar("Builder", bound=Callable[..., Any])


def register(
    *, cifar: Mapping | None = None, imagenet: Mapping | None = None, later: Sequence[str] = ()
) -> Callable[[Builder], Builder]:
    """Mark a function as an architecture, built as `function(*, stem, num_classes, **knobs) -> nn.Module`.

    A stem exists for the architecture when its keyword is given; the mapping holds the paper's values of the
    knobs whose default depends on the stem. later: knobs that were added after the first records had been committed;
    their defaults mean what runs did before. The mark is read from the source, so the values must be literals.
    """
    return lambda builder: builder


def catalogue(folders: Sequence[str] | None = None) -> dict[str, Architecture]:
    """Return every architecture by name, sorted; read from this package's folders unless others are given.

    Raises:
        ValueError: a file can't be read as the rules say, or a name is registered twice.
    """
    if folders is None:
        folders = importlib.import_module(PACKAGE).__path__
    return dict(_read(tuple(str(folder) for folder in folders)))


@lru_cache
def _read(folders: tuple[str, ...]) -> dict[str, Architecture]:
    by_name: dict[str, Architecture] = {}
    for path in sorted(path for folder in folders for path in Path(folder).glob("*.py")):
        for architecture in read_family(path):
            if architecture.name in by_name:
                other = by_name[architecture.name].family
                raise ValueError(
                    f"architecture {architecture.name!r} is registered in {other}.py and in {path.name}; "
                    "rename one of them"
                )
            by_name[architecture.name] = architecture
    return dict(sorted(by_name.items()))


def find(name: str) -> Architecture:
    """Return the architecture of that name.

    Raises:
        ValueError: there is none; the message names the near misses.
    """
    known = catalogue()
    if name not in known:
        raise ValueError(f"unknown architecture {name!r}{did_you_mean(name, known)}")
    return known[name]


def resolve(name: str, stem: str, knobs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the knobs of the architecture, in declared order: the given values and the stem's defaults.

    A knob that came later is left out at its default, so that older runs, whose ids are made from all knobs, keep
    theirs. Names and types are checked here; what a value may be in range is the builder's to say.

    Raises:
        ValueError: unknown architecture, stem or knob, or a value of the wrong type.
    """
    architecture = find(name)
    if stem not in architecture.stems:
        raise ValueError(f"{name} has no stem {stem!r}; choose from: {', '.join(architecture.stems)}")
    for knob in knobs:
        if knob not in architecture.knobs:
            raise ValueError(f"{name} has no knob {knob!r}{did_you_mean(knob, architecture.knobs)}")
    values = (
        (knob, knob.check(knobs[knob.name]) if knob.name in knobs else knob.default_for(stem))
        for knob in architecture.knobs.values()
    )
    return {
        knob.name: value for knob, value in values if not (knob.later and value == knob.default_for(stem))
    }


def build(name: str, *, stem: str, num_classes: int, **knobs: Any) -> "nn.Module":
    """Build a network with torch's default initialisation (a recipe applies its own).

    The network maps images (N, 3, H, W) to logits (N, num_classes).

    Raises:
        ValueError: as `resolve`, or a value that the builder refuses.
    """
    resolved = resolve(name, stem, knobs)
    if isinstance(num_classes, bool) or not isinstance(num_classes, int) or num_classes < 1:
        raise ValueError(f"{name}: num_classes is {num_classes!r}; it must be a whole number of at least 1")
    family = importlib.import_module(f"{PACKAGE}.{find(name).family}")
    builder = getattr(family, name)
    try:
        return builder(stem=stem, num_classes=num_classes, **resolved)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    except (RuntimeError, OverflowError) as error:  # larger than any memory
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{name} can't be built with these knobs: {reason}") from error
