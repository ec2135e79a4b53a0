"""Whether a network that can do with less memory has to."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from lightning_modules import training
from lightning_modules.configuration import Configuration
from lightning_modules.speed.settings import Setting

# Share of the free memory that what a forward pass keeps may take: gradients, workspaces and other runs need the rest.
SHARE = 0.5


def fitted(setting: Setting, configuration: Configuration, kind: str) -> Setting:
    """The setting with `saves_memory` if the network can, and the batch wouldn't fit otherwise.

    Saving costs 1.2 to 1.9 times the time of a step and changes no bit (see `architectures.recomputing`).
    """
    with torch.device("meta"):
        network = training.build(configuration)
    if not hasattr(network, "save_memory"):
        return setting
    needed = kept(network, configuration.resolution) * configuration.recipe["batch_size"]
    return replace(setting, saves_memory=needed > SHARE * free(kind))


def kept(network: nn.Module, resolution: int) -> float:
    """Bytes that a forward pass keeps of an image for the backward pass, counted on the meta device."""
    sizes: dict[int, int] = {}
    parameters = {id(parameter) for parameter in network.parameters()}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        if id(tensor) not in parameters:
            storage = tensor.untyped_storage()
            sizes[storage._cdata] = storage.nbytes()
            held.append(tensor)  # so that no other storage takes its place
        return tensor

    held: list[torch.Tensor] = []
    with torch.device("meta"), torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        network.train()(torch.empty(2, 3, resolution, resolution))
    return sum(sizes.values()) / 2


def free(kind: str) -> int:
    """Bytes that are free on the device of a kind: on the GPU, or for this container or machine."""
    if kind == "cuda":
        return torch.cuda.mem_get_info()[0]
    found = [2**62]
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        found += [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable")]
        limit, used = (Path(f"/sys/fs/cgroup/memory.{name}").read_text() for name in ("max", "current"))
        found.append(int(limit) - int(used))
    except (OSError, ValueError):  # not Linux, or no limit ("max")
        pass
    return min(found)
