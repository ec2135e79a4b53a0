"""GoogLeNet (arXiv:1409.4842): Table 1, layer by layer. BN-Inception (arXiv:1502.03167) prints nothing by table."""

from architectures.counting import Counts
from reports.printed.figures import Figure
from reports.verdicts.complexity import Network, stages

TABLES = ("googlenet_t1", "googlenet_t2_t3", "bn_inception")
CONVENTION = (
    "parameters with biases in K of 1024, multiply-adds in M of 10⁶, no auxiliary classifiers; the first "
    "convolution a separable one of 8 filters a colour, which alone has 2.7K and 34M (as printed, a 7×7 of 64 "
    "filters, it has 9.2K and 118M)"
)
TABLE = "Table 1"
CUT = {(TABLE, "3a", "params_K"), (TABLE, "linear", "params_K"), (TABLE, "4a", "ops_M")}
_FILTERS = "K by the filters of the same row, from which the operations printed beside it follow"
EXPLAINED = {
    (TABLE, "4a", "params_K"): f"367{_FILTERS}",
    (TABLE, "4b", "params_K"): f"439{_FILTERS}",
    (TABLE, "4c", "params_K"): f"498{_FILTERS}",
    (TABLE, "4d", "params_K"): f"591{_FILTERS}",
    (TABLE, "4e", "params_K"): f"848{_FILTERS}",
    (TABLE, "5b", "params_K"): f"1410{_FILTERS}",
    (TABLE, "5a", "params_K"): "1019K by the filters of the same row; 1082K with 48 maps before the 5×5",
    (TABLE, "5a", "ops_M"): "51M by the filters of the same row; 54M with 48 maps before the 5×5, as 5b has",
}


def meant(figure: Figure) -> Network | str:
    return Network.of("googlenet", "imagenet", {"conv1": "separable", "auxiliary": False})


def counted(figure: Figure, counts: Counts) -> float:
    rows = stages(meant(figure))
    layer = figure.kwargs["layer"]
    row = rows[layer if layer in rows else f"inception_{layer}"].counts
    return row.parameters / 1024 if figure.metric == "params_K" else row.mult_adds / 1e6
