"""Degradation in networks that others trained: errors of plain and residual networks by depth (ResNet, Section 4.2).

Two networks see the same images, so their difference is that of the images that one of them alone gets wrong, and its
95 % interval (McNemar) is over images. How much another training would differ is unknown: there is one network each.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from reports.verdicts.experiments import Outcome, Setup, on_published, published, rules, table
from reports.verdicts.experiments.passes import deployed

DEPTHS = (20, 32, 44, 56)
# Images: the whole test set, and as many of training.
IMAGES = 10_000
NORMAL = 1.96  # of a normal distribution's 95 %
SPLITS = {"test": "test error", "train": "training error"}
# What the claim says of deeper networks: the sign of their differences to shallower ones. Of the training errors of
# residual networks it says nothing.
CLAIMED = {("plain", "test"): 1, ("plain", "train"): 1, ("resnet", "test"): -1}
TITLE = "Errors (%) of published networks, by their depth"
COLUMNS = ("network", "parameters", "test", "n", "training, without augmentation", "n", "file", "SHA-256")


@dataclass(frozen=True)
class Difference:
    """Error of a deeper network minus that of a shallower one, in points, with its 95 % interval over images."""

    points: float
    half_width: float

    @classmethod
    def of(cls, shallow: Tensor, deep: Tensor) -> "Difference":
        """Take it from the images that each gets wrong, (N,) booleans of the same images."""
        n = len(shallow)
        worse, better = int((deep & ~shallow).sum()), int((shallow & ~deep).sum())
        spread = math.sqrt(worse + better - (worse - better) ** 2 / n)
        return cls(100 * (worse - better) / n, 100 * NORMAL * spread / n)

    def has_sign(self, sign: int) -> bool | None:
        """Return whether it has that sign: True or False if its whole interval has it or the other, else None."""
        if abs(self.points) <= self.half_width:
            return None
        return self.points * sign > 0

    def __str__(self) -> str:
        low, high = self.points - self.half_width, self.points + self.half_width
        return f"{self.points:+.2f} [{low:+.2f}, {high:+.2f}]"


@on_published("plain.degrades_with_depth")
def errors_by_depth(setup: Setup) -> Outcome:
    """Holds if plain networks' errors rise with depth, in test and in training, and residual ones' test errors fall."""
    networks = [
        network
        for architecture in ("plain", "resnet")
        for network in published.listed(published.A_MARTYN, architecture, DEPTHS)
    ]
    wrong: dict[tuple[str, str], dict[int, Tensor]] = {}
    rows = []
    for network, path in zip(networks, published.files(setup, networks), strict=True):
        loaded = published.load(network, path, setup)
        parameters = sum(weight.numel() for weight in loaded.parameters())
        deployed(loaded, setup.device)
        cells: list = []
        for split in SPLITS:
            mistakes = misclassified(loaded, published.images(network, setup, split, IMAGES))
            wrong.setdefault((network.architecture, split), {})[network.depth] = mistakes
            cells += [f"{100 * mistakes.float().mean():.2f}", len(mistakes)]
        rows.append([network.name, parameters, *cells, path.name, network.sha256[:16]])
    evidence = [_evidence(key, by_depth) for key, by_depth in wrong.items()]
    rule = (
        f"rule: from {DEPTHS[0]} to {DEPTHS[-1]} layers plain networks' errors rise and residual ones' test errors fall, and no step "
        f"between goes the other way; 95 % intervals over images; {published.CAUTION}"
    )
    return Outcome(
        judge(wrong), (*evidence, published.source(networks), rule), {"tables": [table(TITLE, COLUMNS, rows)]}
    )


def misclassified(network: nn.Module, batches: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Return for each image whether a network in evaluation mode gets it wrong, (N,)."""
    with torch.inference_mode():
        return torch.cat([network(images).argmax(1) != labels for images, labels in batches]).cpu()


def judge(wrong: Mapping[tuple[str, str], Mapping[int, Tensor]]) -> bool | None:
    """Judge the images that networks get wrong, by architecture and split, and by depth."""
    decided = []
    for key, sign in CLAIMED.items():
        of_depths = [mistakes for _, mistakes in sorted(wrong[key].items())]
        steps = [Difference.of(*pair).has_sign(sign) for pair in pairwise(of_depths)]
        whole = Difference.of(of_depths[0], of_depths[-1]).has_sign(sign)
        decided.append(False if False in steps else whole)
    return rules.all_hold(decided)


def _evidence(key: tuple[str, str], by_depth: Mapping[int, Tensor]) -> str:
    architecture, split = key
    kind = {"plain": "plain", "resnet": "residual"}[architecture]
    errors = " → ".join(f"{100 * mistakes.float().mean():.2f}" for mistakes in by_depth.values())
    shallowest, *_, deepest = by_depth.values()
    n = f"{len(deepest):,} images" + (" without augmentation" if split == "train" else "")
    return (
        f"{kind}, {', '.join(map(str, by_depth))} layers: {SPLITS[split]} {errors} %, from the shallowest to the deepest "
        f"{Difference.of(shallowest, deepest)} points ({n})"
    )
