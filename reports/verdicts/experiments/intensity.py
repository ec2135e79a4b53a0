"""Arithmetic intensity: multiply-adds for each byte that has to be moved, and what becomes of them on a machine.

ShuffleNet v2 (Ma et al., arXiv:1807.11164, Section 2, guideline 4) counts depthwise convolutions among the element-wise
operations: hardly more than these do they compute with what they read and write.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor, nn

from reports.verdicts.experiments import Cell, Outcome, Setup, experiment, rules, table
from reports.verdicts.experiments.passes import deployed, forward, here, images
from reports.verdicts.experiments.timing import in_turns, stopwatch, tally

# Channels and pixels a side of depthwise layers of stride 1 in MobileNet's Table 1.
SHAPES = ((32, 112), (128, 56), (256, 28), (512, 14))
# An image on a CPU, as the paper timed; on a GPU so many that starting a kernel takes no time beside running it.
BATCH = {"cpu": 1, "cuda": 512}
# Bound by memory: at least half of the time is what moving the same feature maps takes.
BOUND = 2.0
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
    """It holds if a depthwise convolution takes less than twice as long as a ReLU of the same feature maps, at all shapes."""
    decided, evidence = [], []
    rows: list[list[Cell]] = []
    for channels, side in shapes:
        operations = on_feature_maps(images(BATCH[setup.device], channels, side, setup.device))
        with stopwatch(setup.device) as watch:
            times = in_turns({name: operation.run for name, operation in operations.items()}, rounds, watch)
        seconds = {name: median(measured) for name, measured in times.seconds.items()}
        rates = {name: operation.operations / seconds[name] / 1e9 for name, operation in operations.items()}
        ratio = times.ratio(DEPTHWISE, RELU)
        slower = ratio.above(BOUND)
        decided.append(None if slower is None else not slower)
        evidence.append(
            f"{channels} channels of {side} × {side}: depthwise takes {ratio} times as long as ReLU, at "
            f"{operations[DEPTHWISE].intensity:.2f} mult-adds a byte and {rates[DEPTHWISE]:.3g} G mult-adds/s; "
            f"1×1 dense {operations[DENSE].intensity:.0f} and {rates[DENSE]:.3g}"
        )
        for name, operation in operations.items():
            measures = [1e3 * seconds[name], operation.moved / seconds[name] / 1e9, rates[name]]
            rows.append([f"{channels} × {side} × {side}", name, f"{operation.intensity:.2f}", *measures])
    summary = (
        f"bound by memory if it takes less than {BOUND:g} times as long as ReLU: {tally(decided)}, "
        f"{here(setup.device, BATCH[setup.device])}"
    )
    columns = ("channels", "operation", "mult-adds a byte", "ms", "GB/s", "G mult-adds/s")
    return Outcome(
        rules.all_hold(decided),
        (summary, *evidence),
        {"tables": [table("Operations on feature maps", columns, rows)]},
    )


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
