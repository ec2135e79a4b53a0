"""Finished runs with weights that a test has made, so that an experiment must find what was planted, or nothing."""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from architectures.resnet import ResidualBlock
from reports.verdicts.experiments import Setup, trained
from sweeps import study as studies
from tests.reports.conftest import facts_of


def setup(tmp_path: Path) -> Setup:
    return Setup("cpu", tmp_path / "runs", tmp_path / "data")


def finish(
    folder: Path,
    study: str,
    variant: str,
    seed: int,
    plant: Callable[[nn.Module], None] = lambda network: None,
) -> str:
    """Leave a run of a study at the budget mini in `folder`, whose weights are the initial ones but for `plant`.

    Returns its id.
    """
    configuration = studies.configure(studies.read(study), variant, "cifar10", "mini", seed)
    network = trained.initial(configuration)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + 1_000)
        plant(network)
    run = folder / configuration.run_id
    run.mkdir(parents=True)
    weights = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save({"state_dict": weights}, run / "checkpoint.ckpt")
    (run / "record.json").write_text(json.dumps(facts_of(configuration, 1_000, study, variant)))
    return configuration.run_id


def redraw(network: nn.Module) -> None:
    """Weights that have nothing of the initial ones."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight)


def silence(network: nn.Module) -> None:
    """Branches of residual and plain blocks that put out nothing but zeros."""
    for module in network.modules():
        if isinstance(module, ResidualBlock):
            nn.init.zeros_(module.branch[-1].weight)


def images(number: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Random ones (number, 3, 32, 32), always the same, and labels."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(number, 3, 32, 32, generator=generator), torch.arange(number) % 10
