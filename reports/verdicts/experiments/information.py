"""How much of an image can be read off a network's layers: the information that shortcuts are said to keep.

The 32×32 image is cut into 8×8 patches of 4×4 pixels. After each block, what the channels hold at a patch's place (larger
feature maps are rearranged into more channels of 8×8) gives the patch's 48 numbers by a linear map, the same at all places, fitted
by ridge regression on half of the images. The measure is R² on the other half, of all 48 numbers together.
"""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from statistics import mean

import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_unshuffle

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

STUDY, DEPTHS = "deep_vs_shallow", (20, 56)
IMAGES = 1_000
GRID = 8  # the side of the last feature maps
RIDGE = 1e-4  # of the channels' mean square
TITLE = "R² of the image's pixels, read linearly off the feature maps after each block"
RULE = "rule: at each depth R² after the last block is higher with shortcuts than without"
IMAGES_USED = f"{IMAGES:,} test images, half of them to fit"


@experiment("resnet.feature_reuse_of_input")
def shortcuts_keep_the_image(setup: Setup) -> Outcome:
    """Holds if more of the image can be read off the last block with shortcuts than without, at each depth."""
    variants = [f"{kind}-{depth}" for depth in DEPTHS for kind in ("resnet", "plain")]
    runs = trained.runs(setup, STUDY, variants)
    after, before = {}, {}  # the training; by variant a seed each
    for variant in variants:
        batches = trained.test_batches(runs[variant][0].configuration, setup, IMAGES)
        after[variant] = [readable(trained.network(run, setup), batches) for run in runs[variant]]
        # In training mode, because normalisation hasn't seen any images yet.
        before[variant] = [
            readable(trained.initial(run.configuration).train().to(setup.device), batches)
            for run in runs[variant]
        ]

    last = {variant: [blocks[-1] for blocks in after[variant]] for variant in variants}
    first = {variant: [blocks[-1] for blocks in before[variant]] for variant in variants}
    decided = [rules.higher(last[f"resnet-{depth}"], last[f"plain-{depth}"]) for depth in DEPTHS]
    evidence = [
        f"{variant}: R² after the last block {rules.shown(last[variant], 3)}, before the training "
        f"{rules.shown(first[variant], 3)}; test error {mean(run.error for run in runs[variant]):.2f} %"
        for variant in variants
    ]
    columns = {variant: _mean_by_block(after[variant]) for variant in variants}
    columns |= {f"{variant}, untrained": _mean_by_block(before[variant]) for variant in variants}
    rule = f"{RULE}, by Welch's one-sided test over seeds at 5 %, budget {runs.budget}; {IMAGES_USED}"
    return Outcome(
        rules.all_hold(decided),
        (*evidence, rule),
        {"tables": [_by_block(f"{TITLE}, mean over seeds", columns)]},
        runs.ids,
    )


@on_published("resnet.feature_reuse_of_input")
def published_shortcuts_keep_the_image(setup: Setup) -> Outcome:
    """Holds if in others' networks more of the image can be read off the last block with shortcuts, at each depth."""
    networks = published.plain_and_residual(DEPTHS)
    by_network = {
        network.label: readable(
            published.load(network, path, setup), published.images(network, setup, "test", IMAGES)
        )
        for network, path in zip(networks, published.files(setup, networks), strict=True)
    }
    last = {label: blocks[-1] for label, blocks in by_network.items()}
    pairs = [
        (last[label.replace("plain", "resnet")], value)
        for label, value in last.items()
        if label.startswith("plain")
    ]
    evidence = [
        "R² after the last block with shortcuts against without: "
        + ", ".join(f"{residual:.3f} against {plain:.3f}" for residual, plain in pairs),
        *(f"{label}: R² after the last block {value:.3f}" for label, value in last.items()),
    ]
    rule = f"{RULE}, of one person's networks; {IMAGES_USED}; {published.CAUTION}"
    return Outcome(
        all(residual > plain for residual, plain in pairs),
        (*evidence, published.source(networks), rule),
        {"tables": [_by_block(TITLE, by_network)]},
    )


def _by_block(title: str, columns: Mapping[str, Sequence[float]]) -> dict:
    rows = [[number, *values] for number, values in enumerate(zip_longest(*columns.values()), start=1)]
    return table(title, ["block", *columns], rows)


def readable(network: nn.Module, batches: list[tuple[Tensor, Tensor]]) -> tuple[float, ...]:
    """Return R² of the image after each block of a CIFAR ResNet or plain network; every other batch is held out."""
    products: list[list] = [[0, 0] for _ in residual_blocks(network)]  # to fit, held out
    with block_outputs(network) as feature_maps, torch.inference_mode():
        for index, (images, _) in enumerate(batches):
            feature_maps.clear()
            network(images)
            pixels = _at_places(images)
            for product, channels in zip(products, map(_at_places, feature_maps), strict=True):
                both = torch.cat([torch.ones_like(channels[:, :1]), channels, pixels], dim=1)
                product[index % 2] += both.T @ both
    return tuple(_r_squared(fitted, held_out, pixels.shape[1]) for fitted, held_out in products)


def _at_places(feature_maps: Tensor) -> Tensor:
    """(B, C, H, W) to (B · 8 · 8, C · H/8 · W/8), in double precision."""
    return pixel_unshuffle(feature_maps.double(), feature_maps.shape[-1] // GRID).movedim(1, -1).flatten(0, 2)


def _r_squared(fit: Tensor, held_out: Tensor, numbers: int) -> float:
    """Of the last `numbers` of (1, channels, pixels) by the others, from the sums of their products over places."""
    x, y = slice(-numbers), slice(-numbers, None)
    # A little more than the ridge, so that channels of zeros have a solution too.
    ridge = RIDGE * fit[x, x].diagonal()[1:].mean() + 1e-12 * fit[0, 0]
    weights = torch.linalg.solve(
        fit[x, x] + ridge * torch.eye(len(fit[x, x]), dtype=fit.dtype, device=fit.device), fit[x, y]
    )
    missed = held_out[y, y] - 2 * weights.T @ held_out[x, y] + weights.T @ held_out[x, x] @ weights
    spread = held_out[y, y].diagonal() - held_out[0, y] ** 2 / held_out[0, 0]
    return 1 - (missed.diagonal().sum() / spread.sum()).item()


def _mean_by_block(seeds: list[tuple[float, ...]]) -> list[float]:
    return [mean(values) for values in zip(*seeds, strict=True)]
