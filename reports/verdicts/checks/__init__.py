"""Claims that need no training: each is checked on networks built without memory (meta device), or on small
ones with random weights where the claim is about what they compute.

One file a paper, which also says how the paper's printed counts are to be read (`reports.verdicts.complexity`). A check is a function without arguments that returns whether the claim holds and one line
of evidence for the report:

    @exact("densenet.params_table")
    def params_table() -> tuple[bool, str]: ...
"""

import functools
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from reports.printed.figures import Figure
from reports.verdicts import cache, complexity, sources

if TYPE_CHECKING:
    from torch import nn

# Whether the claim holds, or "sense" where what it says does and the figure printed for it differs; and the evidence.
Holds = bool | Literal["sense"]
Check = Callable[[], tuple[Holds, str]]

_checks: dict[str, Check] = {}


def exact(claim_id: str) -> Callable[[Check], Check]:
    """Register a check under the id of its claim; it runs once however many pages show its verdict."""

    def register(check: Check) -> Check:
        _checks[claim_id] = functools.cache(check)
        return check

    return register


def find(claim_id: str) -> Check | None:
    """Return the check of a claim, or None if nobody has written one."""
    if claim_id not in sources.checks():
        return None
    importlib.import_module(f"{__name__}.{sources.checks()[claim_id].stem}")
    return _checks[claim_id]


def verdict(claim_id: str) -> tuple[Holds, str] | None:
    """Return what the check of a claim says, or has said of the same code before; None without a check."""
    if claim_id not in sources.checks():
        return None
    fingerprint = sources.fingerprint(sources.of_check(claim_id))
    holds, evidence = cache.current().get("claims", claim_id, fingerprint, lambda: list(find(claim_id)()))
    return holds, evidence


def on_meta(arch: str, **arguments) -> "nn.Module":
    """A network without memory, to be counted."""
    import torch

    import architectures

    with torch.device("meta"):
        return architectures.build(arch, **arguments)


def with_random_weights(arch: str, **arguments) -> "nn.Module":
    """A network in double precision and evaluation mode; random normalisations, statistics too; always the same."""
    import torch
    from torch import nn

    import architectures

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = architectures.build(arch, **arguments)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.uniform_(module.bias, -0.2, 0.2)
                nn.init.uniform_(module.running_mean, -0.2, 0.2)
                nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.double().eval()


def as_printed(paper: str, wanted: Callable[[Figure], bool]) -> tuple[bool, str]:
    """Whether our counts are the wanted figures of a paper, as `reports.verdicts.complexity` judges; which aren't."""
    rows = [row for row in complexity.rows(paper) if row.network and wanted(row.figure)]
    failures = [
        f"{figure.table}, {figure.row_id}, {figure.metric}: printed {figure.value}, counted {row.counted:,.2f}"
        + (f" ({row.reason})" if row.reason else "")
        for row in rows
        if row.verdict not in (complexity.EXACT, complexity.CUT) and (figure := row.figure)
    ]
    if failures or not rows:
        return False, "; ".join(failures) or "no printed figure found"
    cut = sum(row.verdict == complexity.CUT for row in rows)
    several = f"all {len(rows)} printed figures are" if len(rows) > 1 else "the printed figure is"
    return True, f"{several} exact" + (f", {cut} of them cut off, not rounded" if cut else "")
