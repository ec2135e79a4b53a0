"""BN-Inception (arXiv:1502.03167): Figure 5, layer by layer, and the size in Section 4.2."""

from architectures.counts import Counts
from reports.printed.figures import Figure
from reports.verdicts.checks.architecture_rows import of_module
from reports.verdicts.complexity import Network, stages

TABLES = ("bn_inception",)
CONVENTION = "parameters with biases and batch normalisation, without auxiliary classifiers"
# The columns of a module as its layers come; those of stride 2 pass their pooled input through.
PASSING = ("3x3_reduce", "3x3", "double_reduce", "double_3x3", "double_3x3")
COLUMNS = ("1x1", *PASSING, "pool_proj")
_STRIDE_2 = "14: the module has stride 2, and the next row prints 14"
EXPLAINED = {
    ("Figure 5", "3c", "output_side"): _STRIDE_2,
    ("Figure 5", "4e", "output_side"): _STRIDE_2.replace("14", "7"),
    **{("Figure 5", row, "output_channels"): "608 by the columns of the same row" for row in ("4c", "4d")},
    ("Figure 5", "4e", "output_channels"): "1056 with the 608 that pass through; 1024 go with 576",
    ("sec. 4.2", "params", "params_M"): (
        "11.3M by the filters of Figure 5; no way of counting its rows gives 13.6"
    ),
}


def network_for(figure: Figure) -> Network | str:
    return Network.of("bn_inception", "imagenet", {})


def count_for(figure: Figure, counts: Counts) -> float:
    if figure.table == "sec. 4.2":
        return counts.parameters / 1e6
    passes = figure.row_id in ("3c", "4e")
    if passes and figure.metric == "channels_1x1":
        return 0
    module = stages(network_for(figure))[f"inception_{figure.row_id}"]
    return of_module(module, PASSING if passes else COLUMNS)[figure.metric]
