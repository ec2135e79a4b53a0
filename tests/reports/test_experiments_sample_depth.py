"""Depths of images: where read-outs become right for good, and whether networks agree on it."""

import math

import pytest
import torch

import architectures
from reports.verdicts.experiments import sample_depth, trained
from reports.verdicts.experiments.sample_depth import Depths
from tests import planted


def made(*of_images: float, right: tuple[float, ...] = (1.0,)) -> Depths:
    return Depths(right, torch.tensor(of_images))


def mixed(seed: int, early: float = 0.4, late: float = 0.3, noise: float = 0.02) -> Depths:
    """A thousand images whose depths differ by a little noise of this seed only."""
    images = torch.linspace(0, 1, 1000)
    depth = torch.where(images < early, 0.2, torch.where(images > 1 - late, 0.9, 0.5))
    generator = torch.Generator().manual_seed(seed)
    return Depths((1.0,), (depth + noise * torch.randn(1000, generator=generator)).clamp(0.01, 1))


def test_a_depth_is_where_the_read_outs_become_right_for_good():
    right = torch.tensor([[1, 1, 0, 0, 1], [1, 0, 0, 1, 1], [1, 1, 1, 1, 0]]).bool()
    depths = Depths.of(right)
    torch.testing.assert_close(depths.of_images, torch.tensor([1 / 3, 1, 1, 2 / 3, math.nan]), equal_nan=True)
    assert depths.right == pytest.approx((0.6, 0.6, 0.8))
    assert (depths.early, depths.late) == (1 / 4, 2 / 4)


def test_what_the_first_block_tells_apart_has_the_least_depth():
    torch.manual_seed(0)
    network = architectures.build("resnet", stem="cifar", num_classes=10, depth=8).eval()
    with torch.no_grad():
        first = network.conv1[0].weight.zero_()
        first[0, 0, 1, 1], first[1, 0, 1, 1] = 1, -1
        planted.silence(network)
    labels = torch.arange(80) % 2
    images = torch.randn(80, 3, 32, 32) * 0.1 + 1.0 - 2.0 * labels[:, None, None, None]  # light and dark
    depths = sample_depth.depths(network, [(images[:40], labels[:40])], [(images[40:], labels[40:])])
    assert depths.right == (1.0, 1.0, 1.0) and (depths.of_images == 1 / 3).all()


def test_likeness_is_of_the_images_that_all_tell_apart():
    one, other = mixed(0), mixed(1)
    assert one.likeness([other]) > 0.8 and one.likeness([one]) == pytest.approx(1)
    shuffled = Depths((1.0,), one.of_images[torch.randperm(1000, generator=torch.Generator().manual_seed(0))])
    assert abs(one.likeness([shuffled])) < 0.1
    unknown = one.of_images.clone()
    unknown[50:] = math.nan
    assert math.isnan(one.likeness([Depths((1.0,), unknown)])) and math.isnan(one.likeness([]))


@pytest.mark.parametrize(
    ("planted_shares", "holds"),
    [
        ({}, True),
        ({"early": 0.02}, False),
        ({"late": 0.02}, False),
        ({"noise": 5.0}, False),  # depths that have nothing to do with the image
    ],
)
def test_both_kinds_of_samples_and_their_agreement_decide(planted_shares, holds):
    networks = [mixed(seed, **planted_shares) for seed in range(3)]
    alike = sample_depth._with_the_others(networks)
    assert sample_depth.judge(networks, alike) is holds
    assert sample_depth.judge_one(networks[0], alike[0]) is holds


def test_too_little_to_go_by_decides_nothing():
    networks = [made(0.5, math.nan)] * 3
    alike = sample_depth._with_the_others(networks)
    assert (
        sample_depth.judge(networks, alike) is None and sample_depth.judge_one(networks[0], alike[0]) is None
    )
    two = [mixed(seed) for seed in range(2)]
    assert sample_depth.judge(two, sample_depth._with_the_others(two)) is None


def test_the_experiment_shows_each_seed_and_each_block(tmp_path, monkeypatch):
    monkeypatch.setattr(sample_depth, "DEPTHS", (20,))
    monkeypatch.setattr(sample_depth, "FEW", 2)
    monkeypatch.setattr(trained, "first_images", lambda *arguments: [planted.images(20)])
    setup = planted.setup(tmp_path)
    ids = [planted.finish(setup.runs, sample_depth.STUDY, "resnet-20", seed) for seed in range(2)]
    outcome = sample_depth.samples_differ(setup)
    assert outcome.holds is None and outcome.runs == tuple(ids)  # two seeds
    by_network, by_block = outcome.data["tables"]
    assert [row[:2] for row in by_network["rows"]] == [["resnet-20", 0], ["resnet-20", 1]]
    assert len(by_block["rows"]) == 9
