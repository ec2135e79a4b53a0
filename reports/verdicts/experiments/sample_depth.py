"""How deep a residual network must be for a test image: the first block from which on a linear read-out tells it apart.

After each block the feature maps, averaged in 4×4 places, give the class by a linear map (Alain and Bengio, "Understanding
Intermediate Layers Using Linear Classifier Probes", arXiv 1610.01644), fitted by ridge regression on training images. An
image's depth is the share of the blocks that it takes until this and all later read-outs are right; one that the last
read-out gets wrong has none. A depth that is a property of the image, not of luck, is about the same in other networks.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from statistics import mean

import torch
from scipy import stats
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, one_hot

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
from reports.verdicts.experiments.blocks import block_outputs, residual_blocks
from reports.verdicts.experiments.timing import tally

STUDY, DEPTHS = "deep_vs_shallow", (20, 56)
CLASSES = 10
PLACES = 4  # at a side
TO_FIT, TO_TEST = 5_000, 2_000  # training and test images
RIDGE = 1e-2  # of the features' mean square
# A few samples wouldn't be some; a correlation below would say more of networks than of samples.
SOME, LIKE = 0.1, 0.3
FEW = 100  # images that two networks both tell apart, of which a correlation says something
RULE = (
    f"rule: of the images that are told apart in the end more than {SOME:.0%} are so from the first third of the blocks on, "
    f"more than {SOME:.0%} only in the last third, and depths and mean depths in the other networks have a rank correlation "
    f"(likeness) above {LIKE}; "
    f"{TO_TEST:,} test images, read-outs fitted on {TO_FIT:,} training images"
)


@dataclass(frozen=True)
class Depths:
    """Of a network: the share of the test images that each block's read-out gets right, and the images' depths.

    of_images: (images,) in (0, 1], the share of the blocks that it takes; nan where the last read-out is wrong.
    """

    right: tuple[float, ...]
    of_images: Tensor

    @classmethod
    def of(cls, right: Tensor) -> "Depths":
        """Make them of which images each block's read-out gets right, (blocks, images)."""
        blocks = len(right)
        # How many of the last read-outs in a row are right.
        to_the_end = right.flip(0).int().cumprod(0).sum(0)
        depth = (blocks - to_the_end + 1) / blocks
        return cls(tuple(right.double().mean(1).tolist()), torch.where(to_the_end > 0, depth, torch.nan))

    @property
    def early(self) -> float:
        """Of the images with a depth the share that needs no more than the first third of the blocks."""
        return self._share(self.of_images <= 1 / 3)

    @property
    def late(self) -> float:
        """Of the images with a depth the share that needs the last third of the blocks."""
        return self._share(self.of_images > 2 / 3)

    def _share(self, selected: Tensor) -> float:
        known = int((~self.of_images.isnan()).sum())
        return int(selected.sum()) / known if known else math.nan

    def likeness(self, others: Sequence["Depths"]) -> float:
        """Return Spearman's correlation with the mean depths in other networks; nan where too few images say anything."""
        if not others:
            return math.nan
        elsewhere = torch.stack([other.of_images for other in others]).mean(0)
        both = ~(self.of_images.isnan() | elsewhere.isnan())
        if both.sum() < FEW or any(of[both].unique().numel() < 2 for of in (self.of_images, elsewhere)):
            return math.nan
        return float(stats.spearmanr(self.of_images[both].cpu(), elsewhere[both].cpu()).statistic)


@experiment("resnet.samples_differ_in_depth")
def samples_differ(setup: Setup) -> Outcome:
    """Holds if in residual networks of each depth some samples need few blocks, some many, the same for all seeds."""
    variants = [f"resnet-{depth}" for depth in DEPTHS]
    runs = trained.runs(setup, STUDY, variants)
    found = {
        variant: [
            depths(
                trained.network(run, setup),
                trained.first_images(run.configuration, setup, "train", TO_FIT),
                trained.first_images(run.configuration, setup, "test", TO_TEST),
            )
            for run in runs[variant]
        ]
        for variant in variants
    }
    alike = {variant: _with_the_others(networks) for variant, networks in found.items()}
    rows = [
        _row(variant, run.configuration.seed, network, like)
        for variant in variants
        for run, network, like in zip(runs[variant], found[variant], alike[variant], strict=True)
    ]
    evidence = [
        f"{variant}: {rules.shown([100 * network.early for network in networks], 0)} % of the images need the first third "
        f"alone, {rules.shown([100 * network.late for network in networks], 0)} % the last third, likeness "
        + ("unknown" if any(map(math.isnan, alike[variant])) else rules.shown(alike[variant]))
        for variant, networks in found.items()
    ]
    by_block = {variant: [mean(of) for of in _by_seed(networks)] for variant, networks in found.items()}
    return Outcome(
        rules.all_hold(judge(networks, alike[variant]) for variant, networks in found.items()),
        (*evidence, f"{RULE}; 95 % intervals over seeds, budget {runs.budget}"),
        {"tables": [table(*BY_NETWORK, rows), _by_block(by_block)]},
        runs.ids,
    )


@on_published("resnet.samples_differ_in_depth")
def published_samples_differ(setup: Setup) -> Outcome:
    """Holds if in every residual network of others some samples need few blocks, some many, the same as in the others."""
    networks = [
        network for network in published.plain_and_residual(DEPTHS) if network.architecture == "resnet"
    ]
    found = {
        network.label: depths(
            published.load(network, path, setup),
            published.images(network, setup, "train", TO_FIT),
            published.images(network, setup, "test", TO_TEST),
        )
        for network, path in zip(networks, published.files(setup, networks), strict=True)
    }
    alike = dict(zip(found, _with_the_others(list(found.values())), strict=True))
    decided = [judge_one(network, alike[label]) for label, network in found.items()]
    evidence = [
        f"{label}: {network.early:.0%} of the images need the first third alone, {network.late:.0%} the last third, "
        f"likeness {alike[label]:.2f}"
        for label, network in found.items()
    ]
    rows = [_row(label, None, network, alike[label]) for label, network in found.items()]
    return Outcome(
        rules.all_hold(decided),
        (tally(decided, "networks"), *evidence, published.source(networks), f"{RULE}; {published.CAUTION}"),
        {
            "tables": [
                table(*BY_NETWORK, rows),
                _by_block(
                    {label: [100 * share for share in network.right] for label, network in found.items()}
                ),
            ]
        },
    )


def judge(networks: Sequence[Depths], alike: Sequence[float]) -> bool | None:
    """Judge over the seeds of a variant; None where one has told too few images apart."""
    if any(map(math.isnan, alike)):
        return None
    early, late = ([network.early for network in networks], [network.late for network in networks])
    return rules.all_hold([rules.above(early, SOME), rules.above(late, SOME), rules.above(alike, LIKE)])


def judge_one(network: Depths, like: float) -> bool | None:
    """Judge a single network by its likeness with others; None where it has told too few images apart."""
    return None if math.isnan(like) else min(network.early, network.late) > SOME and like > LIKE


def depths(network: nn.Module, fit: list[tuple[Tensor, Tensor]], test: list[tuple[Tensor, Tensor]]) -> Depths:
    """Return how deep a CIFAR ResNet in evaluation mode must be for each test image.

    fit, test: images (B, 3, H, W) and labels (B,), those by which the read-outs are fitted and those that are tested.
    """
    products: list = [0] * len(residual_blocks(network))
    for labels, features in _features(network, fit):
        for block, of_block in enumerate(features):
            both = torch.cat([of_block, one_hot(labels, CLASSES).double()], dim=1)
            products[block] += both.T @ both
    weights = [_ridge(product) for product in products]
    right: list[list[Tensor]] = [[] for _ in products]
    for labels, features in _features(network, test):
        for block, of_block in enumerate(features):
            right[block].append((of_block @ weights[block]).argmax(1) == labels)
    return Depths.of(torch.stack([torch.cat(batches) for batches in right]))


def _features(
    network: nn.Module, batches: list[tuple[Tensor, Tensor]]
) -> Iterator[tuple[Tensor, list[Tensor]]]:
    """Yield the labels of each batch, and what a read-out sees after each block: (B, 1 + C · 4 · 4), double precision."""
    with block_outputs(network) as feature_maps, torch.inference_mode():
        for images, labels in batches:
            feature_maps.clear()
            network(images)
            averaged = [adaptive_avg_pool2d(maps, PLACES).flatten(1).double() for maps in feature_maps]
            yield labels, [torch.cat([torch.ones_like(maps[:, :1]), maps], dim=1) for maps in averaged]


def _ridge(product: Tensor) -> Tensor:
    """Return the weights (features, classes) from the sums of products of (features, classes) over images."""
    x, y = slice(-CLASSES), slice(-CLASSES, None)
    # A little more than the ridge, so that features of zeros have a solution too.
    ridge = RIDGE * product[x, x].diagonal()[1:].mean() + 1e-12 * product[0, 0]
    return torch.linalg.solve(
        product[x, x] + ridge * torch.eye(len(product[x, x]), dtype=product.dtype, device=product.device),
        product[x, y],
    )


def _with_the_others(networks: Sequence[Depths]) -> list[float]:
    """The likeness of each network's depths and those in all others."""
    return [
        network.likeness([*networks[:index], *networks[index + 1 :]])
        for index, network in enumerate(networks)
    ]


# What the finding shows

BY_NETWORK = (
    "Images that need the first third of the blocks alone, and the last third (% of those told apart in the end)",
    ("network", "seed", "first third", "between", "last third", "likeness with the others"),
)


def _row(name: str, seed: int | None, network: Depths, like: float) -> list:
    shares = [100 * share for share in (network.early, 1 - network.early - network.late, network.late)]
    return [name, seed, *(None if math.isnan(value) else value for value in (*shares, like))]


def _by_seed(networks: Sequence[Depths]) -> Iterator[tuple[float, ...]]:
    return zip(*([100 * share for share in network.right] for network in networks), strict=True)


def _by_block(columns: Mapping[str, Sequence[float]]) -> dict:
    rows = [[number, *shares] for number, shares in enumerate(zip_longest(*columns.values()), start=1)]
    return table("Test images that the read-out after each block gets right (%)", ["block", *columns], rows)
