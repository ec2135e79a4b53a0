"""Where the command line asks a run to run. Nothing heavy is imported before a GPU is asked for."""

import argparse
from typing import TYPE_CHECKING

from lightning_modules.cli import FILE_LOGGERS
from lightning_modules.configuration import Configuration
from lightning_modules.execution import environment, gpu
from lightning_modules.execution.share import Share, of_this_process

if TYPE_CHECKING:
    from lightning_modules.execution.machine import Machine
    from lightning_modules.execution.settings import ExecutionSettings


def device_kind(options: argparse.Namespace) -> str:
    """Return "cuda" or "cpu". Raises ValueError for an NVIDIA GPU that can't be used."""
    return "cuda" if options.accelerator in ("auto", "gpu", "cuda") and gpu.usable() else "cpu"


def machine(options: argparse.Namespace, speed: "ExecutionSettings | None" = None) -> "Machine":
    """Return the machine that the options describe; speed: how the network is run there."""
    from lightning_modules.execution.machine import Machine
    from lightning_modules.execution.settings import DEFAULT

    per_node, nodes = environment.processes()
    return Machine(
        accelerator=options.accelerator,
        devices=options.devices or per_node,
        num_nodes=options.num_nodes or nodes,
        strategy=options.strategy,
        deterministic=options.deterministic,
        micro_batch=options.micro_batch,
        data_dir=options.data_dir,
        workers=options.workers,
        wandb=options.tracked,
        log_model=options.log_model,
        file_logger=options.logger if options.logger in FILE_LOGGERS else None,
        speed=speed or DEFAULT,
    )


def share_of_batch(configuration: Configuration, options: argparse.Namespace) -> Share:
    """Return what this process computes of a batch, and where. Raises as `device_kind`."""
    kind, asked = device_kind(options), machine(options)
    visible = gpu.count() if kind == "cuda" else 0
    batch = configuration.recipe["batch_size"]
    return of_this_process(
        kind, batch, asked.devices, asked.num_nodes, visible, micro_batch=options.micro_batch
    )
