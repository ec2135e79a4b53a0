"""What can be set, and the table of what was measured. Nothing here imports torch before it has to.

Every setting gives the same results up to rounding: of fp32, logits within 1e-3 of the largest. Numerics that differ by
more (bf16, TF32) are a run's `--precision`, which its id is made from.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import architectures
from lightning_modules.configuration import Configuration

if TYPE_CHECKING:
    import torch
    from torch import nn

Layout = Literal["channels_last", "contiguous"]

# By device and family, the time of a training step in NCHW over that in channels_last: on one core of an AMD EPYC, 16
# images of CIFAR, or 8, torch 2.11, fp32, medians of turns (`run.py --tune` measures the same of one network). Where
# nothing was measured it is channels_last, which GPUs' matrix units want. Compiling is left to `--tune`: it takes
# minutes and gained 0.6 to 1.9.
NCHW_TIMES: dict[str, dict[str, float]] = {
    "cpu": {
        "alexnet": 0.92,
        "all_cnn": 1.05,
        "densenet": 1.21,
        "mobilenet_v1": 1.25,
        "mobilenet_v2": 1.21,
        "resnet": 1.18,
        "shufflenet_v1": 1.15,
        "shufflenet_v2": 1.01,
        "squeezenet": 1.27,
        "vgg": 0.98,
    },
    "cuda": {},
}
# A smaller difference than this doesn't outweigh that all networks are alike.
WORTHWHILE = 0.1


@dataclass(frozen=True)
class Setting:
    """How a network is laid out and run.

    layout: of images and weights in memory. compiled: the mode of torch.compile for whole training batches, empty for
    none; "reduce-overhead" captures CUDA graphs. saves_memory: in less memory and more time, see
    `architectures.recomputing`. source: where it comes from, in words.
    """

    layout: Layout = "channels_last"
    compiled: Literal["", "default", "reduce-overhead"] = ""
    saves_memory: bool = False
    source: str = "default"

    @property
    def memory_format(self) -> "torch.memory_format":
        import torch

        return torch.channels_last if self.layout == "channels_last" else torch.contiguous_format

    def __str__(self) -> str:
        how = [self.layout]
        if self.compiled:
            how.append(f"compiled ({self.compiled})")
        if self.saves_memory:
            how.append("saving memory")
        return f"{', '.join(how)} ({self.source})"


DEFAULT = Setting()


def compiled(network: "nn.Module", setting: Setting) -> Callable | None:
    """The network's forward pass, compiled for one size of batch; None if the setting doesn't compile.

    A function, so that the network keeps its parameters' names.
    """
    if not setting.compiled:
        return None
    import torch

    return torch.compile(network.forward, mode=setting.compiled, dynamic=False)


def compiler_missing(kind: str) -> str:
    """What torch.compile needs and this machine lacks, and the remedy; empty if nothing."""
    name = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
    if kind == "cpu" and not shutil.which(name):
        return f"there is no C++ compiler {name}; install it or name one in CXX"
    return ""


def choose(configuration: Configuration, kind: str, data_dir: Path, folder: Path) -> Setting:
    """The setting of a run on a device of a kind, "cpu" or "cuda".

    A run that goes on keeps the one that it began with, which lies in its folder; so it ends with the same bits. Else
    what `run.py --tune` found in `data_dir` for this network and device, else the table. Raises OSError if `folder`
    cannot be written to.
    """
    kept = folder / "speed.json"
    if kept.exists() and (folder / "checkpoint.ckpt").exists():
        setting = Setting(**json.loads(kept.read_text(encoding="utf-8")))
        return replace(setting, compiled="") if compiler_missing(kind) else setting
    from lightning_modules.speed import memory, tuning

    setting = tuning.recall(configuration, kind, data_dir) or of_table(configuration, kind)
    setting = memory.fitted(setting, configuration, kind)
    part = kept.with_suffix(f".{os.getpid()}.part")  # several processes of a run may be here
    part.write_text(json.dumps(asdict(setting)), encoding="utf-8")
    os.replace(part, kept)
    return setting


def of_table(configuration: Configuration, kind: str) -> Setting:
    """What was measured of the family, or else holds for all."""
    family = architectures.find(configuration.arch).family
    wins = NCHW_TIMES[kind].get(family, 1.0) < 1 - WORTHWHILE
    return Setting("contiguous" if wins else "channels_last", source="the project's table")
