"""Whole trainings on the tiny data set, in this process."""

import json

import pandas as pd
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import architectures
import run
from architectures import registry
from lightning_modules import budgets, classifier, configuration, training
from lightning_modules.configuration import Run
from lightning_modules.data.catalogue import DATASETS
from lightning_modules.execution import machine
from lightning_modules.execution.machine import Machine
from lightning_modules.execution.settings import DEFAULT, ExecutionSettings, compiler_missing
from sweeps import study
from tests import tiny


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Gives `train(seed=…, …) -> (record, weights)`."""
    monkeypatch.setattr(study, "FOLDER", study.FOLDER)
    monkeypatch.setitem(budgets.BUDGETS, "smoke", budgets.BUDGETS["smoke"])
    monkeypatch.setitem(tiny.RECIPES, "diverging", None)
    tiny.install(tmp_path / "data")

    def run(
        name: str,
        arch: str = "densenet",
        seed: int = 0,
        speed: ExecutionSettings = DEFAULT,
        file_logger: str | None = None,
        **changes,
    ) -> tuple[dict, dict]:
        machine = Machine(
            "cpu", data_dir=tmp_path / "data", wandb=False, speed=speed, file_logger=file_logger
        )
        knobs = {"depth": 10, "dropout": 0.1} if arch == "densenet" else {"depth": 8}
        wanted = configuration.resolve(
            arch, knobs, dataset="tiny", budget="smoke", seed=seed, changes=changes
        )
        folder = tmp_path / name
        folder.mkdir()
        record = training.train(Run(wanted), folder, machine)
        assert json.loads((folder / "record.json").read_text()) == record
        return record, torch.load(folder / "checkpoint.ckpt", weights_only=True)["state_dict"]

    yield run
    del DATASETS["tiny"]


def test_a_seed_decides_every_bit(train):
    first, weights = train("first", seed=3)
    again, same = train("again", seed=3)
    other, different = train("other", seed=4)
    assert all(torch.equal(weights[name], same[name]) for name in weights)
    assert first["test"] == again["test"] and first["run_id"] == again["run_id"] != other["run_id"]
    assert not all(torch.equal(weights[name], different[name]) for name in weights)


class WithoutDoubles(TorchDispatchMode):
    """A device that has no float64, as Apple's GPUs have none."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        if any(isinstance(leaf, torch.Tensor) and leaf.dtype == torch.float64 for leaf in tree_leaves(made)):
            raise TypeError(f"{func} made a float64 tensor")
        return made


def test_a_training_needs_no_float64(train, monkeypatch):
    assert machine.widest(torch.device("cpu")) is torch.float64
    assert machine.widest(torch.device("mps")) is torch.float32
    record, _ = train("with")
    with WithoutDoubles(), pytest.raises(TypeError, match="float64"):
        train("refused")
    monkeypatch.setattr(classifier, "widest", lambda device: torch.float32)
    with WithoutDoubles():
        same, _ = train("without")
    assert same["test"] == record["test"] | {"loss": pytest.approx(record["test"]["loss"], rel=1e-6)}


def test_lightnings_csv_logger_holds_the_curve(train, tmp_path):
    record, _ = train("run", file_logger="csv")
    rows = pd.read_csv(tmp_path / "run" / "csv" / "metrics.csv")
    assert list(rows["step"]) == [2, 4]  # two batches an epoch
    for name, curve in record["curve"].items():
        assert list(rows[name]) == pytest.approx(curve), name


def test_a_run_builds_its_network_twice_once_for_real(train, tmp_path, monkeypatch):
    """Counting, estimating, choosing and training share one network without numbers and one with them."""
    built, resolved = [], []
    real_build, real_resolve = registry.build, registry.resolve

    def build(*arguments, **options):
        network = real_build(*arguments, **options)
        built.append(next(network.parameters()).device.type)
        return network

    monkeypatch.setattr(architectures, "build", build)
    for module in (architectures, registry):
        monkeypatch.setattr(module, "resolve", lambda *a: resolved.append(a) or real_resolve(*a))
    folders = ["--data-dir", str(tmp_path / "data"), "--runs-dir", str(tmp_path / "runs")]
    argv = ["--arch", "densenet", "--depth", "10", "--dataset", "tiny", "--budget", "smoke", "--no-wandb"]
    assert run.main([*argv, "--accelerator", "cpu", *folders]) == 0
    assert built == ["meta", "cpu"] and len(resolved) == 3


def test_the_record_says_what_ran(train):
    record, weights = train("run", seed=0, arch="resnet", batch_size=20)
    assert record["knobs"] == {
        "depth": 8,
        "shortcut": "A",
        "block": "paper",
        "stride_in": "1x1",
        "weighted": False,
    }
    trained = {n: t for n, t in weights.items() if "running_" not in n and "num_batches" not in n}
    assert record["parameters"] == sum(tensor.numel() for tensor in trained.values())
    assert record["test"]["images"] == 103 and record["curve_test_images"] == 50
    assert record["best"] is None  # the curve's 50 images are not the test set
    assert record["budget_spent"] == {"epochs": 2, "train_images": 100, "of_epochs": 164, "of_images": 200}
    assert record["curve"]["lr"] == [0.1, pytest.approx(0.001)]  # divided at half and at three quarters
    assert set(record["git"]) == {"commit", "dirty"} and record["machine"]["images_per_device"] == 20


def test_saving_memory_changes_no_bit_and_the_record_says_how_the_network_was_run(train):
    first, weights = train("first")
    saving, same = train("saving", speed=ExecutionSettings(saves_memory=True))
    assert all(torch.equal(weights[name], same[name]) for name in weights)
    assert first["test"] == saving["test"] and first["machine"]["layout"] == "channels_last"
    assert not first["machine"]["tf32"] and first["machine"]["compiled"] == ""


@pytest.mark.slow
@pytest.mark.skipif(bool(compiler_missing("cpu")), reason="compiling needs a C++ compiler")
def test_a_compiled_network_trains_alike_up_to_rounding_and_keeps_its_names(train):
    """Of 100 images in batches of 32, the last batch runs as it is."""
    first, weights = train("first", arch="resnet", batch_size=32)
    fast, others = train("fast", arch="resnet", batch_size=32, speed=ExecutionSettings(compiled="default"))
    assert fast["machine"]["compiled"] == "default" and fast["run_id"] == first["run_id"]
    assert weights.keys() == others.keys()
    assert fast["curve"]["train_loss"] == pytest.approx(first["curve"]["train_loss"], rel=0.02)
