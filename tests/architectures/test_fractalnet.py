"""FractalNet: the fractal of Figure 1 layer by layer, drop-path by Section 3, depths and widths by Section 4."""

from collections import Counter
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from architectures import build
from architectures.counting import count
from architectures.describe import describe
from architectures.fractalnet import Column, Fractal, LocalSampling, Sampling
from tests.architectures.reference import CLASSES, Function, Layer, Layers, assert_follows, random_images


def on_meta(stem: str = "cifar", **knobs) -> nn.Module:
    with torch.device("meta"):
        return build("fractalnet", stem=stem, num_classes=10, **knobs)


def by_section_3(columns: int, widths: tuple[int, ...]) -> Function:
    """f_1 is a convolution and f_(C+1) the mean of conv and f_C after f_C; joins that meet are one, as in Figure 1."""

    def conv(layers: Layers, width: int) -> Layer:
        convolution = layers.conv(width, 3)
        norm, _ = (layers.norm(width, affine=False) for _ in range(2))  # the second: of a column alone
        return lambda x: norm(convolution(x)).relu()

    def expanded(layers: Layers, width: int, columns: int) -> Callable[[Tensor], list[Tensor]]:
        """f_C before its last join: the outputs of its columns, the shallowest first."""
        shallowest = conv(layers, width)
        if columns == 1:
            return lambda x: [shallowest(x)]
        first, second = (expanded(layers, width, columns - 1) for _ in range(2))
        return lambda x: [shallowest(x), *second(mean(first(x)))]

    def mean(tensors: list[Tensor]) -> Tensor:
        return torch.stack(tensors).mean(0)

    def function(layers: Layers, x: Tensor) -> Tensor:
        for width in widths:
            x = functional.max_pool2d(mean(expanded(layers, width, columns)(x)), 2)
        return layers.linear(widths[-1])(x.mean((2, 3)))

    return function


@pytest.mark.parametrize("columns", [1, 2, 4])
def test_the_function_of_section_3(columns):
    knobs = {"columns": columns, "blocks": 5, "first_width": 3}
    ours = build("fractalnet", stem="cifar", num_classes=CLASSES, drop_path=0.0, **knobs)
    assert_follows(ours, by_section_3(columns, (3, 6, 12, 24, 24)), random_images(3, 32))


class Chosen(Sampling):
    """The living columns of a join, by the number of its columns."""

    def __init__(self, living: dict[int, list[bool]]) -> None:
        self.living = living

    def __call__(self, columns: int) -> list[bool]:
        return self.living[columns]


def after(x: torch.Tensor, *layers: nn.Module, alone: bool = False) -> torch.Tensor:
    for layer in layers:
        x = layer(x, alone)
    return x


def three_columns() -> tuple[Fractal, list[list[nn.Module]]]:
    """A block, and the convolutions of its columns from the shallowest (1) to the deepest (4)."""
    torch.manual_seed(0)
    block = Fractal(3, 2, 4, dropout=0.0)
    upper, lower = block.paths[1]
    columns = [
        [block.paths[0]],
        [upper.paths[0], lower.paths[0]],
        [half.paths[0] for two in (upper, lower) for half in two.paths[1]],
    ]
    return block, columns


def test_a_block_of_three_columns_by_figure_1():
    block, ((a,), (b1, b2), (c1, c2, c3, c4)) = three_columns()
    x = torch.randn(2, 2, 5, 5)
    with torch.no_grad():
        middle = (after(x, b1) + after(x, c1, c2)) / 2
        expected = (after(x, a) + after(middle, b2) + after(middle, c3, c4)) / 3
        torch.testing.assert_close(block(x, LocalSampling(0)), expected)


def test_joins_average_the_inputs_that_live():
    block, ((a,), (b1, b2), (_, _, c3, c4)) = three_columns()
    x = torch.randn(2, 2, 5, 5)
    with torch.no_grad():
        # the join in the middle drops the deepest column
        sampling = Chosen({3: [True, True, True], 2: [True, False], 1: [True]})
        expected = (after(x, a) + after(x, b1, b2) + after(x, b1, c3, c4)) / 3
        torch.testing.assert_close(block(x, sampling), expected)
        sampling = Chosen({3: [True, False, True], 2: [True, False], 1: [True]})
        expected = (after(x, a) + after(x, b1, c3, c4)) / 2
        torch.testing.assert_close(block(x, sampling), expected)


@pytest.mark.parametrize("above_deepest", [0, 1, 2])
def test_global_sampling_is_one_column_alone(above_deepest):
    block, columns = three_columns()
    alone = columns[2 - above_deepest]
    others = [layer for column in columns if column is not alone for layer in column]
    before = [{name: t.clone() for name, t in layer.state_dict().items()} for layer in others]
    for layer in others:
        layer.register_forward_hook(lambda *_: pytest.fail("a column that doesn't live was run"))
    x = torch.randn(2, 2, 5, 5)
    y = block(x, Column(above_deepest))
    y.sum().backward()
    for layer, state in zip(others, before, strict=True):
        assert all(p.grad is not None and not p.grad.any() for p in layer.parameters())
        assert all(torch.equal(state[name], t) for name, t in layer.state_dict().items())
    assert all(layer.convolution.weight.grad is not None for layer in alone)
    with torch.no_grad():
        assert torch.equal(y, after(x, *alone, alone=True))


@pytest.mark.parametrize(("sampling", "moved", "kept"), [
    (Column(0), "norm_alone", "norm_together"), (LocalSampling(0), "norm_together", "norm_alone"),
])  # fmt: skip
def test_a_column_alone_has_running_statistics_of_its_own(sampling, moved, kept):
    block, (*_, deepest) = three_columns()
    x = torch.randn(8, 2, 5, 5)
    block(x, sampling)
    for layer in deepest:
        assert getattr(layer, moved).num_batches_tracked == 1 and getattr(layer, moved).running_mean.any()
        assert getattr(layer, kept).num_batches_tracked == 0 and not getattr(layer, kept).running_mean.any()
    with torch.no_grad():
        block.eval()
        before = block(x, sampling)
        for layer in block.modules():
            if hasattr(layer, kept):
                getattr(layer, kept).running_mean += 7
        assert torch.equal(block(x, sampling), before)


def test_a_network_trains_one_column_or_many_and_every_parameter_gets_a_gradient():
    torch.manual_seed(0)
    network = build("fractalnet", stem="cifar", num_classes=10, blocks=2, first_width=4)
    dead = set()
    for _ in range(30):
        network.zero_grad()
        network(torch.randn(2, 3, 8, 8)).square().sum().backward()
        assert all(p.grad is not None for p in network.parameters())
        weights = [p for p in network.parameters() if p.dim() == 4]
        dead.add(sum(not p.grad.any() for p in weights))
    # of 14 convolutions a single column leaves 12, 10 or 6 without
    assert {12, 10, 6} <= dead and len(dead) > 3


def test_half_of_the_batches_are_sampled_locally_and_columns_equally_often():
    torch.manual_seed(0)
    network = on_meta()
    drawn = Counter()
    for _ in range(1200):
        sampling = network._sampling()
        local = isinstance(sampling, LocalSampling)
        assert not local or sampling.drop_path == 0.15
        drawn["local" if local else sampling.above_deepest] += 1
    assert 540 < drawn["local"] < 660 and all(150 < drawn[column] < 250 for column in range(3))
    for share, kind in ((1.0, LocalSampling), (0.0, Column)):
        assert all(isinstance(on_meta(local_share=share)._sampling(), kind) for _ in range(20))


def test_a_join_drops_its_inputs_at_the_rate_but_never_all():
    torch.manual_seed(0)
    kept = [LocalSampling(0.15)(2) for _ in range(2000)]
    assert all(any(living) for living in kept)
    # both of two inputs fall with 0.15², and then one of them comes back
    expected = 2 * (0.85 + 0.15**2 / 2)
    assert sum(sum(living) for living in kept) / 2000 == pytest.approx(expected, abs=0.04)
    saved = [LocalSampling(0.999999)(3) for _ in range(300)]
    assert {tuple(living) for living in saved} == {(1, 0, 0), (0, 1, 0), (0, 0, 1)}
    assert LocalSampling(0.9)(1) == [True]


def test_without_drop_path_nothing_is_drawn_and_all_columns_live():
    network = build(
        "fractalnet", stem="cifar", num_classes=10, blocks=2, first_width=4, drop_path=0.0, dropout=0.0
    )
    x, state = torch.randn(2, 3, 8, 8), torch.get_rng_state()
    y = network(x)
    assert torch.equal(torch.get_rng_state(), state)
    y.square().sum().backward()
    assert all(p.grad.any() for p in network.parameters() if p.dim() == 4)


def test_the_deepest_column_alone_scores_in_evaluation():
    torch.manual_seed(0)
    every, deepest = (
        build("fractalnet", stem="cifar", num_classes=10, blocks=2, first_width=4, evaluated=evaluated).eval()
        for evaluated in ("all", "deepest")
    )
    deepest.load_state_dict(every.state_dict())
    x = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        y = x
        for block, pooling in ((every.block_1, every.pooling_1), (every.block_2, every.pooling_2)):
            column = [half.paths[0] for two in block.paths[1] for half in two.paths[1]]
            y = pooling(after(y, *column, alone=True))
        torch.testing.assert_close(deepest(x), every.classifier(y))
        assert not torch.allclose(every(x), deepest(x))


@pytest.mark.parametrize(
    ("columns", "blocks", "depth"), [(1, 5, 6), (2, 5, 11), (3, 5, 21), (4, 5, 41), (3, 3, 13)]
)
def test_depth_is_that_of_the_deepest_column(columns, blocks, depth):
    assert count(on_meta(columns=columns, blocks=blocks), 32).layers == depth


def test_parameters_by_formula():
    # in a block of C columns C convolutions change the width, and 2^C - 1 - C keep it
    expected, channels = 0, 3
    for width in (64, 128, 256, 512, 512):
        expected += 9 * (3 * channels * width + 4 * width * width)
        channels = width
    assert count(on_meta(), 32).parameters == expected + 10 * channels + 10 == 33_704_010


def test_fractalnet_34_described():
    lines = describe(on_meta("imagenet"), 224).splitlines()[2:]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|"))[:3] for line in lines]
    fractal = "{0}; [{0}; [{0}; [{0}] × 2] × 2] × 2"
    assert rows == [
        ("conv1", "56×56", "7×7 conv, 64, stride 2; 3×3 max pool, stride 2"),
        ("block_1", "56×56", fractal.format("3×3 conv, 128")),
        ("pooling_1", "28×28", "2×2 max pool, stride 2"),
        ("block_2", "28×28", fractal.format("3×3 conv, 256")),
        ("pooling_2", "14×14", "2×2 max pool, stride 2"),
        ("block_3", "14×14", fractal.format("3×3 conv, 512")),
        ("pooling_3", "7×7", "2×2 max pool, stride 2"),
        ("block_4", "7×7", fractal.format("3×3 conv, 1024")),
        ("classifier", "1×1", "global average pool; 10-d fully connected"),
        ("total", "", "34 weighted layers"),
    ]


def test_dropout_grows_from_block_to_block():
    network = on_meta()
    rates = [
        {m.p for m in getattr(network, f"block_{number}").modules() if isinstance(m, nn.Dropout)}
        for number in range(1, 6)
    ]
    assert [round(p, 3) for (p,) in rates] == [0, 0.1, 0.2, 0.3, 0.4]
    assert {m.p for m in on_meta(dropout=0.0).modules() if isinstance(m, nn.Dropout)} == {0.0}


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"columns": 0}, "columns 0 is too small; it must be at least 1"),
        ({"blocks": 6}, "blocks 6 is not one of 1, 2, 3, 4, 5"),
        ({"first_width": 0}, "first_width 0 is too small"),
        ({"drop_path": 1.0}, r"drop_path 1.0 is not in \[0, 1\); 0 is none"),
        ({"local_share": 1.1}, r"local_share 1.1 is not in \[0, 1\]; the paper's is 0.5"),
        ({"dropout": 0.25}, r"dropout 0.25 gives the last block a rate outside \[0, 1\); the paper's is 0.1"),
        ({"evaluated": "shallow"}, "evaluated: 'shallow' is not one of all, deepest"),
    ],
)
def test_refusals(knobs, message):
    with pytest.raises(ValueError, match=message):
        on_meta(**knobs)
