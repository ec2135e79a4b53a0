"""DenseNet's Figure 5: how much each layer of a dense block leans on each layer before it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from reports.plots import style
from reports.plots.picture import Picture, Points


def picture(name: str, blocks: Mapping[str, np.ndarray], *, title: str, alt: str, caption: str) -> Picture:
    """Draw a panel a block.

    Args:
        name: the file's below `figures/`, without an ending.
        blocks: by its title, each block's mean absolute weights of shape (sources, targets), which are as many. Row 0
            is the block's input, row s its layer s; column ℓ - 1 is its layer ℓ, the last one what follows the block,
            a transition or the classifier. NaN where a target has no such source.

    Raises:
        ValueError: a matrix isn't of that shape; the message names its block.
    """
    return Picture(name, alt, caption, points(blocks), draw, {"title": title})


def points(blocks: Mapping[str, np.ndarray]) -> Points:
    """Return a row for each source and target that are connected."""
    rows: list[dict[str, Any]] = []
    for block, matrix in blocks.items():
        matrix = np.asarray(matrix, dtype=float)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or np.isnan(matrix).all():
            raise ValueError(
                f"block {block!r}: weights of shape {matrix.shape}; wanted are as many sources (the input and the "
                "layers) as targets (the layers and what follows)"
            )
        for source, target in np.argwhere(~np.isnan(matrix)).tolist():
            weight = float(f"{matrix[source, target]:.5g}")
            rows.append(
                {"block": block, "source": source, "target": target + 1, "mean_absolute_weight": weight}
            )
    return rows


def draw(points: Points, *, title: str) -> bytes:
    """Draw the PNG; sources downwards, targets to the right, dark where the weights are large. The last target is framed."""
    from matplotlib.patches import Rectangle
    from seaborn import heatmap

    blocks = list(dict.fromkeys(point["block"] for point in points))
    most = max(point["mean_absolute_weight"] for point in points)
    with style.sheet(len(blocks), height=3.1, title=title) as (figure, panels):
        for panel, block in zip(panels, blocks, strict=True):
            of_block = [point for point in points if point["block"] == block]
            size = max(point["target"] for point in of_block)
            matrix = np.full((size, size), np.nan)
            for point in of_block:
                matrix[point["source"], point["target"] - 1] = point["mean_absolute_weight"]
            # grey tells the weights apart in print; hatched: no such connection, which white would hide
            panel.set_facecolor("white")
            panel.patch.set(hatch="////", edgecolor="0.8")
            panel.grid(False)
            step = max(1, size // 6)
            heatmap(
                matrix, vmin=0, vmax=most, cmap="Greys", square=True, cbar=False, ax=panel,
                xticklabels=step, yticklabels=step,
            )  # fmt: skip
            shown = range(0, size, step)
            panel.set_xticks(
                [index + 0.5 for index in shown], [str(index + 1) for index in shown], rotation=0
            )
            panel.set_yticks([index + 0.5 for index in shown], [str(index) for index in shown], rotation=0)
            panel.add_patch(Rectangle((size - 1, 0), 1, size, fill=False, edgecolor="black", linewidth=1.5))
            panel.set(title=block, xlabel="target layer ℓ", ylabel="source layer s")
        colours = panels[-1].collections[0]
        figure.colorbar(colours, ax=panels, shrink=0.8, label="mean absolute weight")
        return style.png(figure)
