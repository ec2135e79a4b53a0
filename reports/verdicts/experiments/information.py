"""How much of an image can be read off a network's layers: the information that shortcuts are said to keep.

The 32×32 image is cut into 8×8 patches of 4×4 pixels. After each block, what the channels hold at a patch's place (larger
feature maps are rearranged into more channels of 8×8) gives the patch's 48 numbers by a linear map, the same at all places, fitted
by ridge regression on half of the images. The measure is R² on the other half, of all 48 numbers together.
"""

from collections.abc import Sequence
from itertools import zip_longest
from statistics import mean

import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_unshuffle

from reports.verdicts.experiments import Outcome, Setup, experiment, rules, table, trained
from reports.verdicts.experiments.blocks import block_outputs, residual_blocks

STUDY, DEPTHS = "deep_vs_shallow", (20, 56)
IMAGES = 1_000
GRID = 8  # the side of the last feature maps
RIDGE = 1e-4  # of the channels' mean square
TITLE = "R² of the image's pixels, read linearly off the feature maps after each block, mean over seeds"


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
        f"{variant} (budget {runs.budget}): R² after the last block {rules.shown(last[variant], 3)}, before the training "
        f"{rules.shown(first[variant], 3)}; test error {mean(run.error for run in runs[variant]):.2f} %"
        for variant in variants
    ]
    columns: dict[str, Sequence[float]] = {variant: _mean_by_block(after[variant]) for variant in variants}
    columns |= {f"{variant}, untrained": _mean_by_block(before[variant]) for variant in variants}
    for depth in DEPTHS:
        if (given := trained.published(setup, depth, IMAGES)) is not None:
            columns[f"resnet-{depth}, published"] = readable(given.network, given.batches)
            evidence.append(
                f"resnet-{depth} ({given.source}): R² after the last block "
                f"{columns[f'resnet-{depth}, published'][-1]:.3f}; no run of ours, and not in the verdict"
            )
    rows = [[number, *values] for number, values in enumerate(zip_longest(*columns.values()), start=1)]
    rule = (
        "rule: at each depth R² after the last block is higher with shortcuts than without, by Welch's one-sided "
        f"test over seeds at 5 %; {IMAGES:,} test images, half of them to fit"
    )
    return Outcome(
        rules.all_hold(decided),
        (rule, *evidence),
        {"tables": [table(TITLE, ["block", *columns], rows)]},
        runs.ids,
    )


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
