"""The random numbers of a run on several devices: every device drops units of its own, and goes on with its own state.

What is drawn for a whole batch (which blocks of a network with stochastic depth live) comes from the host's generator,
which is the same in all processes of a run on GPUs: they skip the same blocks, so that none waits for another.
"""

import numpy as np
import torch
from torch import Tensor


def seed_device(device: torch.device, seed: int, rank: int) -> None:
    """Seed the generator of a device by its rank; that of the first goes on as in a run on one device."""
    if rank:
        mixed = int(np.random.SeedSequence([seed, rank]).generate_state(1)[0])
        (torch.cuda if device.type == "cuda" else torch).manual_seed(mixed)


def device_states(device: torch.device) -> list[Tensor]:
    """Return the state of every process's generator that dropout draws from, by rank. All processes call it together."""
    own = torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()
    if not torch.distributed.is_initialized():
        return [own]
    states = [own] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(states, own)
    return states


def restore(
    device: torch.device, host_state: Tensor, states: dict[str, list[Tensor]], seed: int, rank: int
) -> None:
    """Go on with the host's state and with this device's own alone; one that is new to the run is seeded.

    states: `device_states` by the kind of device.
    """
    torch.set_rng_state(host_state.cpu())
    of_kind = states.get(device.type, [])
    if rank >= len(of_kind):
        seed_device(device, seed, rank)
    elif device.type == "cuda":
        torch.cuda.set_rng_state(of_kind[rank].cpu(), device)
    else:
        torch.set_rng_state(of_kind[rank].cpu())
