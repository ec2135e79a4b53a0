"""Trained networks are found by run, at one budget, with the weights that were left and those it began with."""

import pytest
import pytorch_lightning as pl
import torch

from lightning_modules.classifier import Classifier
from reports.verdicts.experiments import CannotExperiment, trained
from sweeps import study as studies
from tests import planted

STUDY = "deep_vs_shallow"


@pytest.fixture
def setup(tmp_path):
    return planted.setup(tmp_path)


def test_all_finished_seeds_are_found(setup):
    ids = [planted.finish(setup.runs, STUDY, "plain-20", seed) for seed in (0, 2)]
    unfinished = planted.finish(setup.runs, STUDY, "plain-20", 1)
    (setup.runs / unfinished / "record.json").unlink()
    runs = trained.runs(setup, STUDY, ["plain-20"])
    assert runs.budget == "mini" and runs.ids == tuple(ids)
    assert [run.error for run in runs["plain-20"]] == [10.0, 10.0]


def test_what_is_missing_is_named_with_its_command(setup):
    planted.finish(setup.runs, STUDY, "plain-20", 0)
    command = f"uv run run.py --study {STUDY} --variant plain-32 --dataset cifar10 --seed 0 --budget mini"
    with pytest.raises(CannotExperiment, match=command):
        trained.runs(setup, STUDY, ["plain-20", "plain-32"])


def test_budgets_are_not_mixed(setup, monkeypatch):
    finished = {("plain-20", "short"), ("plain-20", "mini"), ("plain-32", "mini"), ("plain-44", "smoke")}

    def there(setup, study, variant, dataset, budget):
        return [budget] if (variant, budget) in finished else []

    monkeypatch.setattr(trained, "_finished", there)
    assert trained.runs(setup, STUDY, ["plain-20", "plain-32"]).budget == "mini"
    assert trained.runs(setup, STUDY, ["plain-20"]).budget == "short"
    with pytest.raises(CannotExperiment, match="--budget mini"):  # smoke decides nothing
        trained.runs(setup, STUDY, ["plain-44"])


def test_weights_are_those_that_the_run_left(setup):
    planted.finish(setup.runs, STUDY, "plain-20", 0, planted.silence)
    run = trained.runs(setup, STUDY, ["plain-20"])["plain-20"][0]
    network = trained.network(run, setup)
    assert not network.training and not network.conv2_x[0].branch[-1].weight.any()
    run.checkpoint.write_bytes(b"damaged")
    with pytest.raises(CannotExperiment, match="checkpoint.ckpt"):
        trained.network(run, setup)


@pytest.mark.parametrize(("study", "variant"), [(STUDY, "resnet-20"), ("mobilenet_width", "0.25")])
def test_initial_weights_are_those_that_a_training_draws(study, variant):
    configuration = studies.configure(studies.read(study), variant, "cifar10", "smoke", 3)
    pl.seed_everything(3, verbose=False)
    drawn = Classifier(configuration.as_dict()).network.state_dict()
    state = torch.get_rng_state()
    ours = trained.initial(configuration).state_dict()
    assert drawn.keys() == ours.keys() and all(torch.equal(drawn[name], ours[name]) for name in drawn)
    assert torch.equal(state, torch.get_rng_state())


def test_resemblance_is_one_untouched_and_none_with_another_draw():
    torch.manual_seed(0)
    start = [torch.randn(64, 64), torch.randn(32, 64)]
    assert trained.resemblance([2 * weight for weight in start], start) == pytest.approx(1)
    assert abs(trained.resemblance([torch.randn_like(weight) for weight in start], start)) < 0.1
