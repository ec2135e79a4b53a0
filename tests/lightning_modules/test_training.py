"""Whole trainings on the tiny data set, in this process."""

import json

import pytest
import torch

from lightning_modules import budgets, configuration, training
from lightning_modules.data.catalogue import DATASETS
from sweeps import study
from tests import tiny


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Gives `train(seed=…, …) -> (record, weights)`."""
    monkeypatch.setattr(study, "FOLDER", study.FOLDER)
    monkeypatch.setitem(budgets.BUDGETS, "smoke", budgets.BUDGETS["smoke"])
    monkeypatch.setitem(tiny.RECIPES, "diverging", None)
    tiny.install(tmp_path / "data")
    machine = training.Machine(accelerator="cpu", data_dir=tmp_path / "data", wandb=False)

    def run(name: str, arch: str = "densenet", seed: int = 0, **changes) -> tuple[dict, dict]:
        knobs = {"depth": 10, "dropout": 0.1} if arch == "densenet" else {"depth": 8}
        wanted = configuration.resolve(
            arch, knobs, dataset="tiny", budget="smoke", seed=seed, changes=changes
        )
        folder = tmp_path / name
        folder.mkdir()
        record = training.train(wanted, folder, machine)
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
