"""GoogLeNet (arXiv:1409.4842): Table 1, layer by layer."""

from itertools import pairwise

import torch
from torch import nn

from architectures.counting import Stage, count
from architectures.counts import Counts
from architectures.googlenet import FilterConcatenation
from reports.printed.figures import Figure
from reports.verdicts import complexity
from reports.verdicts.checks import IMAGENET, ROUGHLY, Holds, exact, on_meta, part
from reports.verdicts.checks.architecture_rows import of_module
from reports.verdicts.complexity import Network, stages

TABLES = ("googlenet_t1", "googlenet_t2_t3")
CONVENTION = (
    "parameters with biases in K of 1024, multiply-adds in M of 10⁶, no auxiliary classifiers; the first "
    "convolution a separable one of 8 filters a colour, which alone has 2.7K and 34M (as printed, a 7×7 of 64 "
    "filters, it has 9.2K and 118M)"
)
TABLE = "Table 1"
COLUMNS = ("1x1", "3x3_reduce", "3x3", "5x5_reduce", "5x5", "pool_proj")  # of a module, as its layers come
CUT = {(TABLE, "3a", "params_K"), (TABLE, "linear", "params_K"), (TABLE, "4a", "ops_M")}
_FILTERS = "K by the filters of the same row, from which the operations printed beside it follow"
EXPLAINED = {
    (TABLE, "4a", "params_K"): f"367{_FILTERS}",
    (TABLE, "4b", "params_K"): f"439{_FILTERS}",
    (TABLE, "4c", "params_K"): f"498{_FILTERS}",
    (TABLE, "4d", "params_K"): f"591{_FILTERS}",
    (TABLE, "4e", "params_K"): f"848{_FILTERS}",
    (TABLE, "5b", "params_K"): f"1410{_FILTERS}",
    (TABLE, "5a", "params_K"): "1019K by the filters of the same row; 1082K with 48 channels before the 5×5",
    (TABLE, "5a", "ops_M"): (
        "51M by the filters of the same row; 54M with 48 channels before the 5×5, as 5b has"
    ),
}


def network_for(figure: Figure) -> Network | str:
    return Network.of("googlenet", "imagenet", {"conv1": "separable", "auxiliary": False})


def count_for(figure: Figure, counts: Counts) -> float:
    rows = stages(network_for(figure))
    layer = figure.kwargs["layer"]
    stage = rows[layer if layer in rows else f"inception_{layer}"]
    if figure.metric.startswith(("channels", "output")):
        return of_module(stage, COLUMNS)[figure.metric]
    row = stage.counts
    return row.parameters / 1024 if figure.metric == "params_K" else row.mult_adds / 1e6


@exact("inception.naive_too_expensive")
def naive_too_expensive() -> tuple[bool, str]:
    """Section 4: without 1×1 reductions every module costs more, and the next one more still."""
    reduced, naive = (_modules(form) for form in ("reduced", "naive"))
    dearer = [
        name
        for name in reduced
        if naive[name].counts.conv_weights > reduced[name].counts.conv_weights
        and naive[name].counts.mult_adds > reduced[name].counts.mult_adds
    ]
    with_, without = (form["inception_3a"].counts.conv_weights for form in (reduced, naive))
    weights, naive_weights = (sum(s.counts.conv_weights for s in form.values()) for form in (reduced, naive))
    cost, naive_cost = (sum(s.counts.mult_adds for s in form.values()) for form in (reduced, naive))
    return len(dearer) == len(reduced) == 9 and (with_, without) == (163_328, 387_072), (
        f"3a has {with_:,} weights with 1×1 reductions and {without:,} without; {len(dearer)} of "
        f"{len(reduced)} modules are dearer without, all together {naive_weights / 1e6:.1f}M weights against "
        f"{weights / 1e6:.1f}M and {naive_cost / 1e9:.1f}G multiply-adds against {cost / 1e9:.1f}G"
    )


@exact("inception.output_widths")
def output_widths() -> tuple[bool, str]:
    """Table 1: 3a puts out 64 + 128 + 32 + 32 = 256 channels of 28×28, 3b 128 + 192 + 96 + 64 = 480."""
    claimed = {"inception_3a": [64, 128, 32, 32], "inception_3b": [128, 192, 96, 64]}
    stages_printed, holds = [], True
    for before, stage in pairwise(stages(Network.of("googlenet", "imagenet", {})).values()):
        if stage.name in claimed:
            features = torch.empty(1, *before.output, device="meta")
            widths = [path(features).shape[1] for path in part(stage.module, "paths", nn.ModuleList)]
            holds &= widths == claimed[stage.name] and stage.output == (sum(widths), 28, 28)
            stages_printed.append(f"{stage.name} {' + '.join(map(str, widths))}, in all {stage.output[0]}")
    return holds and len(stages_printed) == len(claimed), "; ".join(stages_printed)


@exact("googlenet.t1_counts")
def t1_counts() -> tuple[Holds, str]:
    """Table 1, "params" and "ops": all follow from the filters printed beside them, 7×7 being separable.

    The sense holds where the others are off by less than `ROUGHLY`: the network is the one of the table.
    """
    rows = [
        row
        for row in complexity.rows("googlenet")
        if isinstance(row, complexity.Row) and row.figure.metric in ("params_K", "ops_M")
    ]
    given = [row for row in rows if row.verdict in (complexity.EXACT, complexity.CUT)]
    others = [
        f"{row.figure.row_id} {row.figure.metric} {row.figure.value} (counted {row.counted:.0f})"
        for row in rows
        if row not in given
    ]
    evidence = f"{len(given)} of {len(rows)} printed figures follow from the printed filters, the first being separable"
    if not others:
        return bool(rows), evidence
    off = max(abs(row.counted / float(row.figure.number) - 1) for row in rows)
    return off < ROUGHLY and "sense", f"{evidence}; not {', '.join(others)}; at most {100 * off:.1f} % off"


@exact("googlenet.layers_22")
def layers_22() -> tuple[bool, str]:
    """Slides; Section 5: nine modules, 22 layers with weights on the way to the answer, 27 with the poolings."""
    network = on_meta("googlenet", **IMAGENET)
    layers = count(network, 224).layers
    rows = dict(network.named_children())
    modules = sum(isinstance(row, FilterConcatenation) for row in rows.values())
    poolings = sum("pool" in name for name in rows)
    return (modules, layers, layers + poolings) == (9, 22, 27), (
        f"{modules} modules, {layers} layers with weights, {layers + poolings} with the {poolings} poolings between them"
    )


def _modules(form: str) -> dict[str, Stage]:
    """GoogLeNet's modules, with 1×1 reductions or naive ones, by their names."""
    rows = stages(Network.of("googlenet", "imagenet", {"module": form}))
    return {name: stage for name, stage in rows.items() if name.startswith("inception_")}
