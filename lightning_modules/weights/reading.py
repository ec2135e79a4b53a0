"""A file of weights, read without running code in it, and only if its bytes are those that were written."""

import pickle
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor

from lightning_modules.configuration import Configuration
from lightning_modules.weights import integrity, state_dicts

# By the first bytes, what a file is that isn't weights, and what to do about it.
OTHER_KINDS = {
    b"version https://git-lfs": "a Git LFS pointer; fetch what it points to with `git lfs pull`",
    b"<!doctype": "a web page; download the file itself",
    b"<html": "a web page; download the file itself",
    b"<?xml": "an XML answer of a server; download the file itself",
    b"\x89hdf": "HDF5, as Keras saves; convert it to a state dict",
    b"\x1f\x8b": "gzip-compressed; unpack it",
    b"bzh": "bzip2-compressed; unpack it",
    b"\xfd7zxz": "xz-compressed; unpack it",
    b"\x93numpy": "an array of NumPy; save a state dict",
}


@dataclass(frozen=True)
class WeightsFile:
    """The network of a file. configuration: of a checkpoint of this project. notes: lines that the user should see."""

    name: str
    tensors: dict[str, Tensor]
    configuration: Configuration | None
    notes: tuple[str, ...] = ()


def read(
    path: Path, key: str | None = None, digests: Mapping[str, str] = MappingProxyType({})
) -> WeightsFile:
    """Read the network under `key` in a file, the likeliest if None.

    digests: the SHA-256 that its bytes must have, by the source that tells it.
    Raises ValueError, in one line that names the file.
    """
    try:
        _check_kind(path)
        known = integrity.verify(path, digests)
        content = _content(path)
    except OSError as error:
        raise ValueError(f"cannot read {path} ({error.strerror or error})") from error
    if not isinstance(content, Mapping) or not (networks := state_dicts.networks(content)):
        raise ValueError(f"{path} holds no state dict")
    matching = [k for k in networks if key is None or k == key or k.startswith(f"{key}.")]
    if not matching:
        raise ValueError(f"{path} has no --weights-key {key}; it has {', '.join(map(repr, networks))}")
    chosen = matching[0]
    alike = [
        k for k, tensors in networks.items() if k != chosen and _shapes(tensors) == _shapes(networks[chosen])
    ]
    notes = []
    if alike and key is None:
        notes.append(
            f"{path.name} holds several networks: {chosen!r} was taken (--weights-key {alike[0]} takes another)"
        )
    if not known:
        notes.append(integrity.keep(path))
    return WeightsFile(path.name, networks[chosen], _configuration(content, path), tuple(notes))


def _check_kind(path: Path) -> None:
    """Raise ValueError for what is no file, or is of a kind that is known to hold no state dict."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError(f"{path} is no regular file")
    with path.open("rb") as file:
        start = file.read(64)
    if not start:
        raise ValueError(f"{path} is empty; fetch it again")
    for beginning, kind in OTHER_KINDS.items():
        if start.lstrip().lower().startswith(beginning):
            raise ValueError(f"{path} is {kind}")


def _content(path: Path) -> object:
    """What the file holds, by its first bytes: a header of JSON after its length is safetensors'."""
    with path.open("rb") as file:
        safetensors = path.suffix == ".safetensors" or file.read(9)[8:] == b"{"
    try:
        if safetensors:
            from safetensors.torch import load_file

            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path} holds more than tensors, or is damaged; save its state dict alone"
        ) from error
    except Exception as error:  # torch and safetensors raise many kinds for a damaged file
        raise ValueError(f"{path} is no file of weights, or is damaged ({type(error).__name__})") from error


def _configuration(content: Mapping, path: Path) -> Configuration | None:
    """The run that a checkpoint of this project is of; None for other files."""
    hyperparameters = content.get("hyper_parameters")
    config = hyperparameters.get("config") if isinstance(hyperparameters, Mapping) else None
    if not isinstance(config, Mapping) or not {"arch", "knobs", "recipe_name"} <= config.keys():
        return None
    try:
        return Configuration(**config)
    except TypeError as error:
        raise ValueError(f"{path} is of another version of this project ({error})") from error


def _shapes(tensors: Mapping[str, Tensor]) -> list[tuple[int, ...]]:
    return [tuple(tensor.shape) for tensor in tensors.values()]
