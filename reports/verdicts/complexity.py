"""Every printed parameter, multiply-add, size and layer count against what the network counts to.

One module a paper, `reports/verdicts/checks/<paper>.py`, says how its tables are to be read:

    TABLES       the files of `reports/papers/` that it reads
    CONVENTION   in words, for the page: what its tables count
    network_for(figure)        the `Network` of a row; or, in words, why there is none here
    count_for(figure, counts)  our count in the figure's unit, by the table's convention
    CUT          keys of figures that the paper cut off instead of rounding, if there are any
    EXPLAINED    keys of figures that no sensible count gives, each with the reason, if there are any
"""

import functools
import importlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar

import architectures
from architectures import resolve
from architectures.counts import Counts
from reports.printed.figures import Figure, read
from reports.verdicts import cache, sources

if TYPE_CHECKING:
    from torch import nn

    from architectures.counting import Stage

EXACT, CUT, EXPLAINED, UNEXPLAINED = "exact", "exact if cut", "not reproducible as printed", "unexplained"
# How the metrics that can be counted begin, and widths named by a letter; all others are trained or measured.
COUNTED = (
    *("params", "mult_adds", "flop", "gflops", "ops_", "layers", "weight_layers", "weights", "size_"),
    *("block_", "bottleneck_width", "group_conv_width", "stage", "conv5", "neurons"),
    *("channels", "input_", "output_", "kernel", "stride", "repeat", "expan"),
)
LETTERS = ("k", "l", "m", "n")


@dataclass(frozen=True)
class Network:
    """An architecture with knobs, on images of 3 × resolution × resolution."""

    arch: str
    stem: str
    knobs: tuple[tuple[str, object], ...]
    resolution: int
    classes: int

    @classmethod
    def of(cls, arch: str, stem: str, knobs: dict, resolution: int | None = None, classes: int | None = None):
        small = stem == "cifar"
        resolved = tuple(resolve(arch, stem, knobs).items())
        return cls(
            arch, stem, resolved, resolution or (32 if small else 224), classes or (10 if small else 1000)
        )

    def on_meta(self) -> "nn.Module":
        """Build the network without memory."""
        import torch

        with torch.device("meta"):
            return architectures.build(
                self.arch, stem=self.stem, num_classes=self.classes, **dict(self.knobs)
            )


@dataclass(frozen=True)
class Row:
    """One printed count beside ours."""

    paper: str
    figure: Figure
    network: Network
    counted: float
    verdict: str
    reason: str = ""


@dataclass(frozen=True)
class Quoted:
    """One printed count of a network that isn't built here, and why."""

    paper: str
    figure: Figure
    reason: str
    verdict: ClassVar[str] = ""


def key(figure: Figure) -> tuple[str, str, str]:
    """Return what names a figure within its paper: table, row, metric."""
    return (figure.table, figure.row_id, figure.metric)


def countable(metric: str) -> bool:
    return metric.startswith(COUNTED) or metric in LETTERS


def papers() -> list[str]:
    """Return the papers whose checks read tables."""
    folder = Path(__file__).parent / "checks"
    return sorted(path.stem for path in folder.glob("*.py") if hasattr(module_of(path.stem), "TABLES"))


def module_of(paper: str) -> ModuleType:
    """Return the module that says how a paper's tables are to be read."""
    return importlib.import_module(f"reports.verdicts.checks.{paper}")


def rows(paper: str) -> Iterator[Row | Quoted]:
    """Yield the countable figures of a paper's tables, judged."""
    module = module_of(paper)
    for table in module.TABLES:
        for figure in read(table):
            if not countable(figure.metric):
                continue
            network = module.network_for(figure)
            if isinstance(network, str):
                yield Quoted(paper, figure, network)
                continue
            ours = module.count_for(figure, counts(network))
            yield Row(paper, figure, network, ours, *_judge(module, figure, ours))


def _judge(module: ModuleType, figure: Figure, ours: float) -> tuple[str, str]:
    if figure.matches(ours):
        return EXACT, ""
    if key(figure) in getattr(module, "CUT", ()) and figure.cut(ours):
        return CUT, ""
    if reason := getattr(module, "EXPLAINED", {}).get(key(figure)):
        return EXPLAINED, reason
    return UNEXPLAINED, ""


def counts(network: Network) -> Counts:
    """Return the counts of a network, made on the meta device unless they are known."""

    def counted() -> dict:
        from architectures.counting import count  # torch: for counts that aren't known

        return asdict(count(network.on_meta(), network.resolution))

    answer = cache.current().get(
        "counts",
        repr(network),
        sources.fingerprint(sources.of_architecture(network.arch)),
        counted,
    )
    return Counts(**answer)


@functools.cache
def stages(network: Network) -> "dict[str, Stage]":
    """Return the rows of the network's architecture table by name."""
    from architectures.counting import count_stages

    return {stage.name: stage for stage in count_stages(network.on_meta(), network.resolution)}
