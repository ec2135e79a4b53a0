"""DenseNet: widths, depths and refusals by the paper's text; the function itself against torchvision's."""

import pytest
import torch
import torchvision
from torch import nn

from architectures import build
from architectures.densenet import DenseBlock, compressed
from reports.printed import read


def on_meta(name: str, stem: str = "cifar", **knobs) -> nn.Module:
    with torch.device("meta"):
        return build(name, stem=stem, num_classes=10, **knobs)


def randomise(network: nn.Module) -> None:
    """Batch normalisation that does something, so that a lost or swapped layer shows."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low, high in (
                (module.weight, 0.5, 1.5), (module.bias, -0.2, 0.2),
                (module.running_mean, -0.2, 0.2), (module.running_var, 0.5, 1.5),
            ):  # fmt: skip
                nn.init.uniform_(tensor, low, high)


def copy_in_order(source: nn.Module, target: nn.Module) -> None:
    """Both networks declare their layers in the order in which they run."""
    theirs, ours = source.state_dict(), target.state_dict()
    assert [t.shape for t in theirs.values()] == [t.shape for t in ours.values()]
    target.load_state_dict(dict(zip(ours, theirs.values(), strict=True)))


def test_logits_of_torchvision():
    torch.manual_seed(0)
    theirs = torchvision.models.densenet121(num_classes=10).eval()
    randomise(theirs)
    ours = build("densenet_bc", stem="imagenet", num_classes=10, depth=121).eval()
    copy_in_order(theirs, ours)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = theirs(images)
        assert (ours(images) - expected).abs().max() <= 1e-4
    assert expected.std() > 1e-3


@pytest.mark.parametrize(
    "compression, maps, kept", [(0.5, 7, 3), (0.5, 8, 4), (0.29, 100, 29), (1, 9, 9), (0.25, 6, 1)]
)
def test_compression_keeps_the_floor(compression, maps, kept):
    assert compressed(maps, compression) == kept


def test_input_widths():
    # k_0 + k (l - 1) maps enter layer l (Section 3); 169 layers, block 3, layer 32: 256 + 31 · 32 = 1248.
    layer = on_meta("densenet_bc", "imagenet", depth=169).dense_block_3[31]
    assert layer[2].in_channels == 1248 and layer[2].out_channels == 128
    assert [layer[0].num_features for layer in on_meta("densenet").dense_block_1] == [
        16 + 12 * i for i in range(12)
    ]


@pytest.mark.parametrize(
    "name, first", [("densenet", 16), ("densenet_b", 16), ("densenet_c", 16), ("densenet_bc", 24)]
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
    "name, depth",
    [("densenet", 40), ("densenet", 100), ("densenet_c", 7), ("densenet_b", 10), ("densenet_bc", 190)],
)
def test_depth_is_the_number_of_weighted_layers(name, depth):
    layers = [m for m in on_meta(name, depth=depth).modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    assert len(layers) == depth


@pytest.mark.parametrize(
    "depth, growth_rate, millions", [(121, 32, 7.98), (169, 32, 14.15), (201, 32, 20.01), (161, 48, 28.68)]
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
    "name, stem, knobs, message",
    [
        ("densenet", "cifar", {"depth": 41}, "depth 41 is not 3n . 4; the nearest are 40 and 43"),
        ("densenet", "cifar", {"depth": 4}, "depth 4 is not 3n . 4; the smallest is 7"),
        ("densenet_b", "cifar", {"depth": 43}, "nearest are 40 and 46"),
        ("densenet_bc", "cifar", {"depth": 121}, "nearest are 118 and 124"),
        ("densenet_bc", "cifar", {"depth": -2}, "smallest is 10"),
        ("densenet_bc", "imagenet", {"depth": 100}, "depth 100 is not one of 121, 161, 169, 201, 264"),
        ("densenet_bc", "cifar", {"compression": 1.5}, r"compression 1.5 is not in \(0, 1\]"),
        ("densenet_bc", "cifar", {"compression": 0}, r"compression 0.0 is not in \(0, 1\]"),
        ("densenet_c", "cifar", {"compression": 0.001}, "compression 0.001 keeps none of a block's 160 maps"),
        ("densenet_bc", "cifar", {"growth_rate": 0}, "growth_rate 0 is too small"),
        ("densenet", "cifar", {"dropout": 1}, r"dropout 1.0 is not in \[0, 1\)"),
    ],
)
def test_refusals(name, stem, knobs, message):
    with pytest.raises(ValueError, match=f"^{name}: .*{message}"):
        on_meta(name, stem, **knobs)
