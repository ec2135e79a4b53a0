"""The experiment on compression: what decides it, and that it looks into runs that have been trained."""

import shutil

import pytest

from lightning_modules import configuration, training
from lightning_modules.budgets import BUDGETS
from lightning_modules.data.catalogue import DATASETS
from lightning_modules.recipes import RECIPES
from reports.experiments import CannotExperiment, Place, compression
from sweeps import study as studies
from tests import tiny

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize(
    ("svd", "pruning", "deep_compression", "holds"),
    [(1.2, 0.0, 0.0, True), (0.1, 0.0, -0.2, False), (1.2, 0.6, 0.0, None), (1.2, 0.0, 0.6, None)],
)
def test_the_claim_is_decided_where_pruning_costs_nothing(svd, pruning, deep_compression, holds):
    costs = {"svd": svd, "pruning": pruning, "deep_compression": deep_compression}
    assert compression.judged(costs) is holds


def test_without_a_trained_network_nothing_is_found(tmp_path):
    with pytest.raises(CannotExperiment, match="python run.py --arch alexnet"):
        compression.no_loss(Place("cpu", tmp_path, tmp_path))


def test_trained_runs_are_compared_before_and_after(tmp_path, monkeypatch):
    monkeypatch.setattr(studies, "FOLDER", studies.FOLDER)
    monkeypatch.setitem(BUDGETS, "smoke", BUDGETS["smoke"])
    monkeypatch.setitem(RECIPES, "diverging", None)
    monkeypatch.setitem(DATASETS, "tiny", None)
    tiny.install(tmp_path / "data")
    wanted = configuration.resolve(
        "resnet", {"depth": 8}, dataset="tiny", budget="smoke", seed=0, changes={"batch_size": 20}
    )
    folder = tmp_path / "runs" / wanted.run_id
    folder.mkdir(parents=True)
    machine = training.Machine(accelerator="cpu", data_dir=tmp_path / "data", wandb=False)
    record = training.train(wanted, folder, machine)
    monkeypatch.setattr(compression, "ARCH", "resnet")
    monkeypatch.setattr(compression, "DATASET", "tiny")
    outcome = compression.no_loss(Place("cpu", tmp_path / "runs", tmp_path / "data"))
    (rows,) = outcome.data["runs"].values()
    assert outcome.runs == (wanted.run_id,) and len(rows) == 9
    assert {row["before"] for row in rows} == {record["test"]["error"]}
    sizes = {(row["method"], row["density"]): row["bytes_after"] for row in rows}
    assert sizes["deep_compression", 0.5] < sizes["pruning", 0.5] < rows[0]["bytes_before"]
    assert "svd to 20%: error " in outcome.evidence[0]

    shutil.copytree(folder, tmp_path / "runs" / "lost")
    (tmp_path / "runs" / "lost" / "checkpoint.ckpt").unlink()
    assert [path.name for path in compression._trained(tmp_path / "runs")] == [wanted.run_id]
