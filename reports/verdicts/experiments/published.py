"""Networks that other people trained on CIFAR-10 and published: where their files are, and how they are run here.

`reports/others/weights.csv` says which: repository, commit and path of each file, its SHA-256, the architecture and its
knobs. Nothing is fetched: the files are looked for, by their names, in the folder of `--weights-dir`. A file is loaded
only if it has its SHA-256 and the shape of every tensor of its network, so the number of parameters too.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import architectures
from architectures.resnet import PaddedIdentity
from lightning_modules import weights
from lightning_modules.data.preprocessing import Colour, Preprocessing
from reports.verdicts.experiments import CannotExperiment, Setup, trained
from reports.verdicts.experiments.blocks import residual_blocks

LISTED = Path(__file__).parents[2] / "others" / "weights.csv"
DATASET = "cifar10"
A_MARTYN, AKAMASTER = "a-martyn/resnet", "akamaster/pytorch_resnet_cifar10"
# What the evidence says of all findings on published networks.
CAUTION = "one network each, so that nothing is known of how much another training of theirs would differ"


@dataclass(frozen=True)
class Practice:
    """How a repository's code treats images and channels.

    mean, std: of 0–255. zeros_last: whether the zero channels of shortcut A come after the others, where this project
    puts half before and half after. note: on its weights, for the evidence.
    """

    mean: Colour
    std: Colour
    zeros_last: bool
    note: str = ""


PRACTICES = {
    A_MARTYN: Practice(
        mean=(125.42654, 125.42424, 125.42389),  # main.ipynb: 0.49187, 0.49186, 0.49186 of 0–1
        std=(62.97766, 62.97676, 62.97786),  # 0.24697, 0.24697, 0.24697
        zeros_last=True,  # resnet.py, block.shortcut
        # train.py sets its best error back in every epoch; the last lines of results/*.csv have the files' test errors.
        note=", although its README states the lowest test errors of all epochs",
    ),
    AKAMASTER: Practice(
        mean=(123.675, 116.28, 103.53),  # trainer.py: ImageNet's
        std=(58.395, 57.12, 57.375),
        zeros_last=False,  # resnet.py, LambdaLayer
    ),
}


@dataclass(frozen=True, eq=False)
class Published:
    """A published network: a row of the list. epoch: of its training, "last" or "unknown"."""

    repository: str
    commit: str
    path: str
    architecture: str
    knobs: Mapping[str, Any]
    sha256: str
    epoch: str

    @property
    def depth(self) -> int:
        """Return the number of its weighted layers."""
        return self.knobs["depth"]

    @property
    def name(self) -> str:
        """Return architecture and depth, as the studies' variants are named: plain-20."""
        return f"{self.architecture}-{self.depth}"

    @property
    def label(self) -> str:
        """Return whose network it is: "plain-20 of a-martyn"."""
        return f"{self.name} of {self.repository.partition('/')[0]}"

    @property
    def practice(self) -> Practice:
        """Return how its repository treats images and channels."""
        return PRACTICES[self.repository]


def listed(repository: str, architecture: str, depths: Sequence[int]) -> list[Published]:
    """Return the networks of a repository of these depths, as far as it has them, by rising depth."""
    with LISTED.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["repository"] == repository]
    networks = [
        Published(
            row["repository"],
            row["commit"],
            row["path"],
            architecture,
            json.loads(row["knobs"]),
            row["sha256"],
            row["epoch"],
        )
        for row in rows
        if row["architecture"] == architecture
    ]
    return sorted(
        (network for network in networks if network.depth in depths), key=lambda network: network.depth
    )


def plain_and_residual(depths: Sequence[int]) -> list[Published]:
    """Return the networks of these depths without and with shortcuts, repository by repository."""
    return [
        network
        for repository in PRACTICES
        for architecture in ("plain", "resnet")
        for network in listed(repository, architecture, depths)
    ]


def files(setup: Setup, networks: Sequence[Published]) -> list[Path]:
    """Return the file of each network. Raises CannotExperiment, with those that are missing and where to fetch them."""
    paths: list[Path] = []
    missing: dict[tuple[str, str], list[str]] = {}
    for network in networks:
        if setup.weights and (matching := sorted(setup.weights.rglob(Path(network.path).name))):
            paths.append(matching[0])
        else:
            missing.setdefault((network.repository, network.commit), []).append(network.path)
    if missing:
        told = "; ".join(
            f"{', '.join(names)} of github.com/{repository} at commit {commit}"
            for (repository, commit), names in missing.items()
        )
        raise CannotExperiment(
            f"published weights are missing: put {told} into a folder and name it with --weights-dir FOLDER"
        )
    return paths


def load(published: Published, path: Path, setup: Setup) -> nn.Module:
    """Return the network with the weights of its file, in evaluation mode. Raises CannotExperiment for another file."""
    network = architectures.build(published.architecture, stem="cifar", num_classes=10, **published.knobs)
    try:
        file = weights.read(path, digests={f"reports/others/{LISTED.name}": published.sha256})
        weights.load_in_order(network, file)
    except ValueError as error:
        raise CannotExperiment(
            f"{error} (github.com/{published.repository} at commit {published.commit})"
        ) from error
    if published.practice.zeros_last and "shortcut" in published.knobs:
        _zeros_in_halves(network)
    return network.eval().to(setup.device, memory_format=torch.channels_last)  # type: ignore[call-overload]


@torch.no_grad()
def _zeros_in_halves(network: nn.Module) -> None:
    """Reorder channels, so that shortcuts that put half of their zeros before give what shortcuts with all behind gave."""
    blocks = residual_blocks(network)
    order = torch.arange(blocks[0].inputs)  # by our channel, theirs
    for block in blocks:
        first, *_, last, norm = block.branch
        reads, writes = first.get_parameter("weight"), [last.get_parameter("weight"), *norm.parameters()]
        reads.copy_(reads[:, order])
        if isinstance(block.shortcut, PaddedIdentity):
            before = block.shortcut.extra // 2
            zeros = torch.arange(len(order), len(order) + block.shortcut.extra)
            order = torch.cat([zeros[:before], order, zeros[before:]])
        for tensor in (*writes, norm.get_buffer("running_mean"), norm.get_buffer("running_var")):
            tensor.copy_(tensor[order])
    reads = network.get_parameter("classifier.2.weight")
    reads.copy_(reads[:, order])


def images(published: Published, setup: Setup, split: str, number: int) -> list[tuple[Tensor, Tensor]]:
    """Return the first images of "test" or "train", unaugmented, as the network was shown them; as `trained.shown`."""
    data = trained.arrays(DATASET, setup)
    how = Preprocessing(published.practice.mean, published.practice.std, augment=False)
    pixels, labels = getattr(data, f"{split}_images")[:number], getattr(data, f"{split}_labels")[:number]
    return trained.shown(pixels, labels, how, setup)


def source(networks: Sequence[Published]) -> str:
    """Return where networks are from, for the evidence: repositories, commits, and which epoch."""
    return "; ".join(
        f"github.com/{repository} at commit {commit[:12]}, weights of "
        + {"last": "the last epoch", "unknown": "an epoch that isn't stated"}[epoch]
        + PRACTICES[repository].note
        for repository, commit, epoch in dict.fromkeys((n.repository, n.commit, n.epoch) for n in networks)
    )
