"""DenseNet's heat maps (arXiv 1608.06993, Figure 5 and Section 5): which earlier channels a layer uses, by its weights.

Source 0 of a block is what goes into it, source s the channels of its s-th layer. A pixel is the mean absolute weight that
a layer's convolution puts on a source's channels: the L1 norm over their number, here over the layer's own channels and
its kernel's places too, so that layers can be compared. The last column is what follows the block: a transition, or the
classifier. Weights are drawn alike for all sources; only training can tell these apart. So each measure is shown for
the initial weights too, and nothing is decided from weights that still are much as they were drawn.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise, zip_longest
from statistics import mean

from torch import Tensor, nn

from architectures.densenet import DenseBlock
from reports.verdicts.experiments import Outcome, Setup, experiment, rules, table, trained

STUDY, VARIANT = "densenet_bc_compression", "plain"  # L = 40, k = 12, as in the figure

Block = list[list[float]]
"""A row a layer of the block, in order, and a last row of what follows; in it a number a source that it sees."""
Measure = Callable[[list[Block]], float]
Decide = Callable[[Sequence[float], float], bool | None]


# The four observations, each a measure of all blocks and the limit that decides


def use_of_early_channels(blocks: list[Block]) -> float:
    """Return what the last third of a block's layers put on its input and its first third of layers, over their mean.

    Of the block where it is least.
    """

    def of_block(block: Block) -> float:
        layers = block[:-1]
        third = max(1, len(layers) // 3)
        return mean(mean(_relative(row)[: third + 1]) for row in layers[-third:])

    return min(map(of_block, blocks))


def least_use_by_transitions(blocks: list[Block]) -> float:
    """Return what transitions put on the source that they use least, over their mean; the least transition's."""
    return min(min(_relative(block[-1])) for block in blocks[:-1])


def rank_of_transitions(blocks: list[Block]) -> float:
    """Return the share of a layer's other sources that it uses less than source 0; mean over layers after the first block.

    0 where what a transition puts out is always the least used, a half where it is as any other.
    """
    rows = [row for block in blocks[1:] for row in block[:-1] if len(row) > 1]
    return mean(mean(other < row[0] for other in row[1:]) for row in rows)


def use_of_last_channels(blocks: list[Block]) -> float:
    """Return what the classifier puts on the last third of the last block's sources, over what it puts on the others."""
    row = blocks[-1][-1]
    third = max(1, len(row) // 3)
    return mean(row[-third:]) / mean(row[:-third])


USED, LEAST, MORE = 0.5, 0.25, 1.0
DRAWN = "What the layers of a DenseNet (L = 40, k = 12) put on the channels before them"


@experiment("densenet.heatmap_reuse")
def deep_layers_use_early_channels(setup: Setup) -> Outcome:
    """Holds if deep layers put at least half of their mean weight on early channels, in every block."""
    rule = "the last third of each block's layers puts on its input and first third more than {limit:g} times its mean"
    return _observe(setup, use_of_early_channels, rules.above, USED, rule, drawn=True)


@experiment("densenet.heatmap_transition_uses_all")
def transitions_use_all_layers(setup: Setup) -> Outcome:
    """Holds if there is no layer on whose channels a transition puts less than half of its mean weight."""
    rule = "each transition puts on every source more than {limit:g} times its mean"
    return _observe(setup, least_use_by_transitions, rules.above, USED, rule)


@experiment("densenet.heatmap_transition_redundant")
def transitions_are_used_least(setup: Setup) -> Outcome:
    """Holds if what a transition puts out is among the quarter of its sources that a layer uses least."""
    rule = (
        "in blocks 2 and 3 less than {limit:.0%} of a layer's other sources get less weight than the transition's "
        "channels"
    )
    return _observe(setup, rank_of_transitions, rules.below, LEAST, rule)


@experiment("densenet.heatmap_classifier_late")
def classifier_uses_last_channels(setup: Setup) -> Outcome:
    """Holds if the classifier puts more weight on the last third of the sources than on the others."""
    rule = "the classifier puts on the last third of its sources more than {limit:g} times what it puts on the others"
    return _observe(setup, use_of_last_channels, rules.above, MORE, rule)


def _observe(
    setup: Setup, measure: Measure, decide: Decide, limit: float, rule: str, drawn: bool = False
) -> Outcome:
    """The outcome of an observation, by the trained weights; with the heat maps of these if they are to be drawn."""
    runs = trained.runs(setup, STUDY, [VARIANT])
    start = [trained.initial(run.configuration) for run in runs[VARIANT]]
    end = [trained.network(run, setup).cpu() for run in runs[VARIANT]]
    likeness = [trained.resemblance(*map(_weights, pair)) for pair in zip(end, start, strict=True)]
    blocks_at_start, blocks_at_end = (list(map(weights_by_source, networks)) for networks in (start, end))
    before, after = list(map(measure, blocks_at_start)), list(map(measure, blocks_at_end))
    seeds = [run.configuration.seed for run in runs[VARIANT]]
    rows = [list(row) for row in zip(seeds, after, before, likeness, strict=True)]
    evidence = (
        f"{rules.shown(after)}, at the start {rules.shown(before)} ({STUDY}/{VARIANT} on CIFAR-10, budget {runs.budget})",
        f"correlation of the convolutions' weights with the initial ones: {rules.shown(likeness)}",
        (
            f"rule: {rule.format(limit=limit)}; 95 % intervals over seeds; undecided where the weights' correlation "
            f"with their initial ones is above {trained.RESEMBLANCE:g}"
        ),
    )
    data: dict = {"tables": [table(TITLE, COLUMNS, rows)]}
    if drawn:
        caption = f"{evidence[0]}; mean over seeds."
        data["heat_maps"] = {"title": DRAWN, "caption": caption, "blocks": as_drawn(blocks_at_end)}
    return Outcome(judge(after, likeness, decide, limit), evidence, data, runs.ids)


TITLE = "What the rule measures, by seed"
COLUMNS = ("seed", "trained", "at the start", "correlation with the initial weights")


def judge(measured: Sequence[float], likeness: Sequence[float], decide: Decide, limit: float) -> bool | None:
    """Judge a measure of the trained weights, a seed each."""
    if any(correlation > trained.RESEMBLANCE for correlation in likeness):
        return None
    return decide(measured, limit)


def weights_by_source(network: nn.Module) -> list[Block]:
    """Return the blocks of a DenseNet. A layer with a bottleneck sees its sources through the bottleneck's weights."""

    children = list(network.children())
    blocks = []
    for child, following in pairwise(children):
        if isinstance(child, DenseBlock):
            weights = [_first_weights(part) for part in (*child, following)]
            entering = weights[0].shape[1]
            growth = weights[1].shape[1] - entering
            blocks.append([_by_source(weight, entering, growth) for weight in weights])
    return blocks


def _by_source(weight: Tensor, entering: int, growth: int) -> list[float]:
    """weight: (outputs, entering + several · growth, …)."""
    sources = [entering] + [growth] * ((weight.shape[1] - entering) // growth)
    return [part.abs().mean().item() for part in weight.split(sources, dim=1)]


def _first_weights(part: nn.Module) -> Tensor:

    layers = (module for module in part.modules() if isinstance(module, (nn.Conv2d, nn.Linear)))
    return next(layers).weight.detach()


def _weights(network: nn.Module) -> list[Tensor]:

    return [module.weight for module in network.modules() if isinstance(module, nn.Conv2d)]


def _relative(row: Sequence[float]) -> list[float]:
    """To the mean over sources, which count alike, however many channels they have."""
    return [value / mean(row) for value in row]


def as_drawn(networks: Sequence[list[Block]]) -> dict[str, list[list[float | None]]]:
    """Return the figure's triangles: by block a row a source and a column a layer, mean over networks; None: not seen."""
    return {
        f"block {number}": [
            [mean(values) if None not in values else None for values in zip(*sources, strict=True)]
            for sources in zip(*(list(zip_longest(*block)) for block in blocks), strict=True)
        ]
        for number, blocks in enumerate(zip(*networks, strict=True), start=1)
    }
