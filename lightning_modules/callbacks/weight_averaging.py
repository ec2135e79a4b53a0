"""Evaluation with a moving average of the weights, while training goes on with the weights themselves."""

import itertools

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import WeightAveraging
from torch import nn
from torch.optim.swa_utils import AveragedModel


class MovingAverage(WeightAveraging):
    """Averages weights and the statistics of batch normalisation after every step, as TensorFlow does.

    The average is what is validated and tested, and a checkpoint's `state_dict`; the weights that training goes
    on with are its `current_model_state`.
    """

    def __init__(self, decay: float) -> None:
        super().__init__()
        self.decay = decay

    def setup(self, trainer: pl.Trainer, module: pl.LightningModule, stage: str) -> None:
        if stage == "fit":
            # The device, where the module isn't yet; the average would stay behind.
            self._average_model = ExponentialAverage(module, trainer.strategy.root_device, self.decay)

    def on_test_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        # Lightning's own place for it is passed over by a run that is resumed after its last epoch.
        self.on_train_end(trainer, module)


class ExponentialAverage(AveragedModel):
    """A copy of a model that follows it in a few operations on all tensors at once.

    The count of updates stays on the host, which would wait for a GPU to learn it.
    """

    def __init__(self, model: nn.Module, device: torch.device, decay: float) -> None:
        super().__init__(model, use_buffers=True)
        self.module.to(device)
        self.decay = decay

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """Move every tensor towards the model's; the first time, and integers every time, copy it."""
        updates = int(self.n_averaged)
        tensors = [itertools.chain(part.parameters(), part.buffers()) for part in (self.module, model)]
        copied: list[tuple[torch.Tensor, torch.Tensor]] = []
        lerped: list[tuple[torch.Tensor, torch.Tensor]] = []
        for average, current in zip(*tensors, strict=True):
            (lerped if updates and average.is_floating_point() else copied).append((average, current))
        if lerped:
            averages, targets = zip(*lerped, strict=True)
            torch._foreach_lerp_(averages, targets, 1 - _decay_after(updates, self.decay))
        if copied:
            averages, targets = zip(*copied, strict=True)
            torch._foreach_copy_(averages, targets)
        self.n_averaged += 1


def _decay_after(updates: int, decay: float) -> float:
    """tf.train.ExponentialMovingAverage with `num_updates`: young averages forget the initial weights sooner."""
    return min(decay, (1 + updates) / (10 + updates))
