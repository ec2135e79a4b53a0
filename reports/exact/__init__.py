"""Claims that need no training: each is checked on networks built without memory (meta device).

One file a family. A check is a function without arguments that returns whether the claim holds and one line
of evidence for the report:

    @exact("densenet.params_table")
    def params_table() -> tuple[bool, str]: ...
"""

import functools
import importlib
import pkgutil
from collections.abc import Callable

Check = Callable[[], tuple[bool, str]]

_checks: dict[str, Check] = {}


def exact(claim_id: str) -> Callable[[Check], Check]:
    """Register a check under the id of its claim; it runs once however many pages show its verdict."""

    def register(check: Check) -> Check:
        _checks[claim_id] = functools.cache(check)
        return check

    return register


def find(claim_id: str) -> Check | None:
    """The check of a claim, or None if nobody has written one."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return _checks.get(claim_id)
