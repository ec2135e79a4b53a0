"""Knowledge distillation: a small network learns what a large one answers (Hinton, Vinyals, Dean, arXiv:1503.02531).

What is minimised is a weighted average of the recipe's own loss, on the labels, and of `soft_loss`, on the teacher's
answers (Section 2). The recipe has the weight (`soft_weight`) and the temperature, the configuration the teacher.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_modules import finished, weights
from lightning_modules.configuration import Configuration
from lightning_modules.execution.settings import laid_out
from lightning_modules.initialisation import set_batch_norm
from lightning_modules.recipes import Recipe


def soft_loss(logits: Tensor, teachers: Tensor, temperature: float) -> Tensor:
    """Return T² times the cross-entropy (), mean over the batch, with the teacher's softmax at temperature T as the target.

    logits, teachers: (B, classes). Gradients of soft targets fall with 1/T², so by T² their share in an average
    with hard ones stays the same at any temperature.
    """
    targets = (teachers / temperature).softmax(1)
    return temperature**2 * F.cross_entropy(logits / temperature, targets)


class Teacher:
    """A trained network that only answers: no gradients, nothing that batch normalisation learns.

    No module, so that it is no part of the student: not of its parameters, its checkpoints or its gradients that
    processes exchange.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = laid_out(network, torch.channels_last).eval().requires_grad_(False)

    def __call__(self, images: Tensor) -> Tensor:
        """Return logits (B, classes) of images (B, 3, H, W), normalised as the student's."""
        with torch.no_grad():
            return self.network(images)

    def __deepcopy__(self, memo: dict) -> "Teacher":
        return self  # the moving average of a student copies it whole

    def to(self, device: torch.device) -> None:
        self.network.to(device)


def load(configuration: Configuration, folder: Path) -> Teacher:
    """Return the network of a finished run in `folder`, which must be the run of that configuration.

    Draws no random numbers, so that a student's are those of a run without a teacher.
    Raises ValueError, in one line, if the run isn't finished, is another one, or has lost its weights.
    """
    trained = finished.trained(folder)
    if trained.run_id != configuration.run_id:
        raise ValueError(
            f"{folder} holds run {trained.run_id}, and the teacher is run {configuration.run_id}"
        )
    checkpoint = folder / "checkpoint.ckpt"
    if not checkpoint.exists():
        raise ValueError(f"{folder} has lost its checkpoint.ckpt; delete it to train the teacher again")
    with torch.random.fork_rng(devices=[]):
        network = configuration.build()
    file = weights.read(checkpoint)
    if file.configuration and file.configuration.run_id != configuration.run_id:
        raise ValueError(
            f"{checkpoint} is of run {file.configuration.run_id}; delete {folder} to train the teacher again"
        )
    weights.fit(network, file).load_into(network)
    set_batch_norm(network, Recipe.from_hyperparameters(configuration.recipe))
    return Teacher(network)
