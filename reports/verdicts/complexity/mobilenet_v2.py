"""MobileNet v2 (arXiv:1801.04381): Table 4, and the table of the authors' released code (TF-slim)."""

from architectures.counting import Counts
from reports.printed.figures import Figure
from reports.verdicts.complexity import Network

TABLES = ("mobilenet_v2",)
CONVENTION = "weights without batch normalisation, mult-adds of all convolutions"
BUILDERS = {"MobileNet v1": "mobilenet_v1", "MobileNet v2": "mobilenet_v2"}
RELEASED = "V2"
CUT = {
    ("Table 4", "v2", "params_M"),
    ("Table 4", "v2", "mult_adds_M"),
    *(
        (RELEASED, row, "mult_adds_M")
        for row in ["1.0-224", "0.75-192", "0.5-192", "0.5-128", "0.5-96", "0.35-192", "0.35-160", "0.35-96"]
    ),
}
EXPLAINED = {
    ("Table 4", "v1", "mult_adds_M"): "MobileNet's own Tables 4, 6 and 7 print 569",
    ("Table 4", "v2-1.4", "params_M"): "the released network of that name has 6.06M, as its table prints",
    ("Table 4", "v2-1.4", "mult_adds_M"): "the released network of that name takes 582M, as its table prints",
}


def meant(figure: Figure) -> Network | str:
    if figure.arch not in BUILDERS:
        return f"another family's network: {figure.arch}"
    alpha = figure.kwargs.get("alpha", 1.0)
    resolution = figure.kwargs.get("resolution")
    return Network.of(BUILDERS[figure.arch], "imagenet", {"width_mult": alpha}, resolution)


def counted(figure: Figure, counts: Counts) -> float:
    return (counts.weights if figure.metric == "params_M" else counts.mult_adds) / 1e6
