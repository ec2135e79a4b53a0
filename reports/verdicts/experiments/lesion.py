"""Networks that lose a part after their training (Veit, Wilber, Belongie, arXiv 1605.06431, Section 4.1).

A residual network loses the branch of one block, so that the block's shortcut alone is left; the plain network of the
same depth loses the second layer of one block, around which all shapes agree. Nothing is trained again. The measure
is the share lost of what a network has learned: how much its error rises, over how far it is below chance.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from statistics import median

import torch
from torch import Tensor, nn

from architectures.resnet import ResidualBlock
from reports.verdicts.experiments import (
    Outcome,
    Setup,
    experiment,
    on_published,
    published,
    rules,
    table,
    trained,
)
from reports.verdicts.experiments.blocks import residual_blocks
from reports.verdicts.experiments.passes import deployed
from reports.verdicts.experiments.timing import tally

STUDY, DEPTHS = "deep_vs_shallow", (20, 56)
IMAGES = 1_000
CHANCE = 90.0  # error of a guess among ten classes, in percent
# A network that errs more has too little to lose.
LEARNED = 80.0
# "Little" is less than the first share, "fails" more than the second. Of the middle one of all blocks or layers: Veit
# et al. except the few blocks that halve the resolution.
LITTLE, MOST = 0.25, 0.75


@dataclass(frozen=True)
class Lesions:
    """Errors in percent: of the whole network, and without each of its parts, in their order."""

    whole: float
    without: tuple[float, ...]

    @property
    def share_lost(self) -> float:
        """Of what was learned, by the loss of the middle one of the parts; nan if nothing was."""
        return (median(self.without) - self.whole) / (CHANCE - self.whole) if self.learned else math.nan

    @property
    def learned(self) -> bool:
        return self.whole < LEARNED


RULE = (
    f"rule: without the middle one of its parts a residual network loses less than {LITTLE:.0%} of what it has learned, "
    f"a plain one more than {MOST:.0%}; {IMAGES:,} test images, a network above {LEARNED:g} % error left out"
)


@experiment("resnet.is_ensemble")
def blocks_can_be_lost(setup: Setup) -> Outcome:
    """Holds if residual networks lose little without a block, and plain ones fail without a layer."""
    variants = [f"{kind}-{depth}" for kind in ("resnet", "plain") for depth in DEPTHS]
    runs = trained.runs(setup, STUDY, variants)
    lesions_of = {
        variant: [
            lesions(trained.network(run, setup), trained.test_batches(run.configuration, setup, IMAGES))
            for run in runs[variant]
        ]
        for variant in variants
    }
    halves = {kind: [lesions_of[f"{kind}-{depth}"] for depth in DEPTHS] for kind in ("resnet", "plain")}
    rows = [
        _row(variant, run.configuration.seed, lesion)
        for variant in variants
        for run, lesion in zip(runs[variant], lesions_of[variant], strict=True)
    ]
    evidence = [_evidence(variant, lesions_of[variant]) for variant in variants]
    return Outcome(
        judge(halves["resnet"], halves["plain"]),
        (*evidence, f"{RULE}; 95 % intervals over seeds, budget {runs.budget}"),
        {"tables": [table(*BY_NETWORK, rows), _by_part(lesions_of)]},
        runs.ids,
    )


@on_published("resnet.is_ensemble")
def published_blocks_can_be_lost(setup: Setup) -> Outcome:
    """Holds if every residual network of others loses little without a block, and every plain one fails without a layer."""
    networks = published.plain_and_residual(DEPTHS)
    lesions_of = {}
    for network, path in zip(networks, published.files(setup, networks), strict=True):
        loaded = deployed(published.load(network, path, setup), setup.device)
        lesions_of[network.label] = lesions(loaded, published.images(network, setup, "test", IMAGES))
    decided = [judge_one(*labelled) for labelled in lesions_of.items()]
    evidence = [_evidence(label, [lesion]) for label, lesion in lesions_of.items()]
    between = [label for label, holds in zip(lesions_of, decided, strict=True) if holds is None]
    summary = tally(decided, "networks") + (f" ({', '.join(between)})" if between else "")
    rows = [_row(label, None, lesion) for label, lesion in lesions_of.items()]
    return Outcome(
        rules.all_hold(decided),
        (summary, *evidence, published.source(networks), f"{RULE}; {published.CAUTION}"),
        {"tables": [table(*BY_NETWORK, rows), _by_part({name: [one] for name, one in lesions_of.items()})]},
    )


def judge(residual: Sequence[Sequence[Lesions]], plain: Sequence[Sequence[Lesions]]) -> bool | None:
    """Judge over all depths, a sequence of seeds each; depths at which a seed hasn't learned are left out."""
    little = [rules.below(shares, LITTLE) for shares in _shares(residual)]
    most = [rules.above(shares, MOST) for shares in _shares(plain)]
    return rules.all_hold([rules.all_hold(little), rules.all_hold(most)])


def judge_one(name: str, lesion: Lesions) -> bool | None:
    """Return whether a single network is as claimed: False where it is as the other kind should be, between them None."""
    if not lesion.learned or LITTLE <= lesion.share_lost <= MOST:
        return None
    return (lesion.share_lost < LITTLE) == name.startswith("resnet")


def _shares(depths: Sequence[Sequence[Lesions]]) -> list[list[float]]:
    return [
        [lesion.share_lost for lesion in seeds] for seeds in depths if all(lesion.learned for lesion in seeds)
    ]


def lesions(network: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> Lesions:
    """Test a CIFAR ResNet or plain network in evaluation mode: whole, and without a part of each block."""
    blocks = residual_blocks(network)
    errors, images = [0] * (len(blocks) + 1), 0
    with torch.inference_mode():
        for batch, labels in batches:
            images += len(labels)
            x = network.get_submodule("conv1")(batch)
            for index, block in enumerate(blocks):
                # What comes before the block is the same as in the whole network.
                errors[index] += _errors(network, blocks[index + 1 :], damaged(block, x), labels)
                x = block(x)
            errors[-1] += _errors(network, [], x, labels)
    *without, whole = (100 * number / images for number in errors)
    return Lesions(whole, tuple(without))


def damaged(block: ResidualBlock, x: Tensor) -> Tensor:
    """Return what a block makes of x, (N, inputs, H, W), without its branch, or without its second layer if it is plain."""
    if block.shortcut is not None:
        return block.shortcut(x)  # not below zero, so that the block's ReLU changes nothing
    convolution, norm, relu, *_ = block.branch.children()
    return block.relu(relu(norm(convolution(x))))


def _errors(network: nn.Module, blocks: Sequence[ResidualBlock], x: Tensor, labels: Tensor) -> int:
    for block in blocks:
        x = block(x)
    return int((network.get_submodule("classifier")(x).argmax(1) != labels).sum())


# What the finding shows

BY_NETWORK = (
    "Errors (%) of whole networks and without one block (resnet) or one layer (plain)",
    ("network", "seed", "whole", "without the middle one", "without the worst", "share lost"),
)


def _row(name: str, seed: int | None, lesion: Lesions) -> list:
    share = lesion.share_lost if lesion.learned else None
    return [name, seed, lesion.whole, median(lesion.without), max(lesion.without), share]


def _by_part(lesions_of: dict[str, list[Lesions]]) -> dict:
    """Mean errors over seeds, a row a part."""
    means = [
        [sum(errors) / len(errors) for errors in zip(*(lesion.without for lesion in seeds), strict=True)]
        for seeds in lesions_of.values()
    ]
    rows = [[number, *errors] for number, errors in enumerate(zip_longest(*means), start=1)]
    mean_of = ", mean over seeds" if any(len(seeds) > 1 for seeds in lesions_of.values()) else ""
    return table(f"Error (%) without a block or layer{mean_of}", ["number", *lesions_of], rows)


def _evidence(name: str, seeds: list[Lesions]) -> str:
    part = "block" if name.startswith("resnet") else "layer"
    whole, middle = [lesion.whole for lesion in seeds], [median(lesion.without) for lesion in seeds]
    errors = f"error {rules.shown(whole)} % whole, {rules.shown(middle)} % without the middle {part}"
    if all(lesion.learned for lesion in seeds):
        return f"{name}: share lost {rules.shown([lesion.share_lost for lesion in seeds])}, {errors}"
    return f"{name}: has learned too little to be judged, {errors}"
