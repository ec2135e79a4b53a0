"""Weights from a file, fitted to a network of this project whatever the file calls its tensors.

Files of this project's runs, of torchvision and timm, and of the papers' authors hold the same tensors in the
order in which the network uses them; where names differ, that order and every shape decide.
"""

import pickle
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

WRAPPERS = ("state_dict", "model_state_dict", "model")
PREFIXES = ("module.", "network.")  # of DataParallel, of this project's Classifier


def load(network: nn.Module, path: Path) -> None:
    """Load the file's weights into `network`. Raises ValueError, in one line, if they cannot be read or don't fit."""
    network.load_state_dict(fitted(network, read(path), path.name), strict=False)


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, without what wraps them; no code in it is run. Raises ValueError."""
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            found: Any = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ValueError(f"cannot read {path} ({error.strerror or error})") from error
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path} holds more than tensors, or is damaged; save its state dict alone"
        ) from error
    except Exception as error:  # torch and safetensors raise many kinds for a damaged file
        raise ValueError(f"{path} is no file of weights, or is damaged ({type(error).__name__})") from error
    while isinstance(found, Mapping) and (inner := [found[key] for key in WRAPPERS if key in found]):
        found = inner[0]
    if not isinstance(found, Mapping) or not any(isinstance(value, Tensor) for value in found.values()):
        raise ValueError(f"{path} holds no state dict")
    found = {name: value for name, value in found.items() if isinstance(value, Tensor)}
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in found):
            found = {name.removeprefix(prefix): value for name, value in found.items()}
    return found


def fitted(network: nn.Module, found: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """The tensors under the network's own names.

    Auxiliary classifiers, which no evaluation uses, and batch counters, which old files lack, are left out.
    Raises ValueError that names the first tensor of `source` that doesn't fit.
    """
    own, found = _used(network.state_dict()), _used(found)
    by_name = own.keys() == found.keys()
    pairs = [(name, name) for name in own] if by_name else list(zip_longest(own, found))
    for ours, theirs in pairs:
        if ours is None or theirs is None or _core(own[ours]) != _core(found[theirs]):
            raise ValueError(
                f"{source} does not fit this network: {_told(own, ours)} would be {_told(found, theirs)} of the file; "
                "other knobs may fit"
            )
    return {ours: found[theirs].reshape(own[ours].shape) for ours, theirs in pairs}


def _used(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Torchvision calls auxiliary classifiers aux1 or AuxLogits."""
    return {
        name: value
        for name, value in tensors.items()
        if not name.endswith("num_batches_tracked")
        and not any(part.lower().startswith("aux") for part in name.split("."))
    }


def _core(tensor: Tensor) -> tuple[int, ...]:
    """The shape, the same for a fully connected layer and a 1×1 convolution."""
    return tuple(tensor.shape[:2] if tensor.shape[2:] == (1, 1) else tensor.shape)


def _told(tensors: Mapping[str, Tensor], name: str | None) -> str:
    return f"{name} ({'×'.join(map(str, tensors[name].shape))})" if name else "nothing"
