"""What a ReLU leaves of a curve in n dimensions (MobileNetV2, arXiv 1801.04381, Figure 1 and Section 3.2).

A spiral in the plane is embedded by a random n×2 matrix T, goes through a ReLU, and is projected back by T's
pseudo-inverse. Two measures: the loss, the share of the spiral that the projection misses at its best scale, and the
share of points that collapse: where fewer than two of the n numbers are above zero, a whole line of the plane, or an
area, becomes one point, and nothing can tell its points apart.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import mean

import torch
from torch import Tensor

from reports.verdicts.experiments import Outcome, Setup, experiment, rules, table

FEW, BETWEEN, MANY = (2, 3), (5,), (15, 30)  # the figure's dimensions
POINTS, TURNS = 500, 2
DRAWS = 1_000
# "Destroys": of few dimensions more than the first share of the points collapse, of many less than the second.
DESTROYS, KEEPS = 0.25, 0.01


@experiment("mobilenetv2.relu_low_dim_loses")
def relu_needs_many_dimensions(setup: Setup) -> Outcome:
    """Holds if points collapse in few dimensions and not in many, and the loss falls with every step between."""

    generator = torch.Generator().manual_seed(0)
    dimensions = (*FEW, *BETWEEN, *MANY)
    losses_and_shares = {n: left_over(torch.randn(DRAWS, n, 2, generator=generator)) for n in dimensions}
    losses = {n: loss.tolist() for n, (loss, _) in losses_and_shares.items()}
    collapsed = {n: share.tolist() for n, (_, share) in losses_and_shares.items()}
    rows = [[n, mean(losses[n]), max(losses[n]), mean(collapsed[n]), max(collapsed[n])] for n in dimensions]
    rule = (
        f"rule: in {_listed(FEW)} dimensions more than {DESTROYS:.0%} of the points collapse, in {_listed(MANY)} less "
        f"than {KEEPS:.0%} (95 % intervals), and the loss falls from each number of dimensions to the next (Welch's "
        f"one-sided test at 5 %); {DRAWS:,} random matrices each, a spiral of {POINTS:,} points"
    )
    evidence = [
        f"{n} dimensions: {100 * mean(collapsed[n]):.2f} % of the points collapse, loss {mean(losses[n]):.3f}"
        for n in dimensions
    ]
    return Outcome(judge(losses, collapsed), (*evidence, rule), {"tables": [table(TITLE, COLUMNS, rows)]})


TITLE = f"What a ReLU in n dimensions destroys of a spiral, over {DRAWS:,} random matrices"
COLUMNS = ("n", "loss, mean", "loss, largest", "share of points that collapse, mean", "the same, largest")


def judge(losses: Mapping[int, Sequence[float]], collapsed: Mapping[int, Sequence[float]]) -> bool | None:
    """Judge the loss and the share of collapsed points of each draw, by dimensions."""
    falls = [rules.higher(losses[fewer], losses[more]) for fewer, more in pairwise(sorted(losses))]
    destroys = [rules.above(collapsed[n], DESTROYS) for n in FEW]
    keeps = [rules.below(collapsed[n], KEEPS) for n in MANY]
    return rules.all_hold([*falls, *destroys, *keeps])


def left_over(embeddings: Tensor) -> tuple[Tensor, Tensor]:
    """Return loss and share of collapsed points, from 0 to 1, (draws,) each, for matrices (draws, n, 2)."""

    angle = torch.linspace(0, TURNS * 2 * math.pi, POINTS + 1)[1:]
    spiral = angle / angle.max() * torch.stack([angle.cos(), angle.sin()])
    embedded = (embeddings @ spiral).relu()
    back = torch.linalg.pinv(embeddings) @ embedded
    # A matrix that takes the whole spiral to zero leaves nothing to scale.
    scale = (back * spiral).sum((1, 2)) / back.square().sum((1, 2)).clamp(min=1e-12)
    loss = (spiral - scale[:, None, None] * back).square().sum((1, 2)) / spiral.square().sum()
    return loss, ((embedded > 0).sum(1) < 2).float().mean(1)


def _listed(numbers: Sequence[int]) -> str:
    return " and ".join(map(str, numbers))
