"""Pixels are read off maps that keep them, and not off maps that don't."""

import pytest
import torch
from torch import nn

import architectures
from reports.verdicts.experiments import information, trained
from tests import planted


def made(arch):
    """Eight layers whose first ones hold the first colours of every pixel, positive and negative parts apart."""
    torch.manual_seed(0)
    network = architectures.build(arch, stem="cifar", num_classes=10, depth=8).eval()
    with torch.no_grad():
        first = network.conv1[0].weight.zero_()
        for colour in range(3):
            first[colour, colour, 1, 1], first[3 + colour, colour, 1, 1] = 1, -1
        planted.silence(network)
    return network


def test_what_a_block_keeps_is_read_whole_and_what_it_drops_not_at_all():
    batches = [planted.images(20), planted.images(20)]
    kept, halved, _ = information.readable(made("resnet"), batches)
    # The second block has every fourth pixel, and nothing tells the others of noise.
    assert kept == pytest.approx(1, abs=1e-3) and halved == pytest.approx(1 / 4, abs=0.02)
    assert max(information.readable(made("plain"), batches)) == pytest.approx(0, abs=0.02)


def test_the_other_half_of_the_images_is_held_out():
    noise = [torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)]

    class Remembering(nn.Module):
        """Maps that have the pixels of the first batch whatever is shown."""

        def forward(self, x):
            return noise[0]

    network = made("resnet")
    network.conv2_x[0].branch = nn.Sequential(Remembering(), nn.ZeroPad2d((0, 0, 0, 0, 0, 13)))
    network.conv2_x[0].shortcut = None
    labels = torch.zeros(8, dtype=torch.long)
    first, *_ = information.readable(network, [(noise[0], labels), (noise[1], labels)])
    assert first < 0


@pytest.mark.parametrize(("lead", "holds"), [(0.2, True), (0.0, None), (-0.2, False)])
def test_shortcuts_that_keep_more_of_the_image_are_found(tmp_path, monkeypatch, lead, holds):
    draws = iter([0.50, 0.51, 0.49, 0.52, 0.50, 0.48] * 2)

    def readable(network, batches):
        return (0.9, next(draws) + (lead if network.conv2_x[0].shortcut is not None else 0))

    monkeypatch.setattr(information, "readable", readable)
    assert explored(tmp_path, monkeypatch, seeds=3).holds is holds


def test_the_experiment_shows_each_block(tmp_path, monkeypatch):
    outcome = explored(tmp_path, monkeypatch, seeds=1)
    (shown,) = outcome.data["tables"]
    assert outcome.holds is None and len(outcome.runs) == 2 and len(shown["rows"]) == 9
    assert shown["columns"][1:] == [
        f"{kind}-20{when}" for when in ("", ", untrained") for kind in ("resnet", "plain")
    ]


def explored(tmp_path, monkeypatch, seeds):
    """The experiment on untrained networks of 20 layers and a few images of noise."""
    monkeypatch.setattr(information, "DEPTHS", (20,))
    monkeypatch.setattr(trained, "test_batches", lambda *arguments: [planted.images(3)] * 2)
    setup = planted.setup(tmp_path)
    for variant in ("resnet-20", "plain-20"):
        for seed in range(seeds):
            planted.finish(setup.runs, information.STUDY, variant, seed)
    return information.shortcuts_keep_the_image(setup)
