"""Gradients on their way back: with and without shortcuts, with and without batch normalisation (ResNet, Section 4.1).

What is looked at is the norm of the loss's gradient for the output of each block, over a batch. A network's reach is
this norm in the first third of its blocks over that in the last third (geometric means): far below one, gradients
vanish on their way back; above one, they grow. (Gradients for weights wouldn't show it: without normalisation they
are alike in all layers, since the signal that shrinks on its way back meets the one that has shrunk on its way there.)

On a run's first batch of training images, normalised by its own statistics as in training; at the initial weights and
at those that the run has ended with. No run trains without batch normalisation, so that is seen at the start only.
"""

import sys
from collections.abc import Sequence
from statistics import geometric_mean

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lightning_modules.configuration import Configuration
from lightning_modules.initialisation import initialise
from lightning_modules.recipes import Recipe
from reports.verdicts.experiments import Outcome, Setup, experiment, rules, table, trained
from reports.verdicts.experiments.blocks import block_outputs

STUDY, DEPTHS = "deep_vs_shallow", (20, 32, 44, 56)
# Gradients vanish if less than a hundredth of them comes back.
VANISHED = 1e-2

XAVIER, HE = "plain without BN, Xavier", "plain without BN, He"
START, END = "plain, start", "plain, end"
RESIDUAL_START, RESIDUAL_END = "residual, start", "residual, end"


@experiment("plain.gradient_vanishes")
def gradients_vanish(setup: Setup) -> Outcome:
    """Holds if gradients vanish in the deepest plain network that is trained, at its start or at its end.

    Plain networks whose errors rise with depth have batch normalisation: there the slides and the paper disagree.
    What happens without it stands beside the verdict.
    """
    plain, residual = ([f"{kind}-{depth}" for depth in DEPTHS] for kind in ("plain", "resnet"))
    runs = trained.runs(setup, STUDY, [*plain, *residual])
    norms: dict[tuple[int, str], list[list[float]]] = {}  # a seed each, a block each
    for depth, *variants in zip(DEPTHS, plain, residual, strict=True):
        for variant, start, end in zip(variants, (START, RESIDUAL_START), (END, RESIDUAL_END), strict=True):
            for run in runs[variant]:
                looked_into = {start: trained.initial(run.configuration), end: trained.network(run, setup)}
                if variant in plain:
                    looked_into[XAVIER] = bare(run.configuration, "xavier")
                    looked_into[HE] = bare(run.configuration, run.configuration.recipe["initialisation"])
                batch = trained.training_batch(run.configuration, setup)
                for name, network in looked_into.items():
                    norms.setdefault((depth, name), []).append(
                        gradient_norms(network.to(setup.device), *batch)
                    )

    reaches = {key: [reach(blocks) for blocks in seeds] for key, seeds in norms.items()}
    deepest = max(DEPTHS)
    rule = (
        f"rule: gradients vanish if in the plain network of {deepest} layers with batch normalisation their norm in "
        f"the first third of the blocks is less than {VANISHED:g} of that in the last third, at the start or at the "
        f"end of the training (the paper says that they don't); 95 % intervals of the logarithm over seeds, budget {runs.budget}"
    )
    evidence = [f"{deepest} layers, {name}: {_shown(reaches[deepest, name])}" for name in NAMES]
    return Outcome(
        judge(reaches[deepest, START], reaches[deepest, END]),
        (rule, *evidence),
        {"tables": [_by_depth(reaches), _by_block(norms, deepest)]},
        runs.ids,
    )


NAMES = (XAVIER, HE, START, END, RESIDUAL_START, RESIDUAL_END)


def judge(start: Sequence[float], end: Sequence[float]) -> bool | None:
    """Return whether gradients vanish, from the reaches at the start and at the end, a seed each."""
    vanished = [
        rules.below(np.log10(reaches).tolist(), float(np.log10(VANISHED))) for reaches in (start, end)
    ]
    if True in vanished:
        return True
    return None if None in vanished else False


def reach(blocks: Sequence[float]) -> float:
    """Return the norms in the first third of the blocks over those in the last third."""
    third = max(1, len(blocks) // 3)
    return geometric_mean(blocks[:third]) / geometric_mean(blocks[-third:])


def bare(configuration: Configuration, draw: str) -> nn.Module:
    """Return the network of a run without its batch normalisation, with initial weights of a draw of the recipes."""

    network = trained.initial(configuration)
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
    recipe = Recipe.from_hyperparameters(configuration.recipe | {"initialisation": draw})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(configuration.seed)
        initialise(network, recipe)
    return network


def gradient_norms(network: nn.Module, images: Tensor, labels: Tensor) -> list[float]:
    """Return the norm of the loss's gradient for each block's output, of a CIFAR ResNet or plain network."""

    with block_outputs(network) as outputs:
        loss = cross_entropy(network.train()(images), labels)
    # In double precision, because squares of small gradients are zero in single; zero itself has no logarithm.
    return [
        max(gradient.double().norm().item(), sys.float_info.min)
        for gradient in torch.autograd.grad(loss, outputs)
    ]


# What the finding shows


def _by_depth(reaches: dict[tuple[int, str], list[float]]) -> dict:
    rows = [[depth, *(geometric_mean(reaches[depth, name]) for name in NAMES)] for depth in DEPTHS]
    title = (
        "Gradients' norm in the first third of the blocks over the last third's (geometric mean over seeds)"
    )
    return table(title, ["layers", *NAMES], rows)


def _by_block(norms: dict[tuple[int, str], list[list[float]]], depth: int) -> dict:
    means = [[geometric_mean(values) for values in zip(*norms[depth, name], strict=True)] for name in NAMES]
    rows = [[block, *values] for block, values in enumerate(zip(*means, strict=True), start=1)]
    title = f"Norm of the gradient for each block's output, {depth} layers (geometric mean over seeds)"
    return table(title, ["block", *NAMES], rows)


def _shown(reaches: Sequence[float]) -> str:
    span = f"{min(reaches):.2g} to {max(reaches):.2g}"
    return f"the first third has {geometric_mean(reaches):.2g} times the last third's ({span}, {len(reaches)} seeds)"
