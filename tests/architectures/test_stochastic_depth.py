"""Stochastic depth: Equations 2, 4 and 5, what a dropped block costs and leaves alone, ResNet when none is."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures import build
from architectures.describe import describe
from architectures.stochastic_depth import SurvivingBranch, survival_probabilities
from tests.architectures.reference import CLASSES, Function, Layers, assert_follows, random_images


def on_meta(stem: str, **knobs) -> nn.Module:
    with torch.device("meta"):
        return build("stochastic_depth", stem=stem, num_classes=10, **knobs)


def branches(network: nn.Module) -> list[SurvivingBranch]:
    return [module for module in network.modules() if isinstance(module, SurvivingBranch)]


def test_survival_falls_linearly_by_equation_4():
    # Figure 2 of the paper: p_0 = 1 at the input, p_L = 0.5 at the last block
    assert list(survival_probabilities(5, 0.5, "linear")) == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5])
    assert list(survival_probabilities(3, 0.8, "uniform")) == [0.8] * 3


@pytest.mark.parametrize(("stem", "blocks"), [("cifar", 54), ("imagenet", 50)])
def test_every_block_has_its_probability_in_order(stem, blocks):
    drawn = [branch.survival for branch in branches(on_meta(stem, last_survival=0.2))]
    assert drawn == pytest.approx([1 - 0.8 * number / blocks for number in range(1, blocks + 1)])


def test_expected_depth_of_110_layers():
    # Section 3: of 54 blocks about 40 are active at p_L = 0.5, (3L - 1) / 4
    expected = sum(branch.survival for branch in branches(on_meta("cifar")))
    assert expected == pytest.approx((3 * 54 - 1) / 4)


@pytest.mark.parametrize(("stem", "knobs"), [("cifar", {"depth": 8}), ("imagenet", {"depth": 50})])
@pytest.mark.parametrize("training", [True, False])
def test_where_all_survive_it_is_resnet(stem, knobs, training):
    torch.manual_seed(0)
    resnet = build("resnet", stem=stem, num_classes=10, **knobs).train(training)
    ours = build("stochastic_depth", stem=stem, num_classes=10, last_survival=1.0, **knobs).train(training)
    source, target = resnet.state_dict(), ours.state_dict()
    ours.load_state_dict(dict(zip(target, source.values(), strict=True)))
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(ours(images), resnet(images))


def by_equation_5(n: int, last_survival: float) -> Function:
    """The CIFAR form in evaluation: H_l = ReLU(p_l f_l(H_(l-1)) + id(H_(l-1))), zeros for new channels."""

    def function(layers: Layers, x: Tensor) -> Tensor:
        x = layers.conv_norm(16, 3)(x).relu()
        for number in range(1, 3 * n + 1):
            width = 16 * 2 ** ((number - 1) // n)
            stride = width // x.shape[1]
            survival = 1 - number / (3 * n) * (1 - last_survival)
            y = layers.conv_norm(width, 3, stride)(x).relu()
            y = survival * layers.conv_norm(width, 3)(y)
            margin = (width - x.shape[1]) // 2
            x = (y + functional.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, margin, margin))).relu()
        return layers.linear(64)(x.mean((2, 3)))

    return function


def test_the_function_of_equation_5():
    ours = build("stochastic_depth", stem="cifar", num_classes=CLASSES, depth=20, last_survival=0.2)
    assert_follows(ours, by_equation_5(3, 0.2), random_images(2, 16), modes=[False])


def a_block(survival: float) -> nn.Module:
    """The second stage's first block, whose shortcut halves the resolution and pads."""
    torch.manual_seed(0)
    network = build(
        "stochastic_depth", stem="cifar", num_classes=10, depth=8, last_survival=survival, decay="uniform"
    )
    return network.conv3_x[0]


def test_in_evaluation_a_branch_counts_by_its_probability():
    block, x = a_block(0.3).eval(), torch.rand(2, 16, 8, 8)
    with torch.no_grad():
        expected = (0.3 * block.branch.branch(x) + block.shortcut(x)).relu()
        torch.testing.assert_close(block(x), expected)


def test_a_dropped_block_is_its_shortcut_and_is_not_computed():
    block, x = a_block(1e-9), torch.rand(2, 16, 8, 8, requires_grad=True)
    before = {name: tensor.clone() for name, tensor in block.state_dict().items()}
    block.branch.branch.register_forward_hook(lambda *_: pytest.fail("the branch was run"))
    y = block(x)
    assert torch.equal(y, block.shortcut(x))
    (y * torch.rand_like(y)).sum().backward()
    assert all(p.grad is not None and not p.grad.any() for p in block.parameters())
    assert x.grad.any()
    # the running statistics of its batch normalisation and how many batches they have seen
    assert all(torch.equal(before[name], tensor) for name, tensor in block.state_dict().items())


def test_a_surviving_block_is_the_residual_block():
    block, x = a_block(1.0), torch.rand(2, 16, 8, 8)
    assert torch.equal(block(x), (block.branch.branch(x) + block.shortcut(x)).relu())


def test_blocks_survive_as_often_as_they_should():
    torch.manual_seed(0)
    ran = []
    branch = SurvivingBranch(nn.BatchNorm2d(1), 0.3)
    branch.branch.register_forward_hook(lambda *_: ran.append(1))
    for _ in range(1000):
        branch(torch.rand(2, 1, 1, 1))
    assert 250 < len(ran) < 350  # 3.5 standard deviations either way


def test_the_cpus_generator_decides_so_that_a_run_can_go_on():
    network, images = (
        build("stochastic_depth", stem="cifar", num_classes=10, depth=20),
        torch.rand(2, 3, 8, 8),
    )
    state = torch.get_rng_state()
    first, second = network(images), network(images)
    torch.set_rng_state(state)
    assert torch.equal(network(images), first) and torch.equal(network(images), second)
    assert not torch.equal(first, second)


@pytest.mark.parametrize(("stem", "depth"), [("cifar", 110), ("imagenet", 152), ("imagenet", 34)])
def test_it_has_resnets_layers(stem, depth):
    with torch.device("meta"):
        shortcut = "A" if stem == "cifar" else "B"
        resnet = build("resnet", stem=stem, num_classes=10, depth=depth, shortcut=shortcut)
    images = 32 if stem == "cifar" else 224
    table = describe(on_meta(stem, depth=depth), images)
    assert table == describe(resnet, images) and f"{depth} weighted layers" in table


@pytest.mark.parametrize(
    ("stem", "knobs", "message"),
    [
        ("cifar", {"depth": 111}, "depth 111 is not 6n . 2; the nearest are 110 and 116"),
        ("imagenet", {"depth": 110}, "depth 110 is not one of 18, 34, 50, 101, 152, 200"),
        ("cifar", {"last_survival": 0.0}, r"last_survival 0.0 is not in \(0, 1\]; the paper's is 0.5"),
        ("cifar", {"last_survival": 1.5}, r"last_survival 1.5 is not in \(0, 1\]"),
        ("cifar", {"decay": "none"}, "decay: 'none' is not one of linear, uniform"),
    ],
)
def test_refusals(stem, knobs, message):
    with pytest.raises(ValueError, match=f"^stochastic_depth: .*{message}|^{message}"):
        on_meta(stem, **knobs)
