"""Depthwise kernels of MobileNet v1 (arXiv 1704.04861) that training has taken to zero.

A kernel counts as zero if its norm is below a twentieth of what is usual in its layer: the root mean square of the
layer's norms. Of freshly drawn kernels hardly one is: nine normal draws are seldom all that small.
"""

from collections.abc import Sequence
from statistics import mean

from torch import Tensor, nn

from reports.verdicts.experiments import CannotExperiment, Outcome, Setup, experiment, rules, table, trained

STUDY = "mobilenet_width"
# The paper's network first, then those most like it, down to those that two CPU cores can pay.
VARIANTS = ("1.0", "1.0-20px", "0.75", "0.75-20px", "0.5", "0.5-20px", "0.25", "0.25-20px")
ZERO = 0.05
MANY = 0.1  # of all depthwise kernels


@experiment("mobilenet.dead_depthwise")
def kernels_become_zero(setup: Setup) -> Outcome:
    """Holds if training takes many kernels to zero; that it doesn't, only the whole training can show."""
    runs = _runs(setup)
    (variant,) = runs.by_variant
    start = [zeros(trained.initial(run.configuration)) for run in runs[variant]]
    end = [zeros(trained.network(run, setup)) for run in runs[variant]]
    shares = [_percent(layers) for layers in end]
    rule = (
        f"rule: many are more than {MANY:.0%} of all kernels, and zero is a norm below {ZERO:.0%} of the root mean "
        "square in the layer; 95 % intervals over seeds; a training that was cut short can show it, but not refute it"
    )
    sizes = [len(layer) for layer in start[0]]
    evidence = (
        f"{rules.shown(shares)} % of {sum(sizes):,} depthwise kernels are zero, "
        f"{rules.shown([_percent(layers) for layers in start])} % at the start ({STUDY}/{variant} on CIFAR-10, "
        f"budget {runs.budget})"
    )
    counts = [
        [mean(layer.count(True) for layer in seeds) for seeds in zip(*side, strict=True)]
        for side in (start, end)
    ]
    rows = [[number, *row] for number, row in enumerate(zip(sizes, *counts, strict=True), start=1)]
    return Outcome(
        judge(shares, runs.budget),
        (evidence, rule),
        {"tables": [table(TITLE, COLUMNS, rows)]},
        runs.ids,
    )


def _runs(setup: Setup) -> trained.Runs:
    """Return the runs of the first variant with enough seeds to decide. Raises CannotExperiment if none has."""
    for variant in VARIANTS:
        try:
            runs = trained.runs(setup, STUDY, [variant])
        except CannotExperiment:
            continue
        if len(runs.ids) >= rules.SEEDS:
            return runs
    raise CannotExperiment(
        f"no variant of {STUDY} has {rules.SEEDS} finished runs with their weights in {setup.runs}; train them with "
        f"uv run run.py --study {STUDY} --variant {VARIANTS[0]} --dataset cifar10 --seed 0 --budget {trained.BUDGETS[0]} "
        "(and other seeds), or name another folder by --runs-dir"
    )


TITLE = "Depthwise kernels that are zero, mean over seeds"
COLUMNS = ("depthwise layer", "kernels", "zero at the start", "zero at the end")


def judge(shares: Sequence[float], budget: str) -> bool | None:
    """Judge the shares of kernels that are zero, in percent, a seed each."""
    many = rules.above(shares, 100 * MANY)
    return None if many is False and budget != "paper" else many


def zeros(network: nn.Module) -> list[list[bool]]:
    """Return of each depthwise layer, in order, for each kernel whether it is zero."""

    return [
        zero(module.weight.detach())
        for module in network.modules()
        if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1
    ]


def zero(kernels: Tensor) -> list[bool]:
    """Return for each kernel whether it is zero; kernels: (channels, 1, 3, 3)."""
    norms = kernels.flatten(1).norm(dim=1)
    return (norms < ZERO * norms.square().mean().sqrt()).tolist()


def _percent(layers: list[list[bool]]) -> float:
    kernels = [zero for layer in layers for zero in layer]
    return 100 * kernels.count(True) / len(kernels)
