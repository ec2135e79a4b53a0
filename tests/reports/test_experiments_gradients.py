"""Gradients that vanish on their way back are found, and only those."""

import pytest
import torch
from torch import nn

from reports.verdicts.experiments import dense_gradients, gradients, trained
from sweeps import study as studies
from tests import planted


def configuration(variant="plain-20"):
    return studies.configure(studies.read(gradients.STUDY), variant, "cifar10", "mini", 0)


@pytest.mark.parametrize(
    ("start", "end", "vanished"),
    [
        ([1e-3, 2e-3, 1e-3], [1.0, 2.0, 1.0], True),
        ([1.0, 2.0, 1.0], [1e-3, 2e-3, 1e-3], True),
        ([50.0, 60.0, 40.0], [0.5, 0.6, 0.7], False),
        ([1e-3, 1e-1, 1e-2], [0.5, 0.6, 0.7], None),
        ([1.0, 2.0], [1.0, 2.0], None),
    ],
)
def test_the_rule(start, end, vanished):
    assert gradients.judge(start, end) is vanished


def test_without_normalisation_xavier_halves_the_gradient_twice_a_block_and_he_keeps_it():
    batch = planted.images(8)
    xavier, he = (
        gradients.reach(gradients.gradient_norms(gradients.bare(configuration(), draw), *batch))
        for draw in ("xavier", "he_fan_in")
    )
    # Six blocks of two layers lie between the thirds, and each layer halves the square.
    assert xavier == pytest.approx(2**-6, rel=0.7) and xavier < he / 20
    assert not any(isinstance(m, nn.BatchNorm2d) for m in gradients.bare(configuration(), "xavier").modules())


def test_a_planted_leak_shows_where_it_is():
    network = trained.initial(configuration())
    network.conv3_x[0].branch.append(Leak())
    norms = gradients.gradient_norms(network, *planted.images(4))
    whole = gradients.gradient_norms(trained.initial(configuration()), *planted.images(4))
    shares = [leaking / full for leaking, full in zip(norms, whole, strict=True)]
    assert shares == pytest.approx([1e-3] * 3 + [1] * 6, rel=1e-2)


class Leak(nn.Module):
    """The identity, whose gradient is a thousandth."""

    def forward(self, x):
        return x.detach() + 1e-3 * (x - x.detach())


def test_the_experiment_shows_each_depth_and_each_block(tmp_path, monkeypatch):
    monkeypatch.setattr(gradients, "DEPTHS", (20,))
    monkeypatch.setattr(trained, "training_batch", lambda *arguments: planted.images(4))
    setup = planted.setup(tmp_path)
    ids = [planted.finish(setup.runs, gradients.STUDY, f"{kind}-20", 0) for kind in ("plain", "resnet")]
    outcome = gradients.gradients_vanish(setup)
    assert outcome.holds is None and outcome.runs == tuple(ids)  # a single seed
    by_depth, by_block = outcome.data["tables"]
    assert [row[0] for row in by_depth["rows"]] == [20] and len(by_block["rows"]) == 9
    assert torch.tensor(by_block["rows"]).isfinite().all()


def test_the_start_is_seen_without_a_run_and_refutes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(gradients, "DEPTHS", (20,))
    monkeypatch.setattr(trained, "training_batch", lambda *arguments: planted.images(4))
    outcome = gradients.gradients_vanish(planted.setup(tmp_path))
    by_depth, _ = outcome.data["tables"]
    assert (
        outcome.holds is None
        and outcome.runs == ()
        and "before deep_vs_shallow is trained" in outcome.evidence[-1]
    )
    assert by_depth["columns"] == ["layers", *(name for name in gradients.NAMES if "end" not in name)]


def test_dense_connections_bring_back_what_a_plain_network_loses(tmp_path, monkeypatch):
    monkeypatch.setattr(trained, "training_batch", lambda *arguments: planted.images(4))
    outcome = dense_gradients.dense_connections(planted.setup(tmp_path))
    (shown,) = outcome.data["tables"]
    assert outcome.holds is True and len(shown["rows"]) == 3
    assert all(plain < 1e-2 < dense for _, plain, dense in shown["rows"])


def test_without_its_connections_a_densenet_would_be_found_no_better(tmp_path, monkeypatch):
    monkeypatch.setattr(trained, "training_batch", lambda *arguments: planted.images(4))
    monkeypatch.setattr(dense_gradients, "DENSE", dense_gradients.PLAIN)
    assert dense_gradients.dense_connections(planted.setup(tmp_path)).holds is not True
