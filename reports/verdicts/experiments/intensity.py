"""Arithmetic intensity: multiply-adds for each byte that has to be moved, and what becomes of them on a machine.

ShuffleNet v2 (Ma et al., arXiv:1807.11164, Section 2, guideline 4) counts depthwise convolutions among the element-wise
operations: hardly more than these do they compute with what they read and write.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median

import torch
from torch import Tensor, nn

from reports.verdicts.experiments import Cell, Holds, Outcome, Setup, experiment, rules, table
from reports.verdicts.experiments.passes import deployed, forward, here, images
from reports.verdicts.experiments.timing import Comparison, in_turns, stopwatch

# Channels and pixels a side of depthwise layers of stride 1 in MobileNet's Table 1.
SHAPES = ((32, 112), (128, 56), (256, 28), (512, 14))
# An image on a CPU, as the paper timed; on a GPU so many that starting a kernel takes no time beside running it.
BATCH = {"cpu": 1, "cuda": 512}
NUMBER = 4  # bytes
RELU, ADDITION, DEPTHWISE, DENSE = "ReLU", "addition", "3×3 depthwise", "1×1 dense"


@dataclass(frozen=True)
class Operation:
    """What runs, the operations of a batch (a multiply-add is one), and the bytes it must read and write."""

    run: Callable[[], object]
    operations: int
    moved: int

    @property
    def intensity(self) -> float:
        return self.operations / self.moved


@experiment("depthwise.low_arithmetic_intensity")
def depthwise(setup: Setup, rounds: int = 241, shapes: Sequence[tuple[int, int]] = SHAPES) -> Outcome:
    """It holds if a depthwise convolution does fewer multiply-adds a byte and a second than a dense 1×1, at all shapes."""
    comparisons, intensities, by_relu = [], [], []
    rows: list[list[Cell]] = []
    for channels, side in shapes:
        operations = on_feature_maps(images(BATCH[setup.device], channels, side, setup.device))
        with stopwatch(setup.device) as watch:
            times = in_turns({name: operation.run for name, operation in operations.items()}, rounds, watch)
        seconds = {name: median(measured) for name, measured in times.seconds.items()}
        more = operations[DEPTHWISE].operations / operations[DENSE].operations
        size = f"{channels} × {side} × {side}"
        comparisons.append(Comparison.of(DEPTHWISE, DENSE, times.ratio(DEPTHWISE, DENSE, more), size=size))
        intensities.append((operations[DEPTHWISE].intensity, operations[DENSE].intensity))
        by_relu.append(f"{times.ratio(DEPTHWISE, RELU)} at {size}")
        for name, operation in operations.items():
            rate = operation.operations / seconds[name] / 1e9
            measures = [1e3 * seconds[name], operation.moved / seconds[name] / 1e9, rate]
            rows.append([size, name, f"{operation.intensity:.2f}", *measures])
    columns = ("channels", "operation", "mult-adds a byte", "ms", "GB/s", "G mult-adds/s")
    where = here(setup.device, BATCH[setup.device])
    holds, (*deciding, rule) = judge(comparisons, intensities, where)
    beside = f"depthwise takes as many times as long as ReLU on the same feature maps: {', '.join(by_relu)}"
    return Outcome(
        holds,
        (*deciding, beside, rule),
        {
            "tables": [table("Operations on feature maps", columns, rows)],
            "comparisons": list(map(asdict, comparisons)),
            "intensities": intensities,
        },
    )


def judge(
    comparisons: Sequence[Comparison], intensities: Sequence[tuple[float, float]], where: str
) -> tuple[Holds, tuple[str, ...]]:
    """Judge by direction, at all shapes. intensities: mult-adds a byte, depthwise and dense, a shape each; with evidence."""
    fewer_a_byte = [depthwise < dense for depthwise, dense in intensities]
    slower = [comparison.as_claimed for comparison in comparisons]
    words = [
        f"{comparison} times the time at {low:.2f} against {high:.1f} mult-adds a byte ({comparison.size})"
        for comparison, (low, high) in zip(comparisons, intensities, strict=True)
    ]
    evidence = (
        f"a mult-add of a depthwise convolution takes, {where}, against one of a dense 1×1: {', '.join(words)}",
        (
            "rule: as claimed if it does fewer mult-adds a byte and a second than the dense convolution, the whole 95 % "
            "interval on one side; no threshold is printed, and that memory is the only bound isn't shown"
        ),
    )
    return rules.all_hold([*fewer_a_byte, *slower]), evidence


def on_feature_maps(batch: Tensor) -> dict[str, Operation]:
    """Make the operations on a batch (N, channels, H, W), each with an output of the same shape."""
    channels, total = batch.shape[1], batch.numel()
    other = torch.randn_like(batch)
    depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
    dense = nn.Conv2d(channels, channels, 1, bias=False)

    def operation(run: Callable[[], object], mult_adds: int, weights: int = 0, inputs: int = 1) -> Operation:
        return Operation(run, mult_adds * total, NUMBER * ((inputs + 1) * total + weights))

    def convolution(layer: nn.Conv2d) -> Operation:
        run = forward(deployed(layer, batch.device.type), batch)
        return operation(run, layer.weight[0].numel(), layer.weight.numel())

    return {
        RELU: operation(forward(nn.ReLU(), batch), 1),
        ADDITION: operation(lambda: torch.add(batch, other), 1, inputs=2),
        DEPTHWISE: convolution(depthwise),
        DENSE: convolution(dense),
    }
