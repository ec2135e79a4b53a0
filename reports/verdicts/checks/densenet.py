"""DenseNet (arXiv:1608.06993): Tables 1 and 2 and the table of the authors' repository.

Widths are read off the convolutions in the order in which a forward pass meets them, so the checks hold or
fail by what the network computes, whatever its modules are called.
"""

import math

from torch import nn

from architectures.counting import count, observe
from architectures.counts import Counts
from reports.printed import figures
from reports.printed.figures import Figure
from reports.verdicts.checks import CIFAR, IMAGENET, exact, on_meta, parameters
from reports.verdicts.complexity import Network

TABLES = ("densenet_t1", "densenet_t2", "densenet_t3", "densenet_repo")
CONVENTION = (
    "parameters with batch normalisation; the pre-activation networks of Table 2, quoted from their paper, "
    "weights only; layers with weights on the main path"
)
BUILDERS = {
    "DenseNet": "densenet",
    "DenseNet-BC": "densenet_bc",
    "ResNet": "resnet",
    "stochastic depth": "resnet",
    "FractalNet": "fractalnet",
    "pre-act ResNet": "preact_resnet",
    "WRN": "wide_resnet",
}
# Dropout and drop-path are words here and cost no parameters; FractalNet's depth follows from its columns.
NO_KNOBS = {"blocks", "bottleneck", "reported_by", "dropout", "drop_path"}
FRACTALNET_COLUMNS = {21: 3}
FRACTALNET = "33.7M with the widths of FractalNet's Section 4: 64, 128, 256, 512 and 512 in three columns"
EXPLAINED = {
    ("Table 2", "sd1202", "params_M"): (
        "10.2M is the 1001-layer pre-activation net's; ResNet's Table 6 prints 19.4M"
    ),
    ("Table 2", "fractal", "params_M"): FRACTALNET,
    ("Table 2", "fractal-dp", "params_M"): FRACTALNET,
    ("Table 1", "D264", "layers"): "2 · (6 + 12 + 64 + 48) + 5 = 265",
}
# How far "as much" and "twice as much" may be off.
ABOUT = 0.1


def network_for(figure: Figure) -> Network | str:
    if figure.arch not in BUILDERS:
        return f"quoted from others: {figure.arch}"
    stem = "cifar" if figure.dataset.startswith("CIFAR") else "imagenet"
    knobs = {name: value for name, value in figure.kwargs.items() if name not in NO_KNOBS}
    if "k" in knobs:
        knobs["widen_factor"] = knobs.pop("k")
    if figure.arch == "FractalNet":
        knobs = {"columns": FRACTALNET_COLUMNS[knobs.pop("depth")]}
    return Network.of(BUILDERS[figure.arch], stem, knobs)


def count_for(figure: Figure, counts: Counts) -> float:
    if figure.metric == "layers":
        return counts.layers
    return (counts.weights if figure.arch == "pre-act ResNet" else counts.parameters) / 1e6


@exact("densenet.compression_halves")
def compression_halves() -> tuple[bool, str]:
    """Section 3, "Compression": a transition after m channels gives floor(θ m); θ = 1 leaves them all."""
    networks = [
        (arch, depth, growth_rate, compression)
        for arch, depths in (("densenet_c", (22, 40)), ("densenet_bc", (22, 40)))
        for depth in depths
        for growth_rate in (12, 15)  # 15: θ m is not whole, so that rounding would show
        for compression in (0.25, 0.5, 0.75, 1.0)
    ]
    transitions, failures = 0, []
    for arch, depth, growth_rate, compression in networks:
        blocks = _blocks(
            on_meta(arch, depth=depth, growth_rate=growth_rate, compression=compression, **CIFAR), 32
        )
        for number, block in enumerate(blocks[:-1], start=1):
            transition = block[-1]
            transitions += 1
            if transition.out_channels != math.floor(compression * transition.in_channels):
                failures.append(
                    f"{arch}, L = {depth}, k = {growth_rate}, θ = {compression}: transition {number} turns "
                    f"{transition.in_channels} channels into {transition.out_channels}"
                )
    if failures:
        return (
            False,
            f"{len(failures)} of {transitions} transitions differ from floor(θ m), first {failures[0]}",
        )
    return True, (
        f"all {transitions} transitions of {len(networks)} networks (-C and -BC; L = 22, 40; k = 12, 15; "
        "θ = 0.25, 0.5, 0.75, 1) give floor(θ m) channels"
    )


@exact("densenet.params_table")
def params_table() -> tuple[bool, str]:
    """Table 2, column "Params": all DenseNets, at printed precision, batch normalisation included."""
    builders = {"DenseNet": "densenet", "DenseNet-BC": "densenet_bc"}
    counted, failures = [], []
    for figure in figures.read("densenet_t2"):
        if figure.metric != "params_M" or figure.arch not in builders:
            continue
        sizes = {name: figure.kwargs[name] for name in ("depth", "growth_rate")}
        network = on_meta(builders[figure.arch], **sizes, **CIFAR)
        millions = parameters(network) / 1e6
        counted.append(f"{millions:.2f}")
        if not figure.matches(millions):
            failures.append(f"{figure.row_id}: printed {figure.value}M, counted {millions:.2f}M")
    if failures or not counted:
        return False, "; ".join(failures) or "no printed figure found"
    return True, f"all {len(counted)} printed figures; counted {' / '.join(counted)} million"


@exact("densenet.input_width")
def input_width() -> tuple[bool, str]:
    """Section 3, "Growth rate": layer l of a block receives k₀ + k (l − 1) channels."""
    plain = _blocks(on_meta("densenet", depth=40, growth_rate=12, **CIFAR), 32)
    large = _blocks(on_meta("densenet_bc", stem="imagenet", num_classes=1000, depth=169, growth_rate=32), 224)
    arithmetic = all(
        layer.in_channels == block[0].in_channels + growth_rate * number
        for blocks, growth_rate, per_layer in ((plain, 12, 1), (large, 32, 2))
        for block in blocks
        for number, layer in enumerate(_layers(block, blocks, per_layer))
    )
    last = _layers(large[2], large, 2)[31]
    return arithmetic and (last.in_channels, last.out_channels) == (1248, 128), (
        "every layer of DenseNet (L = 40, k = 12) and DenseNet-169 was compared; layer 32 of DenseNet-169's "
        f"block 3 receives {last.in_channels} channels, which its bottleneck makes {last.out_channels}"
    )


@exact("densenet.connections")
def connections() -> tuple[bool, str]:
    """Section 1: a block of L layers has L (L + 1) / 2 direct connections, one a layer and earlier output."""
    blocks = _blocks(on_meta("densenet", depth=40, growth_rate=12, **CIFAR), 32)
    connections_by_block = []
    for block in blocks:
        layers = _layers(block, blocks, 1)
        # one connection to the block's input, and one for each 12 channels that the layers before have added
        connections_by_block.append(
            sum(1 + (layer.in_channels - layers[0].in_channels) / 12 for layer in layers)
        )
    return connections_by_block == [12 * 13 / 2] * 3, (
        f"the 12-layer blocks of DenseNet (L = 40, k = 12) have {', '.join(f'{n:g}' for n in connections_by_block)} "
        "connections; 12 · 13 / 2 = 78"
    )


@exact("densenet.flops_half")
def half_of_resnet_101() -> tuple[bool, str]:
    """Section 4.4 and Figure 3: DenseNet-201 computes as much as ResNet-50, half as much as ResNet-101."""
    dense = count(on_meta("densenet_bc", depth=201, growth_rate=32, **IMAGENET), 224)
    r50, r101 = (
        count(on_meta("resnet", depth=depth, stride_in="3x3", **IMAGENET), 224) for depth in (50, 101)
    )
    as_much = abs(dense.mult_adds / r50.mult_adds - 1)
    twice = abs(r101.mult_adds / r50.mult_adds / 2 - 1)
    return dense.parameters * 2 < r101.parameters and max(as_much, twice) < ABOUT, (
        f"DenseNet-201 has {dense.parameters / 1e6:.1f}M parameters and {dense.mult_adds / 1e9:.2f}G mult-adds, "
        f"ResNet-50 {r50.mult_adds / 1e9:.2f}G, ResNet-101 {r101.parameters / 1e6:.1f}M and "
        f"{r101.mult_adds / 1e9:.2f}G (that the errors are the same takes training)"
    )


def _blocks(network: nn.Module, resolution: int) -> list[list[nn.Conv2d]]:
    """The convolutions after the first, by the resolution they work at: blocks with transitions."""
    met: list[tuple[nn.Conv2d, int]] = []

    def note(module: nn.Module, inputs: tuple, _) -> None:
        if isinstance(module, nn.Conv2d):
            met.append((module, inputs[0].shape[-1]))

    observe(network, resolution, note)
    blocks: dict[int, list[nn.Conv2d]] = {}
    for convolution, size in met[1:]:
        blocks.setdefault(size, []).append(convolution)
    return list(blocks.values())


def _layers(block: list[nn.Conv2d], blocks: list[list[nn.Conv2d]], per_layer: int) -> list[nn.Conv2d]:
    """The first convolution of each layer; every block but the last ends in its transition."""
    return block[::per_layer] if block is blocks[-1] else block[:-1:per_layer]
