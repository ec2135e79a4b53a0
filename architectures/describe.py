"""The architecture table as the papers print it, for any network: one row per direct child of the network.

Batch normalisation, activations and shortcuts are left out, as the papers do; squeeze-and-excitation is "fc"
with the widths of its layers (SENet, Table 1). Equal blocks in a row become one with "× n". The stride of a
block that stands for several isn't printed: the output size tells it. A child called `auxiliary` that runs in
training only has a row of its own: the total has its parameters.
"""

from torch import nn

from architectures.counting import count, count_stages
from architectures.layers.squeeze_excitation import SqueezeExcitation

Layer = (
    nn.Conv2d
    | nn.MaxPool2d
    | nn.AvgPool2d
    | nn.AdaptiveAvgPool2d
    | nn.LocalResponseNorm
    | SqueezeExcitation
    | nn.Linear
)
HEADINGS = ("layer", "output size", "blocks", "parameters", "mult-adds")


def describe(network: nn.Module, resolution: int) -> str:
    """Write the stages of a network for 3 × resolution × resolution pixels as Markdown; errors as `rows`."""
    return _table(rows(network, resolution))


def rows(network: nn.Module, resolution: int) -> list[tuple[str, ...]]:
    """Return the cells of the table under HEADINGS: a row a stage, and one for the total.

    Raises:
        ValueError: the network can't take images of that resolution.
    """
    stages = count_stages(network, resolution)
    cells: list[tuple[str, ...]] = [
        (
            stage.name,
            "×".join(map(str, stage.output[1:])) or "1×1",
            "; ".join(_texts([stage.module])),
            f"{stage.counts.parameters:,}",
            f"{stage.counts.mult_adds:,}",
        )
        for stage in stages
    ]
    auxiliary = dict(network.named_children()).get("auxiliary", nn.Identity())
    held = sum(parameter.numel() for parameter in auxiliary.parameters())
    if held and "auxiliary" not in {stage.name for stage in stages}:
        cells.append(("auxiliary, in training only", "", "; ".join(_texts([auxiliary])), f"{held:,}", "0"))
    total = count(network, resolution)
    cells.append(
        ("total", "", f"{total.layers:,} weighted layers", f"{total.parameters:,}", f"{total.mult_adds:,}")
    )
    return cells


def _table(cells: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(HEADINGS, *cells, strict=True)]
    numeric = [heading in ("parameters", "mult-adds") for heading in HEADINGS]

    def line(row: tuple[str, ...]) -> str:
        padded = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        )
        return f"| {' | '.join(padded)} |"

    rule = "|".join(
        "-" * (width + 1) + (":" if right else "-") for width, right in zip(widths, numeric, strict=True)
    )
    return "\n".join([line(HEADINGS), f"|{rule}|", *map(line, cells)])


def _texts(modules: list[nn.Module], strides: bool = True) -> list[str]:
    """Name the layers of modules in a row; runs of equal blocks are merged, single layers never."""
    runs: list[tuple[nn.Module, str, int]] = []
    for module in modules:
        text = "; ".join(_inside(module, strides=False))
        if runs and text and runs[-1][1] == text and not isinstance(module, Layer):
            runs[-1] = (*runs[-1][:2], runs[-1][2] + 1)
        elif text:
            runs.append((module, text, 1))
    texts = []
    for module, text, times in runs:
        if times > 1:
            texts.append(f"[{text}] × {times}")
        else:
            texts.extend(_inside(module, strides))
    return texts


def _inside(module: nn.Module, strides: bool) -> list[str]:
    if isinstance(module, Layer):
        return [_layer(module, strides)]
    return _texts([child for name, child in module.named_children() if name != "shortcut"], strides)


def _layer(module: Layer, strides: bool) -> str:
    if isinstance(module, nn.Linear):
        return f"{module.out_features}-d fully connected"
    if isinstance(module, nn.AdaptiveAvgPool2d):
        return "global average pool"
    if isinstance(module, nn.LocalResponseNorm):
        return "local response norm"
    if isinstance(module, SqueezeExcitation):
        widths = [layer.out_channels for layer in module.excitation if isinstance(layer, nn.Conv2d)]
        return f"fc, {widths}"
    size = "×".join(map(str, _pair(module.kernel_size)))
    stride = f", stride {_pair(module.stride)[0]}" if strides and _pair(module.stride)[0] > 1 else ""
    if isinstance(module, nn.MaxPool2d):
        return f"{size} max pool{stride}"
    if isinstance(module, nn.AvgPool2d):
        return f"{size} average pool{stride}"
    groups = f", C={module.groups}" if module.groups > 1 else ""
    return f"{size} conv, {module.out_channels}{groups}{stride}"


def _pair(size: int | tuple[int, ...]) -> tuple[int, ...]:
    return size if isinstance(size, tuple) else (size, size)
