"""Whether a step fits in the memory of its device: with less of it where a network can, in parts, or on more devices."""

import copy
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from architectures.recomputing import SavesMemory
from lightning_modules.configuration import MIXED_PRECISIONS, Configuration
from lightning_modules.execution.settings import ExecutionSettings
from lightning_modules.execution.share import Share
from lightning_modules.recipes import Recipe

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


@dataclass(frozen=True)
class Need:
    """Bytes that a training step takes at least. fixed: weights, gradients and what is kept beside them; image: of each."""

    fixed: float
    image: float

    @classmethod
    def of(cls, configuration: Configuration, network: nn.Module, setting: ExecutionSettings) -> "Need":
        """Return the need of a network on the meta device."""
        recipe = Recipe.from_hyperparameters(configuration.recipe)
        numbers = sum(parameter.numel() for parameter in network.parameters())
        states = {"sgd": 1, "rmsprop": 2}[recipe.optimiser]
        averages = recipe.weight_average is not None
        if setting.saves_memory and isinstance(network, SavesMemory):
            network = copy.deepcopy(network)
            network.save_memory()
        images = torch.empty(2, 3, configuration.resolution, configuration.resolution, device="meta")
        half = 0.5 if configuration.precision in MIXED_PRECISIONS else 1.0
        return cls(4 * numbers * (2 + states + averages), half * saved_bytes(network, images) / len(images))

    def step(self, images: int) -> float:
        """Return the bytes of a step of so many images at a time."""
        return self.fixed + images * self.image

    def refusal(self, share: Share, available: float) -> str | None:
        """Say, in one line, why a step can't fit in the bytes available, and what does; None if it may."""
        if self.step(share.images) <= available:
            return None
        return f"{self._needs(share)}, and {share.device} has {_gib(available)} free: {self.remedy(share, available)}"

    def exceeded(self, share: Share, available: float) -> str:
        """Say, in one line, that a step found too little memory, though so many bytes were available before."""
        # What is measured leaves out the workspaces, which took the rest.
        fitting = min(available, self.step(share.images)) * 0.9
        return (
            f"{share.device} is out of memory: {self._needs(share)} and more for workspaces, and {_gib(available)} were "
            f"free when it began: {self.remedy(share, fitting)}"
        )

    def remedy(self, share: Share, available: float) -> str:
        """Return the fewest devices, and the largest part of a batch, of which a step needs no more than is available."""
        fits = [images for images in range(2, share.images) if self.step(images) <= available]
        devices = [number for number in range(share.devices + 1, share.batch) if share.batch % number == 0]
        enough = [number for number in devices if share.batch // number in fits]
        powers = [2**power for power in range(2, share.images.bit_length()) if 2**power in fits]
        remedies = [f"share the batch of {share.batch:,} by --devices {enough[0]}"] if enough else []
        if powers and share.devices == 1:
            remedies.append(
                f"take --micro-batch {powers[-1]}, all that batch normalisation then sees at a time"
            )
        return ", or ".join(remedies) or "take a GPU with more memory, or free some of this one's"

    def _needs(self, share: Share) -> str:
        return f"a step of {share.images:,} images at a time needs at least {_gib(self.step(share.images))}"


def _gib(size: float) -> str:
    return f"{size / 2**30:,.1f} GiB"


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
