"""Highway networks (arXiv:1507.06228): Table 2."""

from architectures.counting import Counts
from reports.printed.figures import Figure
from reports.verdicts.complexity import Network

TABLES = ("highway",)
CONVENTION = "all parameters, gates and biases among them; layers with weights on the main path"
DEPTHS = {"Highway A": 11, "Highway B": 19, "Highway C": 32}
CUT: set[tuple[str, str, str]] = set()
EXPLAINED = {
    ("Table 2", "hwA", "params_M"): "the widths of Highway A aren't printed; counted: 11 layers of B's",
    (
        "Table 2",
        "hwC",
        "params_M",
    ): "the widths of Highway C, and which of its layers are 1×1, aren't printed; counted: 32 layers of B's",
}


def meant(figure: Figure) -> Network | str:
    if figure.arch not in DEPTHS:
        return f"quoted from others: {figure.arch}"
    return Network.of("highway", "cifar", {"depth": DEPTHS[figure.arch]})


def counted(figure: Figure, counts: Counts) -> float:
    return counts.layers if figure.metric == "layers" else counts.parameters / 1e6
