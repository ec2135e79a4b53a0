"""The LightningModule that trains any registered architecture as an image classifier."""

import math
import time

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig

from architectures.outputs import TrainingOutputs
from architectures.recomputing import SavesMemory
from lightning_modules.configuration import Configuration
from lightning_modules.data.batches import in_epoch
from lightning_modules.distillation import Teacher, soft_loss
from lightning_modules.execution import random_state
from lightning_modules.execution.machine import widest
from lightning_modules.execution.settings import DEFAULT, ExecutionSettings, compiled, laid_out
from lightning_modules.initialisation import initialise, set_batch_norm
from lightning_modules.losses import losses
from lightning_modules.optimisation import optimiser, schedule
from lightning_modules.recipes import Recipe


class Diverged(FloatingPointError):
    """The loss is no longer a number.

    epoch: in which, from 1.
    """

    def __init__(self, epoch: int, loss: float) -> None:
        super().__init__(f"the loss became {loss} in epoch {epoch}; a lower --lr may train")
        self.epoch = epoch


class ErrorCounter:
    """Loss and errors over many batches, summed on the device: the host reads them only when asked.

    A count of errors is exact on any number of devices, which a mean of means is not. five: whether errors of five
    guesses are counted as well; without, a batch takes 60 µs of a CPU core instead of 155 (batch of 128, 10 classes).
    """

    def __init__(self, five: bool = True) -> None:
        self.five = five
        self.sums = torch.zeros(4)  # images, loss, errors, errors of five guesses

    def add(self, loss: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor) -> None:
        """Add a batch. loss: mean over the batch, (); logits: (B, classes); labels: (B,)."""
        if not len(labels):  # nothing but broken ones
            return
        logits = logits.detach()
        self.sums = self.sums.to(logits.device, widest(logits.device), non_blocking=True)
        images, loss_of_all, errors, top5_errors = self.sums.unbind()
        images += len(labels)
        loss_of_all += loss.detach() * len(labels)
        wrong = logits.argmax(1) != labels
        if self.five:
            no_answer = ~logits.isfinite().all(1)  # whose largest is by chance the first
            wrong |= no_answer
            guesses = logits.topk(min(5, logits.shape[1])).indices
            top5_errors += ((guesses != labels[:, None]).all(1) | no_answer).sum()
        errors += wrong.sum()

    def over_devices(self, strategy) -> torch.Tensor:
        """Return the sums of all devices together."""
        device = strategy.root_device
        return strategy.reduce(self.sums.to(device, widest(device), copy=True), reduce_op="sum")

    def result(self, strategy=None) -> dict:
        """Return images, mean loss, errors and error in percent of one guess, and of five; over all devices of a `strategy`."""
        sums = self.sums if strategy is None else self.over_devices(strategy)
        images, loss, errors, top5_errors = sums.tolist()
        divisor = images or float("nan")
        top1 = {
            "images": int(images),
            "loss": loss / divisor,
            "errors": int(errors),
            "error": 100 * errors / divisor,
        }
        top5 = {"top5_errors": int(top5_errors), "top5_error": 100 * top5_errors / divisor}
        return top1 | top5 if self.five else top1


class Classifier(pl.LightningModule):
    """A network trained by softmax regression on class labels.

    config: `Configuration.as_dict()`, plain JSON-able values, from which the network, its initial weights, the
    optimiser and the schedule are built; it travels in the checkpoint. speed: how the network is run, which decides
    no outcome. micro_batch: images that are computed at a time, 3 or more; the gradients of a batch's parts are summed,
    and batch normalisation sees a part alone, as on several devices.

    `history` holds one row per epoch that has ended (the record's curve), `tested` the final test's counts.
    """

    def __init__(
        self, config: dict, speed: ExecutionSettings = DEFAULT, micro_batch: int | None = None
    ) -> None:
        super().__init__()
        self.micro_batch = micro_batch
        # The tracker gets its own flat configuration, so that no key reaches it twice.
        self.save_hyperparameters("config", logger=False)
        self.config = config
        self.network = Configuration(**config).build()
        self.recipe = Recipe.from_hyperparameters(config["recipe"])
        initialise(self.network, self.recipe)
        set_batch_norm(self.network, self.recipe)
        laid_out(self.network, speed.memory_format)
        if speed.saves_memory and isinstance(self.network, SavesMemory):
            self.network.save_memory()
        self.compiled = compiled(self.network, speed)
        self.history: list[dict] = []
        self.tested: dict | None = None
        self.train_tally, self.test_tally = ErrorCounter(five=False), ErrorCounter()
        self.train_seconds = 0.0  # spent on the epoch under way, over interruptions
        self.restored: dict | None = None
        self.teacher: Teacher | None = None  # set where the recipe has soft targets
        self.resumed, self.seconds_before, self.started = 0, 0.0, time.monotonic()

    def forward(self, images: torch.Tensor) -> torch.Tensor | TrainingOutputs:
        """Return logits (B, classes), with auxiliary ones if in training, of normalised images (B, 3, H, W)."""
        return self.network(images)

    @property
    def steps(self) -> int:
        """Return the optimiser steps of the whole training."""
        # Not from the trainer: asking it makes the training batches before a resumed run's progress is known.
        devices = self.trainer.world_size
        return self.config["epochs"] * in_epoch(self.config["train_images"], self.recipe.batch_size, devices)

    @property
    def images_at_a_time(self) -> int:
        """Return how many images a device computes at once of a whole batch."""
        on_device = self.recipe.batch_size // self.trainer.world_size
        return min(self.micro_batch or on_device, on_device)

    def in_training(self, images: torch.Tensor) -> torch.Tensor | TrainingOutputs:
        """Return what `forward` does; compiled, if it is, for whole batches alone, as every size is compiled for itself."""
        if not self.compiled or len(images) != self.images_at_a_time:
            return self(images)
        return self.compiled(images)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        stepper = optimiser(self.network, self.recipe)
        rates = schedule(stepper, self.recipe, self.steps)
        return {"optimizer": stepper, "lr_scheduler": {"scheduler": rates, "interval": "step"}}

    # Training

    def on_fit_start(self) -> None:
        if self.teacher:
            self.teacher.to(self.device)

    def on_train_start(self) -> None:
        # Last of all, because building the network and the loaders draws random numbers too.
        device, seed, rank = self.device, self.config["seed"], self.trainer.global_rank
        if self.restored:
            states = self.restored.get("device_random_states", {})  # older checkpoints have the host's alone
            random_state.restore(device, self.restored["random_state"], states, seed, rank)
        else:
            random_state.seed_device(device, seed, rank)
        self.clock = time.perf_counter()

    def on_train_epoch_start(self) -> None:
        self.clock = time.perf_counter()

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], batch_idx: int) -> torch.Tensor:
        images, labels = batch
        self.lr = self.trainer.optimizers[0].param_groups[0]["lr"]
        if not self.micro_batch:
            return self.loss_of(images, labels)
        self.trainer.optimizers[0].zero_grad()
        # Of sizes that differ by one at most, so that none is a single image, of which there is no variance.
        parts = max(1, math.ceil(len(images) / self.micro_batch))
        *others, last = zip(images.tensor_split(parts), labels.tensor_split(parts), strict=True)
        earlier = torch.zeros((), device=images.device)
        for part in others:
            loss = self.loss_of(*part) * len(part[1]) / len(labels)
            self.trainer.strategy.backward(loss, None)
            earlier += loss.detach()
        return earlier + self.loss_of(*last) * len(last[1]) / max(1, len(labels))

    def optimizer_zero_grad(self, epoch: int, batch_idx: int, optimizer: torch.optim.Optimizer) -> None:
        if not self.micro_batch:  # else Lightning would do it after the other parts' gradients
            super().optimizer_zero_grad(epoch, batch_idx, optimizer)

    def loss_of(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return what is minimised of a batch or a part of it, a mean (), and count its errors."""
        share_done = self.trainer.global_step / self.steps
        logits, loss, total = losses(
            self.in_training(images), labels, share_done, self.recipe.label_smoothing
        )
        self.train_tally.add(loss, logits, labels)
        if self.teacher:
            soft = soft_loss(logits, self.teacher(images), self.recipe.temperature)
            total = (1 - self.recipe.soft_weight) * total + self.recipe.soft_weight * soft
        return total

    def on_train_epoch_end(self) -> None:
        trained = self.train_tally.result(self.trainer.strategy)
        if not math.isfinite(trained["loss"]):
            raise Diverged(self.current_epoch + 1, trained["loss"])
        row = {
            "epoch": self.current_epoch + 1,
            "train_loss": trained["loss"],
            "train_error": trained["error"],
            # Of its own name: the headline is the error on all test images, once, at the end.
            "curve_test_error": self.test_tally.result(self.trainer.strategy)["error"],
            "lr": self.lr,
            "images_per_second": trained["images"] / self.train_seconds,
        }
        self.history.append(row)
        for logger in self.loggers:
            logger.log_metrics(row, step=self.trainer.global_step)
        self.train_tally, self.train_seconds = ErrorCounter(five=False), 0.0
        self.clock = time.perf_counter()

    # Evaluation: the curve's test images after every epoch, the whole test set once at the end

    def on_validation_epoch_start(self) -> None:
        self.train_tally.sums.cpu()  # waits for the device, so that the clock is honest
        self.train_seconds += time.perf_counter() - self.clock
        self._share_statistics()
        self.test_tally = ErrorCounter()

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor], batch_idx: int) -> None:
        images, labels = batch
        logits = self(images)
        self.test_tally.add(F.cross_entropy(logits, labels), logits, labels)

    def on_test_epoch_start(self) -> None:
        self._share_statistics()
        self.test_tally = ErrorCounter()

    test_step = validation_step

    def on_test_epoch_end(self) -> None:
        tested = self.test_tally.result(self.trainer.strategy)
        if not math.isfinite(tested["loss"]):
            raise Diverged(self.config["epochs"], tested["loss"])
        self.tested = tested

    def _share_statistics(self) -> None:
        """Give all devices the first one's running statistics of batch normalisation, as in the checkpoint."""
        if self.trainer.world_size > 1:
            for buffer in self.network.buffers():
                torch.distributed.broadcast(buffer, src=0)

    # What a resumed run needs beyond Lightning's own state

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        checkpoint["progress"] = {
            "history": self.history,
            "train_tally": self.train_tally.over_devices(self.trainer.strategy),
            "train_seconds": self.train_seconds + time.perf_counter() - self.clock,
            "resumed": self.resumed,
            "seconds": self.seconds_before + time.monotonic() - self.started,
            "random_state": torch.get_rng_state(),
            "device_random_states": {self.device.type: random_state.device_states(self.device)},
        }

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        self.restored = checkpoint["progress"]
        self.history = self.restored["history"]
        if self.trainer.is_global_zero:  # the others go on from zero, so that the sum over devices is right
            self.train_tally.sums = self.restored["train_tally"]
        self.train_seconds = self.restored["train_seconds"]
        self.resumed = self.restored["resumed"] + 1
        self.seconds_before = self.restored["seconds"]
