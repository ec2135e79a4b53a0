"""Gradients on their way back: with and without shortcuts, with and without batch normalisation (ResNet, Section 4.1).

What is looked at is the norm of the loss's gradient for the output of each block, over a batch. A network's reach is
this norm in the first third of its blocks over that in the last third (geometric means): far below one, gradients
vanish on their way back; above one, they grow. (Gradients for weights wouldn't show it: without normalisation they
are alike in all layers, since the signal that shrinks on its way back meets the one that has shrunk on its way there.)

On a run's first batch of training images, normalised by its own statistics as in training; at the initial weights and
at those that the run has ended with, where it has been run. No run trains without batch normalisation, so that is seen
at the start only.
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
from reports.verdicts.experiments import (
    CannotExperiment,
    Cell,
    Outcome,
    Setup,
    experiment,
    on_published,
    published,
    rules,
    table,
    trained,
)
from reports.verdicts.experiments.blocks import block_outputs
from reports.verdicts.experiments.published import Published
from sweeps import study as studies

STUDY, DEPTHS = "deep_vs_shallow", (20, 32, 44, 56)
# Gradients vanish if less than a hundredth of them comes back.
VANISHED = 1e-2

XAVIER, HE = "plain without BN, Xavier", "plain without BN, He"
START, END = "plain, start", "plain, end"
STARTS = {"plain": START, "resnet": "residual, start"}
ENDS = {"plain": END, "resnet": "residual, end"}


NAMES = (START, END, XAVIER, HE, STARTS["resnet"], ENDS["resnet"])
RULE = (
    f"rule: gradients vanish if in the plain network of {max(DEPTHS)} layers with batch normalisation their norm in the "
    f"first third of the blocks is less than {VANISHED:g} of that in the last third"
)


@experiment("plain.gradient_vanishes")
def gradients_vanish(setup: Setup) -> Outcome:
    """Holds if gradients vanish in the deepest plain network that is trained, at its start or at its end.

    Plain networks whose errors rise with depth have batch normalisation: there the slides and the paper disagree.
    What happens without it stands beside the verdict. The start needs no run; that they never vanish needs the end too.
    """
    variants = {(kind, depth): f"{kind}-{depth}" for depth in DEPTHS for kind in STARTS}
    try:
        runs = trained.runs(setup, STUDY, list(variants.values()))
    except CannotExperiment:
        runs = None
    norms: dict[tuple[int, str], list[list[float]]] = {}  # a seed each, a block each
    for (kind, depth), variant in variants.items():
        for configuration, run in _seeds(variant, runs):
            networks = {STARTS[kind]: trained.initial(configuration)}
            if run:
                networks[ENDS[kind]] = trained.network(run, setup)
            if kind == "plain":
                networks[XAVIER] = bare(configuration, "xavier")
                networks[HE] = bare(configuration, configuration.recipe["initialisation"])
            batch = trained.training_batch(configuration, setup)
            for name, network in networks.items():
                norms.setdefault((depth, name), []).append(gradient_norms(network.to(setup.device), *batch))
    reaches = {key: [reach(blocks) for blocks in seeds] for key, seeds in norms.items()}
    deepest = max(DEPTHS)
    evidence = [
        f"{name}, {deepest} layers: {_shown(reaches[deepest, name])}"
        for name in NAMES
        if (deepest, name) in reaches
    ]
    how = f"budget {runs.budget}" if runs else f"of the end nothing is known before {STUDY} is trained"
    return Outcome(
        judge(reaches[deepest, START], reaches.get((deepest, END), ())),
        (*evidence, f"{RULE}, at the start or at the end of the training; 95 % intervals over seeds; {how}"),
        {"tables": [_by_depth(reaches), _by_block(norms, deepest)]},
        runs.ids if runs else (),
    )


def _seeds(variant: str, runs: trained.Runs | None) -> list[tuple[Configuration, trained.Run | None]]:
    """Return a configuration of each seed, and its run if it has been trained: initial weights are of every budget."""
    if runs:
        return [(run.configuration, run) for run in runs[variant]]
    study = studies.read(STUDY)
    return [(studies.configure(study, variant, "cifar10", "paper", seed), None) for seed in study.seeds]


@on_published("plain.gradient_vanishes")
def gradients_vanish_in_published(setup: Setup) -> Outcome:
    """Holds if gradients vanish in others' deepest plain network at the end of its training."""
    networks = published.plain_and_residual(DEPTHS)
    reaches: dict[Published, float] = {}
    rows: list[list[Cell]] = []
    for network, path in zip(networks, published.files(setup, networks), strict=True):
        # One batch, as large as that of a training, and normalised by its own statistics as in training.
        (batch,) = published.images(network, setup, "train", trained.BATCH)
        norms = gradient_norms(published.load(network, path, setup), *batch)
        reaches[network] = reach(norms)
        rows.append([network.label, norms[0], norms[-1], reaches[network]])
    evidence = [
        f"{network.label}, end: the first third has {value:.2g} times the last third's"
        for network, value in reaches.items()
        if network.depth == max(DEPTHS)
    ]
    decided = [
        value < VANISHED for network, value in reaches.items() if network.name == f"plain-{max(DEPTHS)}"
    ]
    columns = ("network", "norm for the first block", "for the last block", "first third ÷ last third")
    return Outcome(
        rules.all_hold(decided),
        (*evidence, published.source(networks), f"{RULE}, at the end of the training; {published.CAUTION}"),
        {"tables": [table("Norms of the gradient for blocks' outputs, at the end", columns, rows)]},
    )


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
    """Return the norm of the loss's gradient for the output of each block of a CIFAR network, or dense layer."""
    with block_outputs(network) as outputs:
        loss = cross_entropy(network.train()(images), labels)
    # In double precision, because squares of small gradients are zero in single; zero itself has no logarithm.
    return [
        max(gradient.double().norm().item(), sys.float_info.min)
        for gradient in torch.autograd.grad(loss, outputs)
    ]


# What the finding shows


def _by_depth(reaches: dict[tuple[int, str], list[float]]) -> dict:
    names = [name for name in NAMES if (DEPTHS[0], name) in reaches]
    rows = [[depth, *(geometric_mean(reaches[depth, name]) for name in names)] for depth in DEPTHS]
    title = (
        "Gradients' norm in the first third of the blocks over the last third's (geometric mean over seeds)"
    )
    return table(title, ["layers", *names], rows)


def _by_block(norms: dict[tuple[int, str], list[list[float]]], depth: int) -> dict:
    names = [name for name in NAMES if (depth, name) in norms]
    means = [[geometric_mean(values) for values in zip(*norms[depth, name], strict=True)] for name in names]
    rows = [[block, *values] for block, values in enumerate(zip(*means, strict=True), start=1)]
    title = f"Norm of the gradient for each block's output, {depth} layers (geometric mean over seeds)"
    return table(title, ["block", *names], rows)


def _shown(reaches: Sequence[float]) -> str:
    span = f"{min(reaches):.2g} to {max(reaches):.2g}"
    return f"the first third has {geometric_mean(reaches):.2g} times the last third's ({span}, {len(reaches)} seeds)"
