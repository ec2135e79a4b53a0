"""What every registered architecture does on every stem: it trains, evaluates, adds up, and takes all its knobs.

What is particular to a family is tested beside this file. A new family needs nothing here, unless it is too
large to be trained for a step as it stands (SMALL) or has knobs that need each other (TOGETHER).
"""

import random
from functools import cache

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from architectures import Knob, build, catalogue
from architectures.counting import count
from architectures.describe import rows
from lightning_modules.losses import losses

CLASSES = 10
SIDES = {"cifar": (32,), "imagenet": (64, 96, 128, 160, 224, 299)}
USUAL = {"cifar": 32, "imagenet": 224}

# Knobs of a smaller network of the same blocks, where a step of the paper's takes seconds.
SMALL = {
    **{(name, "cifar"): {"depth": 13} for name in ("densenet", "densenet_c")},
    **{(name, "cifar"): {"depth": 16} for name in ("densenet_b", "densenet_bc")},
    **{(name, "cifar"): {"depth": 14} for name in ("plain", "resnet", "se_resnet", "stochastic_depth")},
    **{(name, "cifar"): {"depth": 20} for name in ("preact_resnet", "se_preact_resnet")},
    **{(name, "imagenet"): {"depth": 50} for name in ("preact_resnet", "se_preact_resnet")},
    **{(name, "cifar"): {"cardinality": 2} for name in ("resnext", "se_resnext")},
    **{(name, "imagenet"): {"cardinality": 4} for name in ("resnext", "se_resnext")},
    **{(name, "cifar"): {"widen_factor": 2.0} for name in ("wide_resnet", "se_wide_resnet")},
    **{(name, "imagenet"): {"widen_factor": 1.0} for name in ("wide_resnet", "se_wide_resnet")},
    ("plain", "imagenet"): {"depth": 18},
    **{
        (name, "imagenet"): {"growth_rate": 8}
        for name in ("densenet", "densenet_b", "densenet_bc", "densenet_c")
    },
    **{(name, "imagenet"): {"config": "A"} for name in ("vgg", "se_vgg")},
    **{("fractalnet", stem): {"first_width": 16} for stem in ("cifar", "imagenet")},
    **{("zfnet", stem): {"fc": 64} for stem in ("cifar", "imagenet")},
    **{
        (name, stem): {"blocks": (1, 1, 1)}
        for name in ("inception_resnet_v1", "inception_resnet_v2", "inception_resnet_v2_tf", "inception_v4")
        for stem in ("cifar", "imagenet")
    },
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
    ("se_resnet", "cifar", "position", "3x3"): {"block": "bottleneck", "depth": 11},
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
# A hundred million weights, which a step on values takes seconds for; VGG's other stem and SE-ResNeXt have the same
# layers.
LARGE = {("se_vgg", "imagenet"), ("senet_154", "imagenet"), ("vgg", "imagenet")}
# Architectures that leave out some parts in every batch.
PARTS_REST = {"fractalnet", "stochastic_depth"}

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
    assert not [path for path, parameter in network.named_parameters() if parameter.grad is None]
    return loss


def step_on_meta(network: nn.Module, stem: str) -> None:
    """The same without values."""
    images = torch.empty(2, 3, USUAL[stem], USUAL[stem], device="meta")
    step(network, images, torch.zeros(2, dtype=torch.long, device="meta"))


@pytest.mark.parametrize(("name", "stem"), [place for place in EVERY if place not in LARGE])
def test_a_step_of_training_and_an_evaluation(name, stem):
    torch.manual_seed(0)
    side = smallest(name, stem)
    network = build(name, stem=stem, num_classes=CLASSES, **SMALL.get((name, stem), {}))
    images = torch.randn(2, 3, side, side)

    assert step(network, images, torch.tensor([1, 7])).isfinite()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())
    # The few units of a squeeze-and-excitation may all be negative in two images.
    layers = {path: p for path, p in network.named_parameters() if "excitation" not in path}
    assert name in PARTS_REST or not [path for path, p in layers.items() if not p.grad.any()]
    # Maps of few pixels, normalised over two images, may have gradients of any size.
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    torch.optim.SGD(network.parameters(), lr=1e-3).step()

    network.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        logits = network(images)
    assert type(logits) is torch.Tensor and logits.shape == (2, CLASSES) and logits.isfinite().all()
    with torch.no_grad():
        assert torch.equal(network(images), logits)
    # Two images, and torch counts a multiplication and its addition as two.
    assert counter.get_total_flops() == 4 * count(network, side).mult_adds


@pytest.mark.slow
@pytest.mark.parametrize(("name", "stem"), [place for place in EVERY if place not in LARGE])
def test_a_step_in_bf16(name, stem):
    torch.manual_seed(0)
    side = smallest(name, stem)
    network = build(name, stem=stem, num_classes=CLASSES, **SMALL.get((name, stem), {}))
    with torch.autocast("cpu", torch.bfloat16):
        loss = step(network, torch.randn(2, 3, side, side), torch.tensor([1, 7]))
    assert loss.isfinite() and all(parameter.grad.isfinite().all() for parameter in network.parameters())


@pytest.mark.parametrize(("name", "stem"), sorted(LARGE))
def test_a_step_of_a_large_network(name, stem):
    step_on_meta(on_meta(name, stem), stem)


@pytest.mark.parametrize(("name", "stem"), EVERY)
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


@pytest.mark.parametrize(("name", "stem", "knob", "value"), values())
def test_every_value_of_every_switch_and_choice(name, stem, knob, value):
    together = TOGETHER.get((name, stem, knob, value), {})
    network = on_meta(name, stem, **{**SMALL.get((name, stem), {}), knob: value, **together})
    assert count(network, USUAL[stem]).parameters > 0
    # The blocks are the same on both stems, and gradients take most of the time.
    if stem == catalogue()[name].stems[0]:
        step_on_meta(network, stem)


def drawn(knob: Knob, stem: str, generator: random.Random) -> object:
    """A value of any kind of knob: one of the choices, or a number about the default."""
    default = knob.default_for(stem)
    if knob.kind in ("bool", "choice"):
        return generator.choice(knob.choices or (True, False))
    if knob.kind == "float":
        return default * generator.uniform(0.3, 1.2) if default else generator.random()
    numbers = [
        max(1, round(number * generator.uniform(0.3, 1.2)))
        for number in (default if knob.kind == "ints" else (default,))
    ]
    return tuple(numbers) if knob.kind == "ints" else numbers[0]


@pytest.mark.parametrize("name", list(catalogue()))
def test_knobs_at_random_build_and_train_or_are_refused_in_one_line(name):
    stem = catalogue()[name].stems[0]
    generator = random.Random(name)
    network, refusals = None, []
    while network is None and len(refusals) < 100:
        knobs = SMALL.get((name, stem), {}) | {
            knob.name: drawn(knob, stem, generator)
            for knob in catalogue()[name].knobs.values()
            if generator.random() < 0.5
        }
        try:
            network = on_meta(name, stem, **knobs)
        except ValueError as refusal:
            refusals.append(str(refusal))
    assert network is not None
    assert all(refusal.startswith(f"{name}: ") and "\n" not in refusal for refusal in refusals)
    step_on_meta(network, stem)
