"""What the loss of a block costs: nothing where branches put out nothing, most where every layer matters."""

import math

import pytest
import torch

from reports.verdicts.experiments import lesion, trained
from reports.verdicts.experiments.lesion import Lesions
from tests import planted

SPARED, RUINED = Lesions(50.0, (50.0, 51.0, 90.0)), Lesions(50.0, (88.0, 90.0, 91.0))
UNTRAINED = Lesions(85.0, (85.0, 86.0, 90.0))


def test_share_lost_is_of_what_was_learned():
    assert SPARED.share_lost == pytest.approx(1 / 40) and RUINED.share_lost == 1
    assert math.isnan(UNTRAINED.share_lost)


@pytest.mark.parametrize(
    ("residual", "plain", "holds"),
    [
        (SPARED, RUINED, True),
        (RUINED, RUINED, False),
        (SPARED, SPARED, False),
        (SPARED, UNTRAINED, None),
        (UNTRAINED, UNTRAINED, None),
    ],
)
def test_both_halves_decide_where_networks_have_learned(residual, plain, holds):
    assert lesion.judge([[residual] * 3], [[plain] * 3]) is holds
    assert lesion.judge([[residual] * 3, [UNTRAINED] * 3], [[plain] * 3, [UNTRAINED] * 3]) is holds
    assert lesion.judge([[residual] * 2], [[plain] * 2]) is not True


def test_a_lesion_is_the_network_without_the_branch():
    batch, _ = planted.images(10)
    for variant in ("resnet-20", "plain-20"):
        network = made(variant)
        with torch.no_grad():
            labels = network(batch).argmax(1)
        found = lesion.lesions(network, [(batch, labels)])
        assert found.whole == 0 and len(found.without) == 9
        block = network.conv3_x[1]
        if variant == "resnet-20":
            block.branch = torch.nn.Sequential(block.branch, Nothing())
        else:
            block.branch = block.branch[:3]
        with torch.no_grad():
            expected = 100 * (network(batch).argmax(1) != labels).float().mean().item()
        assert found.without[4] == pytest.approx(expected)


class Nothing(torch.nn.Module):
    def forward(self, x):
        return 0 * x


def made(variant):
    from sweeps import study as studies

    configuration = studies.configure(studies.read(lesion.STUDY), variant, "cifar10", "mini", 0)
    network = trained.initial(configuration)
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.5, 0.5)
    return network.eval()


def test_the_experiment_shows_each_seed_and_each_block(tmp_path, monkeypatch):
    monkeypatch.setattr(lesion, "DEPTHS", (20,))
    monkeypatch.setattr(trained, "test_batches", lambda *arguments: [planted.images(4)])
    setup = planted.setup(tmp_path)
    ids = [
        planted.finish(setup.runs, lesion.STUDY, variant, 0, planted.silence)
        for variant in ("resnet-20", "plain-20")
    ]
    outcome = lesion.blocks_can_be_lost(setup)
    assert outcome.holds is None and outcome.runs == tuple(ids)  # a single seed
    by_network, by_part = outcome.data["tables"]
    assert [row[0] for row in by_network["rows"]] == ["resnet-20", "plain-20"]
    assert len(by_part["rows"]) == 9
    _, _, whole, middle, *_ = by_network["rows"][0]
    assert whole == middle  # silent branches are not missed
