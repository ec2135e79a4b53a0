"""Deep Compression (arXiv:1510.00149): Tables 1, 4, 5 and 7, the networks' own sizes."""

from architectures.counts import Counts
from reports.printed.figures import Figure
from reports.verdicts.checks.pruning import NETWORKS, WITH_BIASES, layer_counts
from reports.verdicts.complexity import Network

TABLES = ("deep_compression",)
CONVENTION = (
    "before compression: parameters with biases, sizes at four bytes each, 1 KB = 1000 bytes; Tables 4 and 5: weights of "
    "the layers without biases"
)
CUT = {("Table 4", "conv4", "weights")}
EXPLAINED = {
    ("Table 5", "conv2_2", "weights"): WITH_BIASES,
    ("Table 1", "alex", "size_KB_ref"): "243.9 MB; 240 MB are four times 60 million",
    ("Table 1", "vgg16", "size_KB_ref"): "553.4 MB; 552 MB are four times 138 million",
    ("Table 7", "base", "size_MB"): "243.9 MB; 240 MB are four times 60 million",
}


def network_for(figure: Figure) -> Network | str:
    if figure.arch.startswith("LeNet"):
        return f"{figure.arch} isn't built here: the documents only name it"
    if figure.metric == "size_KB" or "compress" in figure.kwargs:
        return "what is left depends on the trained weights"
    return NETWORKS[figure.arch]


def count_for(figure: Figure, counts: Counts) -> float:
    if figure.metric.startswith("size_"):
        return 4 * counts.parameters / (1e3 if figure.metric == "size_KB_ref" else 1e6)
    return layer_counts(NETWORKS[figure.arch], figure.kwargs["layer"], counts)[0]
