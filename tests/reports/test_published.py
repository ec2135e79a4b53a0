"""Networks that others published: the file that is listed, and no other, and the function that its author's code has."""

import hashlib
import json
import os
from itertools import product
from pathlib import Path

import pytest
import torch
from torch.nn import functional

import architectures
from architectures.resnet import PaddedIdentity
from reports.verdicts.experiments import (
    CannotExperiment,
    Setup,
    degradation,
    gradients,
    information,
    lesion,
    published,
    sample_depth,
)
from reports.verdicts.experiments.degradation import Difference
from tests import planted

SHARED = Path(os.environ.get("SHARED_DIR", Path(__file__).parents[3] / "shared")) / "weights"


@pytest.fixture
def setup(tmp_path):
    return Setup("cpu", tmp_path / "runs", tmp_path / "data", tmp_path)


@pytest.fixture
def listed(tmp_path, monkeypatch):
    """Residual and plain networks of 20 and 32 layers, listed with the checksums of files in the folder of weights."""
    lines = ["repository,commit,path,architecture,knobs,bytes,sha256,epoch,licence,claims,note"]
    for repository, architecture, depth in product(published.PRACTICES, ("resnet", "plain"), (20, 32)):
        shortcut = {"shortcut": "A"} if architecture == "resnet" else {}
        knobs = json.dumps({"depth": depth, **shortcut}).replace('"', '""')
        path = tmp_path / f"{repository.partition('/')[0]}-{architecture}{depth}.pt"
        torch.save(made(architecture, depth).state_dict(), path)
        checksum = hashlib.sha256(path.read_bytes()).hexdigest()
        row = f'{repository},c0ffee,weights/{path.name},{architecture},"{knobs}",1,{checksum},last,BSD,,'
        lines.append(row)
    monkeypatch.setattr(published, "LISTED", tmp_path / "weights.csv")
    published.LISTED.write_text("\n".join(lines) + "\n")
    for module in (degradation, gradients, information, lesion, sample_depth):
        monkeypatch.setattr(module, "DEPTHS", (20, 32))
    monkeypatch.setattr(
        published, "images", lambda network, setup, split, n: [planted.images(3)] * (1 if n < 1_000 else 2)
    )


def made(architecture, depth=20):
    """A network whose normalisations tell channels apart."""
    torch.manual_seed(0)
    network = architectures.build(architecture, stem="cifar", num_classes=10, depth=depth).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.running_mean, -0.3, 0.3)
    return network


class ZerosLast(PaddedIdentity):
    """Shortcut A with all zeros behind."""

    def forward(self, x):
        return functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.extra))


def with_zeros_last(network):
    for block in published.residual_blocks(network):
        if isinstance(block.shortcut, PaddedIdentity):
            block.shortcut = ZerosLast(block.shortcut.extra, block.shortcut.stride)
    return network


@torch.no_grad()
def test_reordered_channels_are_the_function_of_shortcuts_with_their_zeros_last(setup, listed):
    batch, _ = planted.images(4)
    (network,) = published.listed(published.A_MARTYN, "resnet", (20,))
    loaded = published.load(network, *published.files(setup, [network]), setup)
    assert torch.allclose(loaded(batch), with_zeros_last(made("resnet"))(batch), atol=1e-4)
    assert not torch.allclose(loaded(batch), made("resnet")(batch), atol=1e-2)


@torch.no_grad()
@pytest.mark.parametrize(
    ("repository", "architecture"), [(published.A_MARTYN, "plain"), (published.AKAMASTER, "resnet")]
)
def test_where_zeros_are_as_ours_nothing_is_reordered(setup, listed, repository, architecture):
    batch, _ = planted.images(4)
    (network,) = published.listed(repository, architecture, (20,))
    loaded = published.load(network, *published.files(setup, [network]), setup)
    assert torch.allclose(loaded(batch), made(architecture)(batch), atol=1e-4)


def test_another_file_of_that_name_is_refused(setup, listed, tmp_path):
    (network,) = published.listed(published.A_MARTYN, "plain", (20,))
    (path,) = published.files(setup, [network])
    torch.save(made("plain").state_dict() | {"classifier.2.bias": torch.ones(10)}, path)
    with pytest.raises(CannotExperiment, match=r"its SHA-256 is .*weights\.csv says .* at commit c0ffee"):
        published.load(network, path, setup)


def test_missing_files_are_named_with_repository_and_commit(tmp_path):
    networks = published.listed(published.A_MARTYN, "plain", (20, 56))
    told = "pretrained/plainnet20.pt, pretrained/plainnet56.pt of github.com/a-martyn/resnet at commit a9779154427b"
    for folder in (None, tmp_path):
        with pytest.raises(CannotExperiment, match=told):
            published.files(Setup("cpu", tmp_path, tmp_path, folder), networks)


def test_the_experiments_on_published_networks(setup, listed):
    for experiment in (
        degradation.errors_by_depth,
        gradients.gradients_vanish_in_published,
        information.published_shortcuts_keep_the_image,
        lesion.published_blocks_can_be_lost,
        sample_depth.published_samples_differ,
    ):
        outcome = experiment(setup)
        assert not outcome.runs and outcome.data["tables"]
        assert "at commit c0ffee, weights of the last epoch" in outcome.evidence[-2]
        assert outcome.evidence[-1].startswith("rule: ") and published.CAUTION in outcome.evidence[-1]
        assert str(setup.weights) not in str(outcome)


# Degradation

N = 10_000


def wrong(*numbers):
    """Of as many networks, the images that they get wrong: the first ones, so that these are shared."""
    return {
        depth: torch.arange(N) < number for depth, number in zip(degradation.DEPTHS, numbers, strict=False)
    }


@pytest.mark.parametrize(
    ("plain", "plain_train", "residual", "holds"),
    [
        ((969, 1004, 1156, 1307), (46, 58, 235, 238), (804, 779, 751, 746), True),
        ((969, 1004, 1156, 1307), (46, 58, 235, 238), (746, 751, 779, 804), False),
        ((969, 1200, 1000, 1307), (46, 58, 235, 238), (804, 779, 751, 746), False),  # a step back
        ((969, 969, 970, 971), (46, 58, 235, 238), (804, 779, 751, 746), None),  # within chance
    ],
)
def test_degradation_is_judged_by_the_ends_and_no_step_back(plain, plain_train, residual, holds):
    by_key = {("plain", "test"): plain, ("plain", "train"): plain_train, ("resnet", "test"): residual}
    assert degradation.judge({key: wrong(*numbers) for key, numbers in by_key.items()}) is holds


def test_a_difference_is_of_the_images_that_one_alone_gets_wrong():
    shallow, deep = torch.arange(N) < 300, (torch.arange(N) >= 200) & (torch.arange(N) < 700)
    difference = Difference.of(shallow, deep)
    # 400 images are worse and 200 better: 2 points, and McNemar's 1.96 · √(600 - 200² / 10,000) / 10,000
    assert difference.points == pytest.approx(2) and difference.half_width == pytest.approx(0.478, abs=1e-3)
    assert difference.has_sign(1) is True and difference.has_sign(-1) is False
    assert Difference.of(deep, deep).has_sign(1) is None and str(difference) == "+2.00 [+1.52, +2.48]"


@pytest.mark.parametrize(
    ("name", "middle", "holds"),
    [
        ("resnet-56", 15.0, True), ("resnet-20", 40.0, None), ("resnet-20", 85.0, False),
        ("plain-20", 85.0, True), ("plain-20", 40.0, None), ("plain-56", 15.0, False),
    ],
)  # fmt: skip
def test_a_single_network_is_judged_by_both_limits(name, middle, holds):
    assert lesion.judge_one(f"{name} of a-martyn", lesion.Lesions(10.0, (middle,) * 3)) is holds


def test_a_network_that_has_learned_nothing_decides_nothing():
    assert lesion.judge_one("plain-20", lesion.Lesions(85.0, (90.0,))) is None


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"the published weights aren't in {SHARED}")
def test_the_listed_files_are_those_that_were_published():
    setup = Setup("cpu", SHARED, SHARED, SHARED)
    networks = published.plain_and_residual((20, 32, 44, 56))
    assert len(networks) == 12
    for network, path in zip(networks, published.files(setup, networks), strict=True):
        published.load(network, path, setup)
