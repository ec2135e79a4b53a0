"""Compression after training: what each method leaves, and that its bytes are those of a file that gives it back."""

import copy
import math
import os
from itertools import accumulate
from pathlib import Path

import pytest
import torch
from torch import nn

import architectures
from lightning_modules import weights
from reports.verdicts.checks import squeezenet as printed
from reports.verdicts.experiments.deep_compression import (
    METHODS,
    compress,
    huffman,
    pruning,
    size,
    svd,
    weight_sharing,
)
from reports.verdicts.experiments.deep_compression.layers import compressible

SHARED = Path(os.environ.get("SHARED_DIR", Path(__file__).parents[3] / "shared"))


def built(arch: str, stem: str = "cifar", classes: int = 10, **knobs) -> nn.Module:
    torch.manual_seed(0)
    return architectures.build(arch, stem=stem, num_classes=classes, **knobs).eval()


# Singular value decomposition

LAYERS = {
    "fully connected": (lambda: nn.Linear(20, 30), (5, 20)),
    "without bias": (lambda: nn.Conv2d(6, 9, 3, padding=1, bias=False), (2, 6, 8, 8)),
    "strided": (lambda: nn.Conv2d(6, 9, 5, stride=2, padding=2), (2, 6, 8, 8)),
    "dilated": (lambda: nn.Conv2d(6, 9, 3, dilation=2), (2, 6, 8, 8)),
    "grouped": (lambda: nn.Conv2d(6, 9, 3, groups=3), (2, 6, 8, 8)),
    "depthwise": (lambda: nn.Conv2d(6, 12, 3, groups=6), (2, 6, 8, 8)),
    "1x1": (lambda: nn.Conv2d(6, 9, 1), (2, 6, 8, 8)),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_a_product_of_full_rank_is_the_layer_and_one_of_less_is_not(kind):
    torch.manual_seed(0)
    make, shape = LAYERS[kind]
    layer, inputs = make(), torch.randn(shape)
    with torch.no_grad():
        whole = svd.product(layer, svd.full_rank(layer))(inputs)
        torch.testing.assert_close(whole, layer(inputs), atol=1e-5, rtol=1e-5)
        if svd.full_rank(layer) > 1:
            less = svd.product(layer, 1)(inputs)
            assert (less - layer(inputs)).abs().max() > 1e-2


def test_a_product_is_the_best_of_its_rank():
    """Eckart and Young: the squared error is that of the singular values left out."""
    layer = nn.Linear(20, 30)
    first, second = svd.product(layer, 7)
    lost = (second.weight @ first.weight - layer.weight).square().sum()
    values = torch.linalg.svdvals(layer.weight)
    assert lost.item() == pytest.approx(values[7:].square().sum().item(), rel=1e-4)


@pytest.mark.parametrize(("density", "rank"), [(0.5, 12), (0.3, 7), (0.01, 1)])
def test_the_rank_is_the_highest_whose_layers_have_the_share_asked_for(density, rank):
    layer = nn.Conv2d(20, 30, 3)  # 5,400 weights, 30 + 180 a rank: 12.9 ranks in a half of them
    assert svd.rank_within(layer, density) == rank


def test_networks_get_no_larger_and_depthwise_convolutions_stay():
    network = built("mobilenet_v1", width_mult=0.25)
    for density in (0.3, 1.0):
        smaller = compress(network, "svd", density=density)
        assert smaller.bytes_after <= smaller.bytes_before
        kinds = {type(smaller.network.get_submodule(n)) for n in compressible(network) if "dw" in n}
        assert kinds == {nn.Conv2d}
        assert smaller.network(torch.randn(2, 3, 32, 32)).shape == (2, 10)


# Pruning


@pytest.mark.parametrize(
    ("weights", "density", "left"), [(100, 0.07, 7), (100, 0.071, 8), (9, 1, 9), (9, 0.01, 1)]
)
def test_how_many_weights_are_left(weights, density, left):
    assert pruning.number_kept(weights, density) == left


@pytest.mark.parametrize("density", [0.33, 0.1, 1.0])
def test_pruning_leaves_the_largest_weights_and_exactly_as_many_as_asked(density):
    network = built("resnet", depth=8)
    smaller = compress(network, "pruning", density=density).network
    for name, layer in compressible(network).items():
        before, after = layer.weight.flatten(), smaller.get_submodule(name).weight.flatten()
        left = after != 0
        assert int(left.sum()) == math.ceil(round(density * len(before), 6))
        assert torch.equal(after[left], before[left])
        if not left.all():
            assert before[left].abs().min() >= before[~left].abs().max()


def test_equal_weights_are_pruned_to_the_number_too():
    layer = nn.Sequential(nn.Linear(10, 10))
    nn.init.ones_(layer[0].weight)
    assert compress(layer, "pruning", density=0.25).network[0].weight.sum() == 25


def test_squeezenet_pruned_by_the_printed_densities_has_the_printed_numbers():
    """SqueezeNet, Table 1: 421,098 are left, and so many of each row."""
    network, densities = built("squeezenet", "imagenet", 1000), {}
    for name, layer in compressible(network).items():
        row = name.partition(".")[0]
        expands = row.startswith("fire") and layer.out_channels > layer.in_channels
        kind = f"e{layer.kernel_size[0]}x{layer.kernel_size[0]}" if expands else "s1x1"
        densities[name] = printed.densities()[row, kind] / 100
    assert sum(size.whole(network).values()) == 4 * 1_248_424
    pruning.prune(network, densities)
    left = {
        row: sum(int(p.count_nonzero() if p.dim() > 1 else p.numel()) for p in stage.parameters())
        for row, stage in network.named_children()
    }
    assert sum(left.values()) == 421_098
    for row, stage in network.named_children():
        assert left[row] == printed.pruned(stage, row, printed.densities())


# Weight sharing


def test_clusters_are_those_of_k_means():
    values = torch.tensor([0.0, 0.1, 0.2, 4.9, 5.0, 5.1, 10.0, -9.0])
    shared = weight_sharing.clustered(values, 4)
    assert shared.tolist() == pytest.approx([0.1, 0.1, 0.1, 5.0, 5.0, 5.0, 10.0, -9.0], abs=1e-6)


def test_every_weight_has_the_nearest_of_the_shared_values_and_each_is_the_mean_of_its_own():
    torch.manual_seed(0)
    values = torch.randn(5000)
    shared = weight_sharing.clustered(values, 31)
    centroids = shared.unique()
    assert len(centroids) <= 31
    nearest = (values[:, None] - centroids).abs().min(1).values
    assert torch.allclose((values - shared).abs(), nearest, atol=1e-6)
    for centroid in centroids:
        assert values[shared == centroid].mean().item() == pytest.approx(centroid.item(), abs=1e-5)


def test_values_that_are_few_enough_stay():
    values = torch.tensor([0.3, -1.0, 0.3, 2.0])
    assert torch.equal(weight_sharing.clustered(values, 3), values)


# Huffman codes


def test_lengths_of_a_case_worked_by_hand():
    """5 and 9 make 14, 12 and 13 make 25, 14 and 16 make 30, 25 and 30 make 55, which 45 joins last."""
    assert huffman.code_lengths([5, 9, 12, 13, 16, 45]) == [4, 4, 3, 3, 3, 1]
    assert huffman.coded_bits([5, 9, 12, 13, 16, 45]) == 224


def test_symbols_that_do_not_occur_have_no_word_and_a_lonely_one_needs_none():
    assert huffman.code_lengths([0, 7, 0, 7]) == [0, 1, 0, 1]
    assert huffman.code_lengths([0, 7, 0]) == [0, 0, 0]
    assert huffman.coded_bits([]) == 0


def test_lengths_make_a_code_within_a_bit_of_the_entropy():
    torch.manual_seed(0)
    for symbols in (2, 3, 17, 256):
        counts = (1 + 1000 * torch.rand(symbols) ** 6).int().tolist()
        lengths, total = huffman.code_lengths(counts), sum(counts)
        assert (
            sum(2.0**-length for length in lengths) == 1
        )  # Kraft: no word begins another, and none is missing
        entropy = -sum(n / total * math.log2(n / total) for n in counts)
        assert entropy <= huffman.coded_bits(counts) / total < entropy + 1


# Bytes


def test_positions_that_are_far_apart_get_zeros_between_as_in_the_papers_figure():
    """Deep Compression, Figure 2, with 3 bits: positions 1, 4 and 15; the paper counts the first from 0."""
    gaps, values = size.relative_index(torch.tensor([1, 4, 15]), torch.tensor([3.4, 0.9, 1.7]), 3)
    assert gaps.tolist() == [2, 3, 8, 3]
    assert values.tolist() == pytest.approx([3.4, 0.9, 0.0, 1.7])


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_distances_and_values_give_the_layer_back(bits):
    torch.manual_seed(0)
    weights = torch.randn(1000) * (torch.rand(1000) < 0.1)
    positions = weights.nonzero().flatten()
    gaps, values = size.relative_index(positions, weights[positions], bits)
    assert gaps.min() >= 1 and gaps.max() <= 2**bits
    back = torch.zeros(1000)
    back[gaps.cumsum(0) - 1] = values
    assert torch.equal(back, weights)


def canonical(lengths: list[int]) -> dict[str, int]:
    """The words of a canonical Huffman code: by length, then by symbol."""
    words, word, before = {}, 0, 0
    for length, symbol in sorted((length, symbol) for symbol, length in enumerate(lengths) if length):
        word <<= length - before
        words[f"{word:0{length}b}"], word, before = symbol, word + 1, length
    return words


def decoded(bits: str, words: dict[str, int]) -> list[int]:
    symbols, word = [], ""
    for bit in bits:
        word += bit
        if word in words:
            symbols.append(words[word])
            word = ""
    assert not word
    return symbols


def test_a_file_of_that_size_gives_the_weights_back():
    """Both streams of a layer are written and read again, from what the size counts and nothing else."""
    network = nn.Sequential(nn.Linear(50, 40))
    smaller = compress(network, "deep_compression", density=0.05)
    weights = smaller.network[0].weight.detach().flatten()
    positions = weights.nonzero().flatten()
    codebook, codes = weights[positions].unique(return_inverse=True)
    gaps, stored = size.relative_index(positions, codes + 1, 5)
    read = []
    for stream, symbols in ((stored, len(codebook) + 1), (gaps - 1, 32)):
        words = canonical(huffman.code_lengths(stream.bincount(minlength=symbols).tolist()))
        by_symbol = {symbol: word for word, symbol in words.items()}
        read.append("".join(by_symbol[symbol] for symbol in stream.tolist()))
        assert decoded(read[-1], words) == stream.tolist()
    values, steps = (math.ceil(len(bits) / 8) for bits in read)
    parts = {
        "weights": values,
        "positions": steps + 4,
        "codebooks": 4 * len(codebook),
        "code tables": len(codebook) + 1 + 32,
        "others": 4 * 40,
    }
    assert parts == size.coded(smaller.network, {"0": 5})
    assert len(codebook) <= 31 and smaller.bytes_after == sum(parts.values())


def test_bytes_of_a_case_worked_by_hand():
    network = nn.Sequential(nn.Linear(10, 10, bias=False))
    with torch.no_grad():
        network[0].weight.zero_()
        network[0].weight.view(-1)[[0, 3, 40, 99]] = torch.tensor([1.0, 2.0, 1.0, 1.0])
    index = {"0": 4}
    # Distances 1, 3, 37 = 16 + 16 + 5, 59 = 3 × 16 + 11: nine entries, five of them zeros.
    assert list(accumulate([1, 3, 16, 16, 5, 16, 16, 16, 11])) == [1, 4, 20, 36, 41, 57, 73, 89, 100]
    assert size.pruned(network, index) == {"weights": 36, "positions": 4 + 5, "others": 0}
    # Five zeros, three ones, one two: lengths 1, 2, 2. Five times 16 and four others once: 1 and 3, 3, 3, 3.
    assert size.coded(network, index) == {
        "weights": 2,  # 13 bits
        "positions": 4 + 3,  # 17 bits
        "codebooks": 8,
        "code tables": 3 + 16,
        "others": 0,
    }


def test_a_layer_is_stored_whole_where_that_is_smaller():
    network = built("resnet", depth=8)
    assert (
        compress(network, "pruning", density=1.0).bytes_after
        == size.whole(network)["weights"] + (size.whole(network)["others"])
    )


def test_what_is_stored_are_parameters_and_running_statistics():
    network = built("resnet", depth=8)
    statistics = sum(b.numel() for name, b in network.named_buffers() if "running" in name)
    numbers = sum(p.numel() for p in network.parameters()) + statistics
    assert sum(size.whole(network).values()) == 4 * numbers


# All methods


NETWORKS = {
    "resnext": {"cardinality": 2, "base_width": 4},
    "shufflenet_v1": {},
    "squeezenet": {},
    "densenet_bc": {"depth": 22},
    "se_resnet": {"depth": 20},
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("arch", NETWORKS)
def test_any_network_is_compressed_and_stays_as_it_was(arch, method):
    network = built(arch, **NETWORKS[arch])
    before = copy.deepcopy(network.state_dict())
    smaller = compress(network, method, density=0.3)
    assert smaller.bytes_after < smaller.bytes_before
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_the_released_squeezenet_takes_the_printed_bytes():
    """Table 2 prints 0.66 MB: 660 kB of 2¹⁰ bytes, 8 bits a weight and 4 a distance, without Huffman codes."""
    released = SHARED / "weights" / "squeezenet1_0_deepcomp_torchvision.pth"
    if not released.exists():
        pytest.skip("needs ../shared/weights")
    network = built("squeezenet", "imagenet", 1000)
    weights.load(network, released)
    names = compressible(network)
    # Of conv1 the file's layout has scaled each colour on its own, so its 255 values have become more.
    assert {len(layer.weight.unique()) for name, layer in names.items() if name != "conv1.0"} == {256}
    weights_and_biases = sum(p.numel() for p in network.parameters())
    total = 4 * (weights_and_biases - sum(layer.weight.numel() for layer in names.values()))
    for layer in names.values():
        flat = layer.weight.detach().flatten()
        positions = flat.nonzero().flatten()
        _, stored = size.relative_index(positions, flat[positions], 4)
        # A number of the codebook each, the distance, how many there are, and the codebook.
        total += len(stored) + math.ceil(4 * len(stored) / 8) + 4 + 4 * 2**8
    assert round(total / 2**10) == 660
