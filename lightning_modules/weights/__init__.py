"""Weights from files: read whole and undamaged (`reading`, `integrity`), unwrapped (`state_dicts`), fitted (`fitting`)."""

from pathlib import Path

from torch import nn

from lightning_modules.weights.fitting import Fit, fit, paired
from lightning_modules.weights.reading import WeightsFile, read
from lightning_modules.weights.references import evaluated

__all__ = ["Fit", "WeightsFile", "fit", "load", "load_in_order", "read"]


def load(network: nn.Module, path: Path) -> None:
    """Load the file's weights into `network`. Raises ValueError, in one line, if they cannot be read or don't fit."""
    fit(network, read(path)).load_into(network)


def load_in_order(network: nn.Module, file: WeightsFile) -> None:
    """Load a file that is known to be of `network`, under other names, by the order of its tensors and every shape.

    Raises ValueError, in one line, for a tensor that doesn't fit.
    """
    Fit(paired(network, evaluated(file.tensors), file.name), {}, False, ()).load_into(network)
