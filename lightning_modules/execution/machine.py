"""Where a run runs: what is asked for, and what it turned out to be."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

from lightning_modules.execution.cores import cpu_name
from lightning_modules.execution.settings import DEFAULT, ExecutionSettings

if TYPE_CHECKING:
    import pytorch_lightning as pl

LightningPrecision = Literal["32-true", "bf16-mixed", "16-mixed"]
# By our own names, `configuration.PRECISIONS`.
LIGHTNING_PRECISIONS: dict[str, LightningPrecision] = {
    "32-true": "32-true",
    "tf32": "32-true",
    "bf16-mixed": "bf16-mixed",
    "16-mixed": "16-mixed",
}


class CannotRun(RuntimeError):
    """This machine cannot run it as asked; the message says what to change."""


@dataclass(frozen=True)
class Machine:
    """Where and how a run runs; none of it decides the outcome, up to rounding."""

    accelerator: str = "auto"
    devices: str | int = 1  # not all there are: batch normalisation sees one device's images at a time
    num_nodes: int = 1
    strategy: str = "auto"
    deterministic: bool = False
    micro_batch: int | None = None  # images that a device takes at a time; None, its part of the batch
    data_dir: Path = Path("data")
    workers: int | None = None  # as many as suit the data set
    wandb: bool = True
    log_model: str | None = None  # which checkpoints are uploaded to W&B, of LOG_MODEL
    file_logger: str | None = None  # of FILE_LOGGERS
    speed: ExecutionSettings = DEFAULT

    def trainer(self, **arguments: Any) -> "pl.Trainer":
        """Make Lightning's Trainer for this machine. Raises CannotRun, in one line, for what Lightning refuses."""
        import pytorch_lightning as pl
        from pytorch_lightning.utilities.exceptions import MisconfigurationException

        try:
            return pl.Trainer(
                accelerator=self.accelerator,
                devices=self.devices,
                num_nodes=self.num_nodes,
                strategy=self.strategy,
                deterministic=self.deterministic,
                use_distributed_sampler=False,  # the data module shares every batch out itself
                enable_progress_bar=False,  # callbacks show it
                enable_model_summary=False,
                **arguments,
            )
        except (
            MisconfigurationException,
            TypeError,
            ValueError,
            ImportError,
            RuntimeError,
            OverflowError,
        ) as error:
            asked = f"--accelerator {self.accelerator} --devices {self.devices} --strategy {self.strategy}"
            raise CannotRun(f"{asked} can't be had here: {' '.join(str(error).split())}") from error


def widest(device: torch.device) -> torch.dtype:
    """Return the widest floating-point type that a device computes in, for sums: Apple's GPUs have no float64."""
    return torch.float32 if device.type == "mps" else torch.float64


def set_precision(precision: str) -> LightningPrecision:
    """Let GPUs round what fp32 multiplies to TF32 only for the precision "tf32". Returns what Lightning calls it.

    cuDNN would do so by itself, and a cell would hold two kinds of arithmetic.
    """
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    return LIGHTNING_PRECISIONS[precision]


def autocast(precision: str, kind: str) -> torch.autocast:
    """Return the context in which a run of a precision computes its forward passes. kind: of device."""
    halves = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
    return torch.autocast(kind, halves.get(precision), enabled=precision in halves)


def describe(
    kind: str, devices: int, images_per_device: int, precision: str, speed: ExecutionSettings = DEFAULT
) -> dict:
    """Return the device that ran, in words, how the batch lay on it, and how the network was run. kind: "cpu" or "cuda"."""
    return {
        "device": torch.cuda.get_device_name() if kind == "cuda" else cpu_name(),
        "kind": kind,
        "devices": devices,
        "images_per_device": images_per_device,
        "threads": torch.get_num_threads(),
        "precision": precision,
        "tf32": kind == "cuda" and torch.backends.cudnn.allow_tf32,
        "layout": speed.layout,
        "compiled": speed.compiled,
        "deterministic": torch.are_deterministic_algorithms_enabled(),
    }
