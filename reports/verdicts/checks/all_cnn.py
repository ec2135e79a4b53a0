"""All-CNN (arXiv:1412.6806): the parameters of Table 3."""

from architectures.counts import Counts
from reports.printed.figures import Figure
from reports.verdicts.complexity import Network

TABLES = ("allcnn",)
CONVENTION = "parameters with biases, 10 classes"
FORMS = {"base": "base", "Strided-CNN": "strided", "ConvPool-CNN": "convpool", "All-CNN": "all"}
_LAYERS = 'an approximate figure ("≈"); by the layers of Tables 1 and 2 '
EXPLAINED = {
    ("Table 3", row, "params_M"): _LAYERS + ours
    for rows, ours in (
        (("A-base", "A-Strided-CNN"), "0.84M (0.86M with 100 classes)"),
        (("A-ConvPool-CNN", "A-All-CNN"), "1.25M (1.27M with 100 classes)"),
        (("B-ConvPool-CNN", "B-All-CNN"), "1.30M (1.32M with 100 classes)"),
        (("C-base", "C-Strided-CNN"), "0.95M; 1.29M would take one more 3×3 convolution of 192 channels"),
    )
    for row in rows
}


def network_for(figure: Figure) -> Network | str:
    return Network.of("all_cnn", "cifar", {**figure.kwargs, "form": FORMS[figure.arch]})


def count_for(figure: Figure, counts: Counts) -> float:
    return counts.parameters / 1e6
