"""Whether a network that can do with less memory has to."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from architectures.recomputing import SavesMemory
from lightning_modules.configuration import Configuration
from lightning_modules.execution.settings import ExecutionSettings
from lightning_modules.execution.share import Share

# Part of the free memory that what a forward pass keeps may take: gradients, workspaces and other runs need the rest.
FRACTION = 0.5


def fitted(
    setting: ExecutionSettings, network: nn.Module, configuration: Configuration, share: Share
) -> ExecutionSettings:
    """Return the setting with `saves_memory`, and not compiled, if the network can, and the device's images wouldn't fit otherwise.

    network: on the meta device. Saving costs 1.2 to 1.9 times the time of a step and changes no bit (see `architectures.recomputing`).
    """
    if not isinstance(network, SavesMemory):
        return setting
    images = torch.empty(2, 3, configuration.resolution, configuration.resolution, device="meta")
    needed = saved_bytes(network, images) / len(images) * share.images
    if needed <= FRACTION * free(share.device):
        return replace(setting, saves_memory=False)
    return replace(setting, saves_memory=True).possible()


def saved_bytes(network: nn.Module, images: Tensor) -> int:
    """Return the bytes that a forward pass keeps for the backward pass, storages counted once; not the network's.

    On the meta device, too.
    """
    permanent = {tensor.untyped_storage()._cdata for tensor in (*network.parameters(), *network.buffers())}
    saved: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in permanent:
            saved[storage._cdata] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        alive = network(images)  # until all is counted, or storages would be used again
    del alive
    return sum(saved.values())


def free(device: str) -> int:
    """Return the bytes that are free on a device: on the GPU "cuda:1", or for this container or machine."""
    if device.startswith("cuda"):
        return torch.cuda.mem_get_info(device)[0]
    limits = [2**62]
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        limits += [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable")]
        limit, used = (Path(f"/sys/fs/cgroup/memory.{name}").read_text() for name in ("max", "current"))
        limits.append(int(limit) - int(used))
    except (OSError, ValueError):  # not Linux, or no limit ("max")
        pass
    return min(limits)
