"""Rates of recipes that no paper prints: what is tried, and which is taken."""

import pandas as pd
import pytest

from lightning_modules import recipes
from sweeps import rates


@pytest.fixture
def table(monkeypatch, tmp_path):
    """`table({(network, rate): loss, …})`: these losses of one declared search in place of rates.csv."""

    def put(losses: dict[tuple[str, float], float | None]) -> None:
        trials = [rates.Trial("mobilenet_v1_cifar", network, {}, rate) for network, rate in losses]
        rows = [
            {"recipe": trial.recipe, "network": trial.arch, "rate": trial.rate, "last_loss": loss}
            for trial, loss in zip(trials, losses.values(), strict=True)
            if loss != "missing"
        ]
        pd.DataFrame(rows).to_csv(tmp_path / "rates.csv", index=False)
        monkeypatch.setattr(rates, "TABLE", tmp_path / "rates.csv")
        monkeypatch.setattr(rates, "trials", lambda: trials)

    return put


def test_every_declared_run_can_be_configured_and_none_is_a_studys():
    trials = rates.trials()
    ids = [trial.configuration.run_id for trial in trials]
    assert len(set(ids)) == len(ids) and {trial.configuration.seed for trial in trials} == {rates.SEED}


def test_the_sources_own_rate_stays_within_a_tenth_of_the_lowest_loss(table):
    table({("a", 0.1): 1.09, ("a", 0.2): 1.0, ("b", 0.1): 1.09, ("b", 0.2): 1.0})
    assert rates.chosen("mobilenet_v1_cifar", 0.1) == 0.1
    table({("a", 0.1): 1.2, ("a", 0.02): 1.0, ("b", 0.1): 1.2, ("b", 0.02): 1.0})
    assert rates.chosen("mobilenet_v1_cifar", 0.1) == 0.02


def test_a_rate_at_which_a_network_diverged_is_not_taken(table):
    table({("a", 0.1): None, ("a", 0.02): 1.0, ("b", 0.1): 0.5, ("b", 0.02): 1.0})
    assert rates.chosen("mobilenet_v1_cifar", 0.1) == 0.02


def test_nothing_is_chosen_before_every_run_is_made(table):
    table({("a", 0.1): 1.0, ("a", 0.02): "missing"})
    assert rates.chosen("mobilenet_v1_cifar", 0.1) is None


@pytest.mark.parametrize("recipe", sorted({trial.recipe for trial in rates.trials()}))
def test_a_recipe_whose_search_is_whole_has_the_rate_that_it_chose(recipe):
    own = recipes.find(recipe).lr
    assert rates.chosen(recipe, own) in (None, own)
