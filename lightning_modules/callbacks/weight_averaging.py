"""Evaluation with a moving average of the weights, while training goes on with the weights themselves."""

import pytorch_lightning as pl
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor


class MovingAverage(WeightAveraging):
    """Averages weights and the statistics of batch normalisation after every step, as TensorFlow does.

    The average is what is validated and tested, and a checkpoint's `state_dict`; the weights that training goes
    on with are its `current_model_state`.
    """

    def __init__(self, decay: float) -> None:
        def average(averaged: Tensor, current: Tensor, updates: Tensor) -> Tensor:
            if not averaged.is_floating_point():
                return current
            return averaged + (1 - _decay_after(updates, decay)) * (current - averaged)

        super().__init__(avg_fn=average)

    def setup(self, trainer: pl.Trainer, module: pl.LightningModule, stage: str) -> None:
        # Where the module isn't yet; the average would stay behind.
        self._device = trainer.strategy.root_device
        super().setup(trainer, module, stage)

    def on_test_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        # Lightning's own place for it is passed over by a run that is resumed after its last epoch.
        self.on_train_end(trainer, module)


def _decay_after(updates: Tensor, decay: float) -> Tensor:
    """tf.train.ExponentialMovingAverage with `num_updates`: young averages forget the initial weights sooner."""
    return ((1 + updates) / (10 + updates)).clamp(max=decay)
