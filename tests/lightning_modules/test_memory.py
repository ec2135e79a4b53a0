"""Steps that don't fit in a device's memory: refused before they start, or computed in parts."""

from types import SimpleNamespace

import pytest
import pytorch_lightning as pl
import torch

import run
from lightning_modules import training
from lightning_modules.classifier import Classifier
from lightning_modules.configuration import resolve
from lightning_modules.execution import choice, gpu, memory
from lightning_modules.execution.memory import Need
from lightning_modules.execution.settings import DEFAULT, ExecutionSettings
from lightning_modules.execution.share import Share
from lightning_modules.exit_codes import BAD_INPUT

GIB = 2**30


def need(arch: str, dataset: str = "imagenet", setting: ExecutionSettings = DEFAULT, **knobs) -> Need:
    wanted = resolve(arch, knobs, dataset=dataset, budget="paper", seed=0)
    return Need.of(wanted, training.on_meta(wanted), setting)


def test_what_a_recipe_needs_is_more_than_a_gpu_has():
    """MobileNet v3-Large takes batches of 4,096: 168 GiB of saved activations."""
    large = need("mobilenet_v3_large")
    share = Share("cuda", batch=4096, index=1)
    assert 150 < large.step(4096) / GIB < 190
    line = large.refusal(share, 79 * GIB)
    assert line and "cuda:1 has 79.0 GiB free" in line and "\n" not in line
    assert "--devices 4, or take --micro-batch 1024, all" in line
    assert large.refusal(Share("cuda", 4096, devices=4), 79 * GIB) is None
    assert large.refusal(Share("cuda", 4096, micro_batch=1024), 79 * GIB) is None
    assert "--micro-batch" not in large.refusal(Share("cuda", 4096, devices=2), 79 * GIB)
    assert "a GPU with more memory" in large.refusal(share, GIB / 100)


def test_a_form_that_saves_memory_needs_less():
    whole = need("densenet", "cifar10", depth=40)
    saving = need("densenet", "cifar10", ExecutionSettings(saves_memory=True), depth=40)
    assert saving.image < whole.image and saving.fixed == whole.fixed


@pytest.fixture
def a_gpu(monkeypatch, tmp_path):
    """Pretend a GPU of 1 GiB; returns the command of a run that trains there."""
    monkeypatch.setattr(gpu, "usable", lambda: True)
    monkeypatch.setattr(gpu, "count", lambda: 1)
    monkeypatch.setattr(memory, "free", lambda device: GIB)
    monkeypatch.setattr(choice, "choose", lambda *_: DEFAULT)
    return [
        "--budget",
        "paper",
        "--no-wandb",
        "--runs-dir",
        str(tmp_path),
        "--data-dir",
        str(tmp_path),
        "--arch",
    ]


def test_a_run_that_cannot_fit_ends_in_one_line_before_it_starts(a_gpu, monkeypatch, capsys):
    monkeypatch.setattr(training, "train", lambda *_, **__: pytest.fail("it started"))
    assert run.main([*a_gpu, "densenet"]) == BAD_INPUT
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "cuda:0 has 1.0 GiB free" in said and "--micro-batch" in said


def test_running_out_of_memory_ends_in_one_line_with_the_remedy(a_gpu, monkeypatch, capsys):
    def out_of_memory(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nand more")

    monkeypatch.setattr(training, "train", out_of_memory)
    assert run.main([*a_gpu, "resnet", "--depth", "8"]) == BAD_INPUT
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "cuda:0 is out of memory" in said
    assert "1.0 GiB were free" in said and "--devices 2, or take --micro-batch 64" in said


@pytest.mark.parametrize("text", ["2", "0", "-4", "many"])
def test_parts_of_a_single_image_are_refused(text, capsys):
    assert run.main(["--arch", "lenet5", "--micro-batch", text]) == BAD_INPUT
    assert "3 or more" in capsys.readouterr().err


def step(micro_batch: int | None, arch: str, images: int) -> Classifier:
    """A network after a step of one batch."""
    pl.seed_everything(0, verbose=False)
    wanted = resolve(arch, {}, dataset="cifar10", budget="smoke", seed=0)
    module = Classifier(wanted.as_dict(), micro_batch=micro_batch)
    batch = torch.randn(images, 3, 32, 32), torch.arange(images) % 10
    trainer = pl.Trainer(
        accelerator="cpu", max_steps=1, limit_val_batches=0, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    module.on_train_epoch_end = lambda: None
    trainer.fit(module, torch.utils.data.DataLoader([batch], batch_size=None))
    return module


@pytest.mark.parametrize(("images", "micro_batch"), [(12, 4), (13, 4), (7, 3), (5, 64)])
def test_a_step_in_parts_is_a_whole_one(images, micro_batch):
    """LeNet has no batch normalisation: its step in parts is that of the batch, and every image is counted."""
    whole, parts = step(None, "lenet5", images), step(micro_batch, "lenet5", images)
    torch.testing.assert_close(parts.train_tally.sums, whole.train_tally.sums)
    for name, value in whole.network.state_dict().items():
        torch.testing.assert_close(parts.network.state_dict()[name], value)


def test_batch_normalisation_sees_a_part_alone():
    sizes = []
    module = step(None, "lenet5", 8)
    module.network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 10))
    module.network.register_forward_hook(lambda layer, inputs, output: sizes.append(len(output)))
    module.micro_batch = 3
    stepper = torch.optim.SGD(module.network.parameters(), lr=0.1)
    backward = lambda loss, optimiser: loss.backward()
    module.trainer = SimpleNamespace(
        optimizers=[stepper], global_step=0, world_size=1, strategy=SimpleNamespace(backward=backward)
    )
    module.training_step((torch.randn(8, 3, 32, 32), torch.zeros(8, dtype=torch.long)), 0)
    assert sizes == [3, 3, 2]
