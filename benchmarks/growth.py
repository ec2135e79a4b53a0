"""What grows with the size of a thing: DenseNet's step over its depth, and the listing of a study over its cells.

    uv run -m benchmarks.growth [deepest]

Saved memory is counted, not sampled: the bytes of all tensors that a forward pass keeps for the backward pass.
"""

import itertools
import sys
import time

import torch
from torch import Tensor, nn

import architectures
from architectures.recomputing import SavesMemory
from lightning_modules.execution.allocator import keep_freed_memory
from lightning_modules.execution.memory import saved_bytes
from lightning_modules.execution.settings import laid_out
from reports.pages import markdown
from sweeps import study as studies

DEPTHS = (40, 70, 100, 130, 160, 190)
BATCH = 4
CELLS = (10, 100, 1_000, 10_000)


def step_seconds(network: nn.Module, images: Tensor) -> float:
    begun = time.process_time()
    network(images).sum().backward()
    return time.process_time() - begun


def densenet(deepest: int) -> str:
    images = torch.randn(BATCH, 3, 32, 32).to(memory_format=torch.channels_last)
    rows = []
    for depth in (depth for depth in DEPTHS if depth <= deepest):
        row = [str(depth)]
        for save_memory in (False, True):
            network = architectures.build(
                "densenet_bc", stem="cifar", num_classes=10, depth=depth, growth_rate=12
            )
            laid_out(network, torch.channels_last).train()
            if save_memory:
                assert isinstance(network, SavesMemory)
                network.save_memory()
            saved = saved_bytes(network, images)
            step_seconds(network, images)  # warms up
            fastest = min(step_seconds(network, images) for _ in range(3))
            row += [f"{saved / BATCH / 2**20:.1f}", f"{fastest / BATCH:.3f}"]
        rows.append(row)
    columns = (
        "DenseNet-BC, k = 12: depth",
        "saved MiB an image",
        "s an image",
        "saved, recomputing",
        "s, recomputing",
    )
    return markdown.table(columns, rows, right=columns)


def listing() -> str:
    """List the cells of one study, by more and more seeds, and return the table of the times."""
    study = studies.read("mobilenet_width")
    rows = []
    cells_a_seed = len(studies.cells(study, "paper", seeds=[0]))
    for cells in CELLS:
        seeds = list(itertools.islice(itertools.count(), max(1, cells // cells_a_seed)))
        begun = time.process_time()
        listed = studies.cells(study, "paper", seeds=seeds)
        rows.append([f"{len(listed):,}", f"{time.process_time() - begun:.3f}"])
    columns = ("cells listed", "s of CPU")
    return markdown.table(columns, rows, right=columns)


def main(deepest: int = 190) -> None:
    torch.set_num_threads(1)
    keep_freed_memory()
    print(densenet(deepest), listing(), sep="\n\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
