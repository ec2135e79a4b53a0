"""What a row of an architecture table says of a part of a network: sides, channels, kernel, stride, repetitions."""

import math
from collections.abc import Sequence
from functools import cache

from architectures.counting import Stage
from reports.verdicts.checks import convolutions
from reports.verdicts.complexity import Network, stages

DEPTHWISE, OTHER = "depthwise", "other"


@cache
def facts(network: Network, stage: str, kind: str = "") -> dict[str, float]:
    """Return by metric what a row prints of a stage of the network.

    kind: of which convolutions alone, DEPTHWISE or OTHER; empty for all. `kernel`, `repeat` and `expanded`, the channels
    between, are those of the depthwise ones where there are any.
    """
    names = list(stages(network))
    row, before = stages(network)[stage], names[: names.index(stage)]
    channels, *sides = (
        stages(network)[before[-1]].output if before else (3, network.resolution, network.resolution)
    )
    made: dict[str, float] = {
        "input_side": sides[0] if sides else 1,
        "input_channels": channels,
        "channels_out": row.output[0],
    }
    layers = [
        layer for layer in convolutions(row.module) if not kind or (layer.groups > 1) == (kind == DEPTHWISE)
    ]
    if not layers:
        return made
    between = [layer for layer in layers if layer.groups > 1] or layers
    return made | {
        "channels_in": layers[0].in_channels,
        "kernel": between[0].kernel_size[0],
        "stride": math.prod(layer.stride[0] for layer in layers),
        "repeat": len(between),
        "expanded": between[0].out_channels,
        "expansion": between[0].out_channels / layers[0].in_channels,
    }


def of_module(stage: Stage, columns: Sequence[str]) -> dict[str, int]:
    """Return by metric what a row prints of an Inception module: side and channels of its output, and of each column.

    columns: of the module's convolutions, in order.
    """
    channels, side, _ = stage.output
    layers = convolutions(stage.module)
    return {"output_side": side, "output_channels": channels} | {
        f"channels_{column}": layer.out_channels for column, layer in zip(columns, layers, strict=True)
    }
