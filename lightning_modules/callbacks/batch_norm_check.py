"""Whether batch normalisation sees what it saw in training: another network or another input shows in its statistics."""

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from lightning_modules.execution.machine import widest

# Batches that are looked at, spread over the test set, which may be sorted by class.
LOOKS = 10

# By what factor a layer's typical variance, or by how many deviations its mean, may lie off. Right networks and inputs
# stay within 1.4 and 0.5 (published CIFAR ResNets); shortcuts of another kind, another order of layers or another
# normalisation of the input begin at 5.
MOST_FACTOR, MOST_SHIFT = 2.7, 1.0
FEWEST_VALUES = 2_000  # of a channel, below which its variance is chance


class BatchNormCheck(pl.Callback):
    """Compares what reaches every batch normalisation in a test with its running statistics.

    `misfit` says afterwards, in one line, which layer is off and by how much; None if none is.
    """

    misfit: str | None = None

    def on_test_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.every, self.looks = max(1, trainer.num_test_batches[0] // LOOKS), False
        network = module.get_submodule("network")
        layers = [(name, m) for name, m in network.named_modules() if isinstance(m, nn.BatchNorm2d)]
        self.layers = {name: layer for name, layer in layers if layer.running_var is not None}
        # By layer, (3, channels): values, their sum and that of their squares.
        self.sums: dict[str, Tensor] = {}
        self.hooks = [
            layer.register_forward_pre_hook(self._look(name)) for name, layer in self.layers.items()
        ]

    def on_test_batch_start(self, trainer, module, batch, batch_idx, dataloader_idx=0) -> None:
        self.looks = batch_idx % self.every == 0

    def on_test_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        for hook in self.hooks:
            hook.remove()
        off = [
            (name, *self._difference(name)) for name in self.sums if self.sums[name][0, 0] >= FEWEST_VALUES
        ]
        self.misfit = next(
            (
                f"Batch normalisation at {name} sees {factor:.3g} times the variance of its training, with means "
                f"{shift:.2g} deviations off: these weights are of another network, or --mean and --std of another input."
                for name, factor, shift in off
                if not 1 / MOST_FACTOR <= factor <= MOST_FACTOR or shift > MOST_SHIFT
            ),
            None,
        )

    def _look(self, name: str):
        def look(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            if self.looks:
                seen = inputs[0].float()
                values = seen.new_full((seen.shape[1],), seen.numel() / seen.shape[1])
                sums = torch.stack([values, seen.sum((0, 2, 3)), seen.square().sum((0, 2, 3))])
                sums = sums.to(widest(seen.device))
                self.sums[name] = self.sums[name] + sums if name in self.sums else sums

        return look

    def _difference(self, name: str) -> tuple[float, float]:
        """The median over channels of seen over trained variance, and of the means' distance in deviations."""
        layer, (values, sums, squares) = self.layers[name], self.sums[name].cpu().double()
        mean = sums / values
        variance = (squares / values - mean.square()).clamp(min=0)
        assert (
            layer.running_mean is not None and layer.running_var is not None
        )  # as `on_test_start` chose them
        trained = layer.running_var.cpu().double() + layer.eps
        factor = ((variance + layer.eps) / trained).median().item()
        return factor, ((mean - layer.running_mean.cpu()).abs() / trained.sqrt()).median().item()
