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
from typing import TYPE_CHECKING, Literal, TypeVar

from reports.printed.figures import Figure
from reports.verdicts import cache, complexity, sources

if TYPE_CHECKING:
    from torch import nn

Layer = TypeVar("Layer", bound="nn.Module")
# What the networks of the two stems are built with.
IMAGENET = {"stem": "imagenet", "num_classes": 1000}
CIFAR = {"stem": "cifar", "num_classes": 10}
# Rounding errors of double precision stay far below, all else far above.
NEGLIGIBLE = 1e-9
# A printed count that is off by less is another figure, not another network.
ROUGHLY = 0.1
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


def find(claim_id: str) -> Check:
    """Return the check of a claim. Raises KeyError if nobody has written one."""
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
    """Build a network without memory, to be counted."""
    import torch

    import architectures

    with torch.device("meta"):
        return architectures.build(arch, **arguments)


def with_random_weights(arch: str, **arguments) -> "nn.Module":
    """Build a network in double precision and evaluation mode; random normalisations, statistics too; always the same."""
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
                for statistic, low, high in (
                    (module.running_mean, -0.2, 0.2),
                    (module.running_var, 0.5, 1.5),
                ):
                    if statistic is not None:
                        nn.init.uniform_(statistic, low, high)
    return network.double().eval()


def part(network: "nn.Module", path: str, kind: "type[Layer]") -> Layer:
    """Return the layer at a path, such as `conv2_x.0`. Raises TypeError if it is of another kind."""
    layer = network.get_submodule(path)
    if not isinstance(layer, kind):
        raise TypeError(f"{path} is a {type(layer).__name__}, expected a {kind.__name__}")
    return layer


def convolutions(module: "nn.Module") -> "list[nn.Conv2d]":
    """Return the convolutions in a network or a part of it, in the order of their definition."""
    from torch import nn

    return [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]


def parameters(network: "nn.Module") -> int:
    """Return the number of a network's parameters."""
    return sum(parameter.numel() for parameter in network.parameters())


def as_printed(paper: str, selects: Callable[[Figure], bool]) -> tuple[bool, str]:
    """Judge whether our counts are the selected figures of a paper (`reports.verdicts.complexity`); say which aren't."""
    rows = [row for row in complexity.rows(paper) if isinstance(row, complexity.Row) and selects(row.figure)]
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
