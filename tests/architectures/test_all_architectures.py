"""What every registered architecture does on every stem: it trains, evaluates, adds up, and takes all its knobs.

What is particular to a family is tested beside this file. A new family needs nothing here, unless it is too
large to be trained for a step as it stands (SMALL) or has knobs that need each other (TOGETHER).
"""

from functools import cache

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from architectures import build, catalogue
from architectures.counting import count
from architectures.describe import rows
from lightning_modules.objective import losses

CLASSES = 10
SIDES = {"cifar": (32,), "imagenet": (64, 96, 128, 160, 224, 299)}
USUAL = {"cifar": 32, "imagenet": 224}

# Knobs of a smaller network of the same blocks, where a step of the paper's takes seconds.
SMALL = {
    ("densenet", "cifar"): {"depth": 13},
    ("densenet_b", "cifar"): {"depth": 16},
    ("densenet_bc", "cifar"): {"depth": 16},
    ("densenet_c", "cifar"): {"depth": 13},
    ("plain", "cifar"): {"depth": 14},
    ("preact_resnet", "cifar"): {"depth": 20},
    ("preact_resnet", "imagenet"): {"depth": 50},
    ("resnet", "cifar"): {"depth": 14},
    ("resnext", "cifar"): {"cardinality": 2},
    ("resnext", "imagenet"): {"cardinality": 4},
    ("vgg", "imagenet"): {"config": "A"},
    ("wide_resnet", "cifar"): {"widen_factor": 2.0},
    ("fractalnet", "cifar"): {"first_width": 8},
    ("fractalnet", "imagenet"): {"first_width": 16},
    ("inception_resnet_v1", "cifar"): {"blocks": (1, 1, 1)},
    ("inception_resnet_v1", "imagenet"): {"blocks": (1, 1, 1)},
    ("inception_resnet_v2", "cifar"): {"blocks": (1, 1, 1)},
    ("inception_resnet_v2", "imagenet"): {"blocks": (1, 1, 1)},
    ("inception_resnet_v2_tf", "cifar"): {"blocks": (1, 1, 1)},
    ("inception_resnet_v2_tf", "imagenet"): {"blocks": (1, 1, 1)},
    ("inception_v4", "cifar"): {"blocks": (1, 1, 1)},
    ("inception_v4", "imagenet"): {"blocks": (1, 1, 1)},
    ("se_preact_resnet", "cifar"): {"depth": 20},
    ("se_preact_resnet", "imagenet"): {"depth": 50},
    ("se_resnet", "cifar"): {"depth": 14},
    ("se_resnext", "cifar"): {"cardinality": 2},
    ("se_resnext", "imagenet"): {"cardinality": 4},
    ("se_vgg", "imagenet"): {"config": "A"},
    ("se_wide_resnet", "cifar"): {"widen_factor": 2.0},
    ("stochastic_depth", "cifar"): {"depth": 14},
    ("stochastic_depth", "imagenet"): {"depth": 18},
}
# What a value needs beside it: the builder refuses it alone, and says so.
TOGETHER = {
    ("alexnet", "cifar", "half_kernels", True): {"groups": 1},
    ("alexnet", "imagenet", "half_kernels", True): {"groups": 1},
    ("plain", "cifar", "block", "bottleneck"): {"depth": 11},
    ("plain", "imagenet", "block", "bottleneck"): {"depth": 50},
    ("preact_resnet", "imagenet", "block", "basic"): {"depth": 18},
    ("resnet", "cifar", "block", "bottleneck"): {"depth": 11},
    ("resnet", "imagenet", "block", "basic"): {"depth": 18},
    ("se_resnet", "cifar", "block", "bottleneck"): {"depth": 11},
    ("se_resnet", "cifar", "position", "3x3"): {"depth": 11, "block": "bottleneck"},
    ("se_resnet", "imagenet", "block", "basic"): {"depth": 18},
}
# Values that a network has on its other stem only; that it says so is its family's test.
ELSEWHERE = {
    ("all_cnn", "imagenet", "model", "A"),
    ("all_cnn", "imagenet", "model", "C"),
    ("preact_resnet", "imagenet", "block", "single"),
    *(
        ("wide_resnet", "imagenet", "block", block)
        for block in ("B(3,1)", "B(1,3)", "B(1,3,1)", "B(3,1,1)", "B(3,1,3)")
    ),
}
# Architectures of which some parts don't take part in every batch, or whose two SE units of a narrow layer may both
# be dead at first: a parameter's gradient may be zero there, but must exist.
PARTS_REST = {"fractalnet", "stochastic_depth", *(name for name in catalogue() if name.startswith("se"))}

EVERY = [(name, stem) for name, architecture in catalogue().items() for stem in architecture.stems]


def values() -> list[tuple[str, str, str, object]]:
    """Every value of a knob but its default where all can be listed: switches and choices."""
    found = []
    for name, stem in EVERY:
        for knob in catalogue()[name].knobs.values():
            possible = knob.choices if knob.kind == "choice" else (True, False) if knob.kind == "bool" else ()
            found += [(name, stem, knob.name, value) for value in possible if value != knob.default_for(stem)]
    return [place for place in found if place not in ELSEWHERE]


def on_meta(name: str, stem: str, **knobs) -> nn.Module:
    with torch.device("meta"):
        return build(name, stem=stem, num_classes=CLASSES, **knobs)


@cache
def smallest(name: str, stem: str) -> int:
    """The side of the smallest images that the network can be trained on."""
    network = on_meta(name, stem, **SMALL.get((name, stem), {}))
    for side in SIDES[stem]:
        try:
            network(torch.empty(2, 3, side, side, device="meta"))
        except RuntimeError:
            continue
        return side
    raise AssertionError(f"{name} takes none of the resolutions {SIDES[stem]}")


def step(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Loss and gradients of a batch. Lightning's DDP stops at a parameter that no gradient reaches."""
    logits, _, loss = losses(network(images), labels, share_done=0.0)
    assert logits.shape == (len(images), CLASSES)
    loss.backward()
    assert not [name for name, parameter in network.named_parameters() if parameter.grad is None]
    return loss


@pytest.mark.parametrize("name, stem", EVERY)
def test_a_step_of_training_and_an_evaluation(name, stem):
    torch.manual_seed(0)
    side = smallest(name, stem)
    network = build(name, stem=stem, num_classes=CLASSES, **SMALL.get((name, stem), {}))
    images = torch.randn(2, 3, side, side)

    assert step(network, images, torch.tensor([1, 7])).isfinite()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())
    dead = [name for name, parameter in network.named_parameters() if not parameter.grad.any()]
    assert not dead or name in PARTS_REST
    torch.optim.SGD(network.parameters(), lr=1e-9).step()
    assert all(parameter.isfinite().all() for parameter in network.parameters())

    # Doubles, because running statistics of one step on noise let deep networks grow beyond a float's range.
    network.double().eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        logits = network(images.double())
    assert type(logits) is torch.Tensor and logits.shape == (2, CLASSES) and logits.isfinite().all()
    # Two images, and torch counts a multiplication and its addition as two.
    assert counter.get_total_flops() == 4 * count(network, side).mult_adds


@pytest.mark.parametrize("name, stem", EVERY)
def test_the_architecture_table_adds_up(name, stem):
    network = on_meta(name, stem)
    *stages, total = rows(network, USUAL[stem])
    parameters, mult_adds = (sum(int(row[i].replace(",", "")) for row in stages) for i in (3, 4))
    counted = count(network, USUAL[stem])
    assert parameters == counted.parameters == sum(p.numel() for p in network.parameters())
    assert mult_adds == counted.mult_adds
    assert total[2:] == (
        f"{counted.layers:,} weighted layers", f"{parameters:,}", f"{mult_adds:,}",
    )  # fmt: skip


@pytest.mark.parametrize("name, stem, knob, value", values())
def test_every_value_of_every_switch_and_choice(name, stem, knob, value):
    together = TOGETHER.get((name, stem, knob, value), {})
    network = on_meta(name, stem, **{**SMALL.get((name, stem), {}), knob: value, **together})
    assert count(network, USUAL[stem]).parameters > 0
    # The blocks are the same on both stems, and gradients take most of the time.
    if stem == catalogue()[name].stems[0]:
        images = torch.empty(2, 3, USUAL[stem], USUAL[stem], device="meta")
        step(network, images, torch.zeros(2, dtype=torch.long, device="meta"))
