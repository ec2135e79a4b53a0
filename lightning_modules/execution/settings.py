"""What can be set, and the table of what was measured. Nothing here imports torch before it has to.

Every setting gives the same results up to rounding: of fp32, logits within 1e-3 of the largest. Numerics that differ by
more (bf16, TF32) are a run's `--precision`, which its id is made from.
"""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    import torch
    from torch import nn

Layout = Literal["channels_last", "contiguous"]
CompileMode = Literal["", "default", "reduce-overhead"]
Network = TypeVar("Network", bound="nn.Module")


@dataclass(frozen=True)
class ExecutionSettings:
    """How a network is laid out and run.

    layout: of images and weights in memory. compiled: the mode of torch.compile for whole training batches, empty for
    none; "reduce-overhead" captures CUDA graphs. saves_memory: in less memory and more time, see
    `architectures.recomputing`. source: where it comes from, in words.
    """

    layout: Layout = "channels_last"
    compiled: CompileMode = ""
    saves_memory: bool = False
    source: str = "default"

    @property
    def memory_format(self) -> "torch.memory_format":
        import torch

        return torch.channels_last if self.layout == "channels_last" else torch.contiguous_format

    def possible(self) -> "ExecutionSettings":
        """Return the setting itself, but not compiled where it saves memory: the compiler has no form for computing again."""
        if not (self.compiled and self.saves_memory):
            return self
        return replace(self, compiled="", source=f"{self.source}; not compiled, because it saves memory")

    def __str__(self) -> str:
        how: list[str] = [self.layout]
        if self.compiled:
            how.append(f"compiled ({self.compiled})")
        if self.saves_memory:
            how.append("saving memory")
        return f"{', '.join(how)} ({self.source})"


DEFAULT = ExecutionSettings()


def laid_out(
    network: Network, memory_format: "torch.memory_format", device: "torch.device | None" = None
) -> Network:
    """Return the network itself with its weights in that format, and on that device unless it is None."""
    # torch declares no memory_format for modules, but takes it.
    return network.to(device, memory_format=memory_format)  # type: ignore[call-overload]


def compiled(network: "nn.Module", setting: ExecutionSettings) -> Callable | None:
    """Return the network's forward pass, compiled for one size of batch; None if the setting doesn't compile.

    A function, so that the network keeps its parameters' names.
    """
    if not setting.compiled:
        return None
    import torch

    return torch.compile(network.forward, mode=setting.compiled, dynamic=False)


@cache
def compiler_missing(kind: str) -> str:
    """Name what torch.compile needs and this machine lacks, and the remedy; empty if nothing."""
    if kind == "cuda":
        return _triton_fails()
    name = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
    if not shutil.which(name):
        return f"there is no C++ compiler {name}; install it or name one in CXX"
    return ""


def _triton_fails() -> str:
    """Compile something small for the GPU: Triton asks for its tools only then."""
    import torch

    try:
        torch.compile(torch.sin)(torch.ones(64, device="cuda"))
    except Exception as error:  # noqa: BLE001 (torch and Triton raise many kinds)
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return f"torch.compile fails here ({reason}); it needs a C compiler and Python.h (python3-dev)"
    return ""
