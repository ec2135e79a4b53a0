"""DenseNet: widths, depths and refusals by the paper's text; the function against torchvision's and Equation 2."""

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from architectures import build, recomputing
from architectures.densenet import DenseBlock, compressed
from reports.printed.figures import read
from tests.architectures.reference import (
    CLASSES,
    Function,
    Layers,
    assert_follows,
    assert_same_function,
    random_images,
    randomise,
)


def on_meta(name: str, stem: str = "cifar", **knobs) -> nn.Module:
    with torch.device("meta"):
        return build(name, stem=stem, num_classes=10, **knobs)


@pytest.mark.parametrize(("depth", "growth_rate"), [(121, 32), (161, 48), (169, 32), (201, 32)])
def test_the_function_of_torchvision(depth, growth_rate):
    theirs = getattr(torchvision.models, f"densenet{depth}")(num_classes=CLASSES)
    ours = build("densenet_bc", stem="imagenet", num_classes=CLASSES, depth=depth, growth_rate=growth_rate)
    modes = [False, True] if depth == 121 else [False]  # the others have more of the same layers
    assert_same_function(ours, theirs, random_images(2, 64), modes=modes)


def by_equation_2(
    layers_each: int, growth_rate: int, first: int, *, bottleneck: bool, compression: float
) -> Function:
    """The CIFAR form by Section 3: three blocks, in which a layer reads the concatenation of all before it."""

    def function(layers: Layers, x: Tensor) -> Tensor:
        x = layers.conv(first, 3)(x)
        for block in range(3):
            for _ in range(layers_each):
                y = layers.norm(x.shape[1])(x).relu()
                if bottleneck:
                    y = layers.conv(4 * growth_rate, 1)(y)
                    y = layers.norm(4 * growth_rate)(y).relu()
                x = torch.cat([x, layers.conv(growth_rate, 3)(y)], dim=1)
            x = layers.norm(x.shape[1])(x).relu()
            if block < 2:
                x = layers.conv(int(compression * x.shape[1]), 1)(x)
                x = functional.avg_pool2d(x, 2)
        return layers.linear(x.shape[1])(x.mean((2, 3)))

    return function


@pytest.mark.parametrize(
    ("name", "bottleneck", "compression", "first"),
    [
        ("densenet", False, 1.0, 16),
        ("densenet_b", True, 1.0, 16),
        ("densenet_c", False, 0.5, 16),
        ("densenet_bc", True, 0.5, 10),
    ],
)
def test_the_cifar_form_by_equation_2(name, bottleneck, compression, first):
    ours = build(name, stem="cifar", num_classes=CLASSES, depth=22, growth_rate=5)
    layers_each = 3 if bottleneck else 6
    function = by_equation_2(layers_each, 5, first, bottleneck=bottleneck, compression=compression)
    assert_follows(ours, function, random_images(3, 16))


def twins(name: str, **knobs) -> tuple[nn.Module, nn.Module]:
    """The same network twice, the second one saving memory."""
    torch.manual_seed(0)
    plain, saving = (build(name, stem="cifar", num_classes=10, **knobs) for _ in range(2))
    randomise(plain)
    saving.load_state_dict(plain.state_dict())
    saving.save_memory()
    return plain, saving


@pytest.mark.parametrize(("name", "depth"), [("densenet", 13), ("densenet_bc", 16)])
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_saving_memory_changes_no_bit_of_a_training(name, depth, dropout):
    plain, saving = twins(name, depth=depth, dropout=dropout)
    for step in range(2):
        images, labels = torch.randn(4, 3, 16, 16), torch.tensor([1, 7, 0, 3])
        outputs = []
        for network in (plain, saving):
            torch.manual_seed(step)  # for the masks of dropout
            outputs.append(network(images))
            nn.functional.cross_entropy(outputs[-1], labels).backward()
        assert torch.equal(*outputs)
        for ours, theirs in zip(saving.parameters(), plain.parameters(), strict=True):
            assert torch.equal(ours.grad, theirs.grad) and ours.grad.any()
        # running statistics, and how many batches they have seen
        for (key, ours), theirs in zip(saving.state_dict().items(), plain.state_dict().values(), strict=True):
            assert torch.equal(ours, theirs), key
    with torch.no_grad():
        assert torch.equal(saving.eval()(images), plain.eval()(images))


def bytes_kept(network: nn.Module, images: torch.Tensor, monkeypatch) -> int:
    """Of tensors that a forward pass keeps for the backward pass, parameters aside; each storage once."""
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    def checkpoint(function, *features, **options):  # it keeps its arguments
        return torch.utils.checkpoint.checkpoint(function, *map(keep, features), **options)

    monkeypatch.setattr(recomputing, "checkpoint", checkpoint)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = network(images)
    assert output.requires_grad
    own = {t.untyped_storage().data_ptr() for t in (*network.parameters(), *network.buffers())}
    return sum(t.untyped_storage().nbytes() for pointer, t in kept.items() if pointer not in own)


@pytest.mark.parametrize(("name", "depth", "least"), [("densenet", 40, 4), ("densenet_bc", 40, 2)])
def test_how_much_memory_is_saved(name, depth, least, monkeypatch):
    images = torch.randn(1, 3, 32, 32)
    plain, saving = (bytes_kept(network, images, monkeypatch) for network in twins(name, depth=depth))
    assert plain / saving > least


class Convolutions(TorchDispatchMode):
    """Counts the convolutions that are computed."""

    computed = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.computed += function is torch.ops.aten.convolution.default
        return function(*args, **(kwargs or {}))


def test_convolutions_are_not_computed_again():
    _, saving = twins("densenet_bc", depth=16)
    with Convolutions() as mode:
        loss = saving(torch.randn(2, 3, 8, 8)).sum()
        forward = mode.computed
        loss.backward()
    assert forward == mode.computed == 15


@pytest.mark.parametrize(
    ("compression", "channels", "kept"), [(0.5, 7, 3), (0.5, 8, 4), (0.29, 100, 29), (1, 9, 9), (0.25, 6, 1)]
)
def test_compression_keeps_the_floor(compression, channels, kept):
    assert compressed(channels, compression) == kept


def test_input_widths():
    # k_0 + k (l - 1) channels enter layer l (Section 3); 169 layers, block 3, layer 32: 256 + 31 · 32 = 1248.
    layer = on_meta("densenet_bc", "imagenet", depth=169).dense_block_3[31]
    assert layer[2].in_channels == 1248 and layer[2].out_channels == 128
    assert [layer[0].num_features for layer in on_meta("densenet").dense_block_1] == [
        16 + 12 * i for i in range(12)
    ]


@pytest.mark.parametrize(
    ("name", "first"), [("densenet", 16), ("densenet_b", 16), ("densenet_c", 16), ("densenet_bc", 24)]
)
def test_first_convolution(name, first):
    assert on_meta(name, depth=40).convolution.out_channels == first


def test_widths_after_transitions():
    plain, half = on_meta("densenet"), on_meta("densenet_c")
    assert (plain.transition_1[2].out_channels, plain.transition_2[2].out_channels) == (160, 304)
    assert (half.transition_1[2].out_channels, half.transition_2[2].out_channels) == (80, 112)


def test_dropout_follows_every_convolution_but_the_first():
    network = on_meta("densenet_bc", depth=40, dropout=0.2)
    order = [type(m) for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Dropout))]
    assert order == [nn.Conv2d] + [nn.Conv2d, nn.Dropout] * 38
    assert not [m for m in on_meta("densenet_bc", depth=40).modules() if isinstance(m, nn.Dropout)]


@pytest.mark.parametrize(
    ("name", "depth"),
    [("densenet", 40), ("densenet", 100), ("densenet_c", 7), ("densenet_b", 10), ("densenet_bc", 190)],
)
def test_depth_is_the_number_of_weighted_layers(name, depth):
    layers = [m for m in on_meta(name, depth=depth).modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    assert len(layers) == depth


@pytest.mark.parametrize(
    ("depth", "growth_rate", "millions"),
    [(121, 32, 7.98), (169, 32, 14.15), (201, 32, 20.01), (161, 48, 28.68)],
)
def test_imagenet_counts_that_reference_models_have(depth, growth_rate, millions):
    with torch.device("meta"):
        network = build(
            "densenet_bc", stem="imagenet", num_classes=1000, depth=depth, growth_rate=growth_rate
        )
    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 2) == millions


@pytest.mark.parametrize("figure", [f for f in read("densenet_t1") if "blocks" in f.kwargs])
def test_layers_of_each_block_in_table_1(figure):
    network = on_meta("densenet_bc", "imagenet", depth=figure.kwargs["depth"])
    lengths = [len(block) for block in network if isinstance(block, DenseBlock)]
    assert lengths == figure.kwargs["blocks"]


@pytest.mark.parametrize(
    ("name", "stem", "knobs", "message"),
    [
        ("densenet", "cifar", {"depth": 41}, "depth 41 is not 3n . 4; the nearest are 40 and 43"),
        ("densenet", "cifar", {"depth": 4}, "depth 4 is not 3n . 4; the smallest is 7"),
        ("densenet_b", "cifar", {"depth": 43}, "nearest are 40 and 46"),
        ("densenet_bc", "cifar", {"depth": 121}, "nearest are 118 and 124"),
        ("densenet_bc", "cifar", {"depth": -2}, "smallest is 10"),
        ("densenet_bc", "imagenet", {"depth": 100}, "depth 100 is not one of 121, 161, 169, 201, 264"),
        ("densenet_bc", "cifar", {"compression": 1.5}, r"compression 1.5 is not in \(0, 1\]"),
        ("densenet_bc", "cifar", {"compression": 0}, r"compression 0.0 is not in \(0, 1\]"),
        (
            "densenet_c",
            "cifar",
            {"compression": 0.001},
            "compression 0.001 keeps none of a block's 160 channels",
        ),
        ("densenet_bc", "cifar", {"growth_rate": 0}, "growth_rate 0 is too small"),
        ("densenet", "cifar", {"dropout": 1}, r"dropout 1.0 is not in \[0, 1\)"),
    ],
)
def test_refusals(name, stem, knobs, message):
    with pytest.raises(ValueError, match=f"^{name}: .*{message}"):
        on_meta(name, stem, **knobs)
