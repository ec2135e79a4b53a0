"""The moving average against one computed by hand, and what is evaluated with it."""

import pytest
import pytorch_lightning as pl
import torch
from torch import nn

from lightning_modules.callbacks.weight_averaging import MovingAverage


class Follows(pl.LightningModule):
    """One weight, which takes the values 1, 2, 3, … step by step, and batch normalisation that sees constants."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.norm = nn.BatchNorm2d(1)
        self.evaluated: list[float] = []

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD([self.weight], lr=1.0)

    def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> torch.Tensor:
        self.norm(torch.ones(2, 1, 1, 1))
        return -self.weight  # a gradient of -1

    def validation_step(self, batch: list[torch.Tensor], batch_idx: int) -> None:
        self.evaluated.append(self.weight.item())

    test_step = validation_step


def loader(batches: int) -> torch.utils.data.DataLoader:
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.zeros(batches, 1)))


def trainer(folder, epochs: int, decay: float) -> pl.Trainer:
    return pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        callbacks=[MovingAverage(decay)],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=folder,
    )


def averages(steps: int, decay: float) -> list[float]:
    """TensorFlow's: of the values 1, 2, 3, …, with the decay limited to (1 + updates) / (10 + updates)."""
    made = [1.0]
    for updates in range(1, steps):
        kept = min(decay, (1 + updates) / (10 + updates))
        made.append(kept * made[-1] + (1 - kept) * (updates + 1))
    return made


@pytest.mark.parametrize("decay", [0.5, 0.9999])
def test_the_average_is_evaluated_and_training_goes_on_with_the_weights(tmp_path, decay):
    module = Follows()
    training = trainer(tmp_path, 2, decay)
    training.fit(module, loader(10), loader(1))
    whole = averages(20, decay)
    assert module.evaluated == pytest.approx([whole[9], whole[19]])
    assert module.weight.item() == pytest.approx(whole[19])
    assert module.norm.num_batches_tracked == 20
    # the statistic after n steps is 1 - 0.9^n
    statistic = 1 - 0.9
    for updates in range(1, 20):
        kept = min(decay, (1 + updates) / (10 + updates))
        statistic = kept * statistic + (1 - kept) * (1 - 0.9 ** (updates + 1))
    assert module.norm.running_mean.item() == pytest.approx(statistic)


def test_a_run_resumed_after_its_last_epoch_is_tested_with_the_average(tmp_path):
    first = trainer(tmp_path, 1, 0.5)
    module = Follows()
    module.on_train_epoch_end = lambda: first.save_checkpoint(tmp_path / "end.ckpt")
    first.fit(module, loader(10), loader(1))

    saved = torch.load(tmp_path / "end.ckpt", weights_only=True)
    assert saved["current_model_state"]["weight"].item() == 10
    assert saved["state_dict"]["weight"].item() == pytest.approx(averages(10, 0.5)[-1])

    module, resumed = Follows(), trainer(tmp_path, 1, 0.5)
    resumed.fit(module, loader(10), loader(1), ckpt_path=tmp_path / "end.ckpt", weights_only=True)
    resumed.test(module, loader(1), verbose=False)
    assert module.evaluated == pytest.approx([averages(10, 0.5)[-1]])
