"""The experiment on compression: what decides it, and that it looks into runs that have been trained."""

import pytest

from lightning_modules import training
from lightning_modules.budgets import BUDGETS
from lightning_modules.configuration import Run
from lightning_modules.data.catalogue import DATASETS
from lightning_modules.execution.machine import Machine
from lightning_modules.recipes import RECIPES
from reports.verdicts.experiments import CannotExperiment, Setup, compression, trained
from sweeps import study as studies
from tests import tiny

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize(
    ("svd", "pruning", "deep_compression", "holds"),
    [(1.2, 0.0, 0.0, True), (0.1, 0.0, -0.2, False), (1.2, 0.6, 0.0, None), (1.2, 0.0, 0.6, None)],
)
def test_the_claim_is_decided_where_pruning_costs_nothing(svd, pruning, deep_compression, holds):
    means = {"svd": svd, "pruning": pruning, "deep_compression": deep_compression}
    costs = {method: [mean - 0.01, mean, mean + 0.01] for method, mean in means.items()}
    assert compression.judge(costs) is holds
    one_seed = {method: [mean] for method, mean in means.items()}
    assert compression.judge(one_seed) is None


def test_without_a_trained_network_nothing_is_found(tmp_path):
    with pytest.raises(CannotExperiment, match="run.py --study squeezenet_vs_alexnet --variant alexnet"):
        compression.no_loss(Setup("cpu", tmp_path, tmp_path))


def test_trained_runs_are_compared_before_and_after(tmp_path, monkeypatch):
    monkeypatch.setattr(trained, "BUDGETS", ("smoke",))
    monkeypatch.setattr(studies, "FOLDER", studies.FOLDER)
    monkeypatch.setitem(BUDGETS, "smoke", BUDGETS["smoke"])
    monkeypatch.setitem(RECIPES, "diverging", None)
    monkeypatch.setitem(DATASETS, "tiny", None)
    tiny.install(tmp_path / "data")
    for name, value in (("STUDY", "tiny"), ("VARIANT", "plain"), ("DATASET", "tiny")):
        monkeypatch.setattr(compression, name, value)
    wanted = studies.configure(studies.read("tiny"), "plain", "tiny", "smoke", 0)
    folder = tmp_path / "runs" / wanted.run_id
    folder.mkdir(parents=True)
    machine = Machine(accelerator="cpu", data_dir=tmp_path / "data", wandb=False)
    record = training.train(Run(wanted), folder, machine)
    outcome = compression.no_loss(Setup("cpu", tmp_path / "runs", tmp_path / "data"))
    assert outcome.runs == (wanted.run_id,) and outcome.holds is None
    (shown,) = outcome.data["tables"]
    rows = {(method, density): rest for method, density, *rest in shown["rows"]}
    assert len(rows) == 9 and {before for before, *_ in rows.values()} == {record["test"]["error"]}
    for before, after, points, large, small, times in rows.values():
        assert points == pytest.approx(after - before) and times == pytest.approx(large / small, rel=1e-3)
    assert rows["deep compression", "0.50"][4] < rows["pruning", "0.50"][4] < rows["pruning", "0.50"][3]
    assert outcome.evidence[0].startswith("svd to 20%: ")
