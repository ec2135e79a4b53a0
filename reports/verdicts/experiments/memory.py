"""DenseNets in training: what a step takes in time, and what it keeps in memory.

Memory is what the forward pass keeps for the backward pass, counted exactly over the tensors that autograd saves,
each storage once, parameters aside. It grows with the square of the depth, because every layer keeps its own copy of
all earlier channels; `DenseNet.save_memory` keeps none (arXiv:1707.06990) and grows with the depth.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from torch import Tensor, nn

import architectures
from architectures.counting import count
from architectures.densenet import DenseNet
from lightning_modules.execution.memory import saved_bytes
from reports.printed.figures import read
from reports.printed.variants import marked
from reports.verdicts.experiments import Cell, Outcome, Setup, experiment, rules, table
from reports.verdicts.experiments.passes import here, images, training
from reports.verdicts.experiments.timing import in_turns, stopwatch

DENSENET, SAVING = "DenseNet-BC-100 (k = 12)", "the same, saving memory"
RESNETS = {"pre-activation ResNet-1001": ("preact_resnet", 1001), "ResNet-110": ("resnet", 110)}
# The network of DenseNet's Table 2 whose error DenseNet-BC-100 reaches, which makes their training comparable.
EQUAL = "pre-activation ResNet-1001"
ROWS = {DENSENET: "bc100-12", EQUAL: "pre1001", "ResNet-110": "res110"}
SIDE, BATCH = 32, {"cpu": 4, "cuda": 64}
# Equal steps of depth, 3n + 4: so that differences show how memory grows.
DEPTHS = (10, 16, 22, 28, 34, 40)
WORDS = {
    "depth": "with its depth",
    "square": "with the square of its depth",
    "faster": "faster than its depth",
    "otherwise": "neither with its depth nor faster throughout",
}


@experiment("densenet.trains_efficiently")
def training_densenets(
    setup: Setup,
    rounds: int = 11,
    depth: int = 100,
    resnets: Mapping = RESNETS,
    depths: Sequence[int] = DEPTHS,
) -> Outcome:
    """It holds if a step of DenseNet-BC-100 takes less time than one of the ResNet with its printed error, with fewer
    parameters, and if memory grows faster than depth."""
    networks = {DENSENET: _cifar("densenet_bc", depth, growth_rate=12), SAVING: _saving("densenet_bc", depth)}
    networks |= {name: _cifar(arch, depth) for name, (arch, depth) in resnets.items()}
    batch = images(BATCH[setup.device], 3, SIDE, setup.device)
    with stopwatch(setup.device) as watch:
        times = in_turns(
            {name: training(network, batch) for name, network in networks.items()}, rounds, watch
        )
    parameters = {name: sum(p.numel() for p in network.parameters()) for name, network in networks.items()}
    bytes_of = {name: bytes_kept(network, batch[:1]) for name, network in networks.items()}
    mult_adds = {name: count(network, SIDE).mult_adds for name, network in networks.items()}
    usual, saving = (
        [bytes_kept(make("densenet", depth, growth_rate=12).to(setup.device), batch[:1]) for depth in depths]
        for make in (_cifar, _saving)
    )
    ratio = times.ratio(EQUAL, DENSENET)
    fewer = parameters[DENSENET] < parameters[EQUAL]
    per_parameter = ratio.median * parameters[DENSENET] / parameters[EQUAL]
    decided = [ratio.above(1.0), fewer, growth(usual) in ("square", "faster")]
    evidence = (
        (
            f"a step of {EQUAL} takes {ratio} times that of {DENSENET}, {here(setup.device, len(batch))}; the printed errors "
            f"are {_error(EQUAL)} and {_error(DENSENET)} %"
        ),
        (
            f"{DENSENET} has {parameters[DENSENET] / parameters[EQUAL]:.1%} of the parameters, so that a parameter takes "
            f"{1 / per_parameter:.1f} times the time"
        ),
        f"its forward pass keeps {_mib(bytes_of[DENSENET])} MiB an image, that of {EQUAL} {_mib(bytes_of[EQUAL])}",
        (
            f"what a DenseNet (k = 12) keeps grows {WORDS[growth(usual)]}, saving memory {WORDS[growth(saving)]}, for which a "
            f"step takes {times.ratio(SAVING, DENSENET)} times as long"
        ),
    )
    columns: dict[str, Mapping[str, Cell]] = {
        "parameters": parameters,
        "kept, MiB an image": {name: _mib(size) for name, size in bytes_of.items()},
        "printed error, C10+": {name: _error(name) for name in ROWS},
    }
    rows: list[list[Cell]] = [
        [depth, kept_usually, kept_saving, f"{kept_usually / kept_saving:.2f}"]
        for depth, kept_usually, kept_saving in zip(depths, usual, saving, strict=True)
    ]
    shown = [
        times.table("A step of training, 32 × 32", DENSENET, mult_adds, columns),
        table("Bytes kept, DenseNet (k = 12), an image", ("depth", "usual", "saving memory", "ratio"), rows),
    ]
    return Outcome(rules.all_hold(decided), evidence, {"tables": shown})


def growth(sizes: Sequence[int]) -> str:
    """Return how at least four sizes at equal steps of depth grow, a key of WORDS; the first two are exact."""
    first = [later - earlier for earlier, later in pairwise(sizes)]
    second = [later - earlier for earlier, later in pairwise(first)]
    if not any(second):
        return "depth"
    if min(second) <= 0:
        return "otherwise"
    return "square" if len(set(second)) == 1 else "faster"


def bytes_kept(network: nn.Module, batch: Tensor) -> int:
    """Return what a forward pass in training keeps of a batch for the backward pass."""
    return saved_bytes(network.train(), batch)


def _cifar(arch: str, depth: int, **knobs) -> nn.Module:
    return architectures.build(arch, stem="cifar", num_classes=10, depth=depth, **knobs)


def _saving(arch: str, depth: int, growth_rate: int = 12) -> nn.Module:
    network = _cifar(arch, depth, growth_rate=growth_rate)
    assert isinstance(network, DenseNet)
    network.save_memory()
    return network


def _error(name: str) -> str:
    printed = ("Table 2", ROWS[name], "CIFAR-10", "+")
    return marked(
        next(f for f in read("densenet_t2") if (f.table, f.row_id, f.dataset, f.augmentation) == printed)
    )


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f}"
