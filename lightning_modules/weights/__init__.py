"""Weights from files: read whole and undamaged (`reading`, `integrity`), unwrapped (`state_dicts`), fitted (`fitting`)."""

from pathlib import Path

from torch import nn

from lightning_modules.weights.fitting import Fit, fit
from lightning_modules.weights.reading import WeightsFile, read

__all__ = ["Fit", "WeightsFile", "fit", "load", "read"]


def load(network: nn.Module, path: Path) -> None:
    """Load the file's weights into `network`. Raises ValueError, in one line, if they cannot be read or don't fit."""
    fit(network, read(path)).load_into(network)
