"""Inception v2 and v3 (arXiv:1512.00567): Table 3."""

from architectures.counting import Counts
from reports.printed.figures import Figure
from reports.verdicts.complexity import Network

TABLES = ("inception_v3",)
CONVENTION = "multiply-adds of convolutions and the fully connected layer at 299 × 299, without the auxiliary classifier"
RESOLUTION = 299
CUT: set[tuple[str, str, str]] = set()
_FILTERS = "the paper's own filter banks (its supplement, model.txt) aren't at hand"
EXPLAINED = {
    **{
        ("Table 3", row, "flops_G"): f"5.3 by the released filters and a 7×7 first layer; {_FILTERS}"
        for row in ("v2", "v2-rms", "v2-ls")
    },
    **{
        (
            "Table 3",
            row,
            "flops_G",
        ): f"5.7 by the released filters, 6.0 with Table 1's own first rows; {_FILTERS}"
        for row in ("v2-f7", "v3")
    },
}


def meant(figure: Figure) -> Network | str:
    if figure.arch not in ("Inception-v2", "Inception-v3"):
        return f"quoted from others: {figure.arch}"
    knobs = {
        "factorized_7x7": figure.kwargs.get("factorized_7x7", False),
        "auxiliary": "bn" if figure.kwargs.get("bn_auxiliary") else "plain",
    }
    return Network.of("inception_v3", "imagenet", knobs, RESOLUTION)


def counted(figure: Figure, counts: Counts) -> float:
    return counts.mult_adds / 1e9
