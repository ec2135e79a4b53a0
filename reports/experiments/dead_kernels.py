"""Depthwise kernels of MobileNet v1 (arXiv 1704.04861) that training has taken to zero.

A kernel counts as zero if its norm is below a twentieth of what is usual in its layer at the start: the root mean
square of the norms there. At the start hardly any kernel is: nine normal draws are seldom all that small.
"""

from collections.abc import Sequence
from statistics import mean
from typing import TYPE_CHECKING

from reports.experiments import Outcome, Place, experiment, rules, table, trained

if TYPE_CHECKING:
    from torch import Tensor, nn

STUDY, VARIANT = "mobilenet_width", "1.0"
ZERO = 0.05
MANY = 0.1  # of all depthwise kernels


@experiment("mobilenet.dead_depthwise")
def kernels_become_zero(place: Place) -> Outcome:
    """Holds if training takes many kernels to zero; undecided while the kernels are still much as they were drawn."""
    budget, runs = trained.runs(place, STUDY, [VARIANT])
    start = [depthwise(trained.initial(run.configuration)) for run in runs[VARIANT]]
    end = [depthwise(trained.network(run, place).cpu()) for run in runs[VARIANT]]
    before, after = [dead(kernels, kernels) for kernels in start], list(map(dead, end, start))
    likeness = list(map(trained.resemblance, end, start))
    shares = [_percent(layers) for layers in after]
    rule = (
        f"rule: many are more than {MANY:.0%} of all kernels, and zero is a norm below {ZERO:.0%} of the root mean "
        "square in the layer at the start; 95 % intervals over seeds; undecided where the weights' correlation with "
        f"their initial ones is above {trained.RESEMBLANCE:g}"
    )
    sizes = [len(layer) for layer in start[0]]
    rows = [
        [layer, size, mean(zero.count(True) for zero in at_start), mean(zero.count(True) for zero in at_end)]
        for layer, (size, at_start, at_end) in enumerate(
            zip(sizes, zip(*before, strict=True), zip(*after, strict=True), strict=True), start=1
        )
    ]
    found = (
        f"{STUDY}/{VARIANT} on CIFAR-10, budget {budget}: {rules.shown(shares)} % of {sum(sizes):,} depthwise kernels "
        f"are zero, {rules.shown([_percent(layers) for layers in before])} % at the start"
    )
    return Outcome(
        judge(shares, likeness),
        (rule, found, f"correlation of their weights with the initial ones: {rules.shown(likeness)}"),
        {"tables": [table(TITLE, COLUMNS, rows)]},
        tuple(run.id for run in runs[VARIANT]),
    )


TITLE = "Depthwise kernels that are zero, mean over seeds"
COLUMNS = ("depthwise layer", "kernels", "zero at the start", "zero at the end")


def judge(shares: Sequence[float], likeness: Sequence[float]) -> bool | None:
    """The verdict on the shares of kernels that are zero, in percent, a seed each."""
    if any(correlation > trained.RESEMBLANCE for correlation in likeness):
        return None
    return rules.above(shares, 100 * MANY)


def depthwise(network: "nn.Module") -> "list[Tensor]":
    """The kernels of each depthwise layer in order, (maps, 1, 3, 3) each."""
    from torch import nn

    return [
        module.weight.detach()
        for module in network.modules()
        if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1
    ]


def dead(end: "Sequence[Tensor]", start: "Sequence[Tensor]") -> list[list[bool]]:
    """Of each layer, for each kernel whether it is zero."""
    found = []
    for now, drawn in zip(end, start, strict=True):
        usual = drawn.flatten(1).norm(dim=1).square().mean().sqrt()
        found.append((now.flatten(1).norm(dim=1) < ZERO * usual).tolist())
    return found


def _percent(layers: list[list[bool]]) -> float:
    kernels = [zero for layer in layers for zero in layer]
    return 100 * kernels.count(True) / len(kernels)
