"""The part of a run that one process computes: on which device, and how many images of a batch. Imports no torch."""

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """kind: of device, "cuda" or "cpu". batch: images of an optimiser step, over all devices. devices: of the whole run.
    index: which GPU of this machine. micro_batch: images that the device takes at a time; None, its part of the batch.
    """

    kind: str
    batch: int
    devices: int = 1
    index: int = 0
    micro_batch: int | None = None

    @property
    def images(self) -> int:
        """Return the images that this device computes at a time."""
        return min(self.micro_batch or self.batch, max(1, self.batch // self.devices))

    @property
    def device(self) -> str:
        """Return the device as torch names it: "cuda:2"."""
        return f"cuda:{self.index}" if self.kind == "cuda" else self.kind


def of_this_process(
    kind: str,
    batch: int,
    devices: str | int,
    nodes: int,
    visible: int,
    environment: Mapping[str, str] = os.environ,
    micro_batch: int | None = None,
) -> Share:
    """Return this process's share of a run. devices: of a node, as Lightning reads it: a count, or "2,3". visible: GPUs."""
    gpus = list(range(visible)) if kind == "cuda" else [0]
    try:
        if "," in str(devices):
            gpus = [int(index) for index in str(devices).split(",") if index.strip()]
        elif str(devices) not in ("auto", "-1"):
            gpus = list(range(int(devices)))
    except ValueError:
        pass  # Lightning will refuse it
    local = int(environment.get("LOCAL_RANK") or environment.get("SLURM_LOCALID") or 0)
    index = gpus[local] if local < len(gpus) else 0
    return Share(kind, batch, max(1, len(gpus)) * nodes, index if kind == "cuda" else 0, micro_batch)
