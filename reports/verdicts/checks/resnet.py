"""ResNet (arXiv:1512.03385): Tables 1 and 6, and Figure 3."""

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from architectures.counting import count
from architectures.counts import Counts
from architectures.preact_resnet import ResidualUnit
from architectures.resnet import ResidualBlock
from reports.printed import figures
from reports.printed.figures import Figure
from reports.verdicts.checks import (
    CIFAR,
    IMAGENET,
    NEGLIGIBLE,
    convolutions,
    exact,
    on_meta,
    parameters,
    part,
    with_random_weights,
)
from reports.verdicts.complexity import Network

TABLES = ("resnet_t1", "resnet_t2", "resnet_t3", "resnet_t4", "resnet_t5", "resnet_t6", "resnet_repo")
CONVENTION = (
    "mult-adds of convolutions and fully connected layers, the stride in a bottleneck's first 1×1; "
    "parameters with batch normalisation; layers with weights on the main path"
)
BUILDERS = {"ResNet": "resnet", "plain": "plain", "Highway": "highway"}
NO_KNOBS = {"blocks", "block", "eval"}
VGG = {"VGG-16": "D", "VGG-19": "E"}
HIGHWAY_DEPTHS = {"hw19": 19, "hw32": 32}
CUT = {("Table 1", "R50", "flops_G")}
EXPLAINED = {
    (
        "sec. 4.1",
        "vgg16",
        "flops_G",
    ): "15.5 with the fully connected layers, as VGG-19's 19.6 is; 15.3 without",
    ("Table 6", "hw32", "params_M"): (
        "the widths of Highway C, and which of its layers are 1×1, aren't printed; counted: 32 layers of B's"
    ),
}
# Blocks of the stages of 64, 128, 256 and 512 channels (Table 1).
BASIC_BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}


def network_for(figure: Figure) -> Network | str:
    """Return the network of a row: Table 1's 1.8 and 3.6 G leave the projections out, so 18 and 34 layers have shortcut A."""
    if figure.arch in VGG:
        return Network.of("vgg", "imagenet", {"config": VGG[figure.arch]})
    if figure.arch not in BUILDERS:
        return f"quoted from others: {figure.arch}"
    knobs = {name: value for name, value in figure.kwargs.items() if name not in NO_KNOBS}
    stem = "cifar" if figure.dataset.startswith("CIFAR") else "imagenet"
    if figure.arch == "Highway":
        knobs["depth"] = HIGHWAY_DEPTHS[figure.row_id]
    if figure.arch == "ResNet" and stem == "imagenet" and knobs["depth"] in (18, 34):
        knobs["shortcut"] = "A"
    return Network.of(BUILDERS[figure.arch], stem, knobs)


def count_for(figure: Figure, counts: Counts) -> float:
    if figure.metric == "layers":
        return counts.layers
    return counts.mult_adds / 1e9 if figure.metric == "flops_G" else counts.parameters / 1e6


@exact("resnet.bottleneck_69632_vs_1179648")
def bottleneck_saves() -> tuple[bool, str]:
    """Section 4.1, Figure 5: 1×1, 3×3, 1×1 around 64 channels against two 3×3, both with 256 channels in and out."""
    bottleneck = convolutions(
        part(on_meta("resnet", depth=50, **IMAGENET), "conv2_x.3", ResidualBlock).branch
    )
    basic = convolutions(part(on_meta("resnet", depth=34, **IMAGENET), "conv4_x.5", ResidualBlock).branch)
    ends = {
        channels
        for layers in (bottleneck, basic)
        for channels in (layers[0].in_channels, layers[-1].out_channels)
    }
    small, large = (sum(layer.weight.numel() for layer in layers) for layers in (bottleneck, basic))
    return ends == {256} and (small, large) == (69_632, 1_179_648), (
        f"with 256 channels in and out a bottleneck has {small:,} weights and two 3×3 convolutions have {large:,}, "
        f"{large / small:.2f} times as many"
    )


@exact("resnet.flops_row")
def flops_row() -> tuple[bool, str]:
    """Table 1, last row: at printed precision; 3.8 is cut, and 18 and 34 layers have shortcuts A."""
    counted, failures = [], []
    for figure in figures.read("resnet_t1"):
        if figure.table != "Table 1":
            continue
        depth = figure.kwargs["depth"]
        network = on_meta("resnet", depth=depth, shortcut="A" if depth in BASIC_BLOCKS else "B", **IMAGENET)
        billions = count(network, 224).mult_adds / 1e9
        counted.append(f"{billions:.3f}")
        if not figure.matches(billions) and not (depth == 50 and figure.cut(billions)):
            failures.append(f"{depth} layers: printed {figure.value} G, counted {billions:.3f} G")
    if failures or not counted:
        return False, "; ".join(failures) or "no printed figure found"
    return True, f"all {len(counted)} printed figures (3.8 is cut); counted {' / '.join(counted)} G mult-adds"


@exact("resnet.shortcut_costs")
def shortcut_costs() -> tuple[bool, str]:
    """Section 4.1: A adds no parameter to the plain network; B adds projections where shapes change; C more."""
    holds, evidence = True, []
    for depth, blocks in BASIC_BLOCKS.items():
        plain = parameters(on_meta("plain", depth=depth, **IMAGENET))
        a, b, c = (
            parameters(on_meta("resnet", depth=depth, shortcut=option, **IMAGENET)) for option in "ABC"
        )
        # A projection and its batch normalisation.
        changing = sum(channels // 2 * channels + 2 * channels for channels in (128, 256, 512))
        keeping = sum(
            (length - (channels > 64)) * (channels * channels + 2 * channels)
            for channels, length in zip((64, 128, 256, 512), blocks, strict=True)
        )
        holds &= (a, b, c) == (plain, plain + changing, plain + changing + keeping)
        millions = " / ".join(f"{number / 1e6:.2f}" for number in (plain, a, b, c))
        evidence.append(f"{depth} layers: {millions} million parameters")
    return holds, f"plain / A / B / C, with {'; '.join(evidence)}"


@exact("resnet.gradient_plus_one")
def gradient_plus_one() -> tuple[bool, str]:
    """Pre-activation, Equations 4 and 5: x_L = x_l + Σ F, so dE/dx_l = dE/dx_L + dE/dx_L · d(Σ F)/dx_l."""
    stage = part(with_random_weights("preact_resnet", depth=56, **CIFAR), "conv2_x", nn.Sequential)
    units = [unit for unit in stage if isinstance(unit, ResidualUnit)]
    branches: list[Tensor] = []
    for unit in units:
        unit.branch.register_forward_hook(lambda _, inputs, output: branches.append(output))
    generator = torch.Generator().manual_seed(0)
    x, probe = torch.randn(2, 2, 16, 8, 8, dtype=torch.double, generator=generator)
    inputs = [x.requires_grad_()]
    for unit in units:
        inputs.append(unit(inputs[-1]))
    last = inputs[-1]

    of_sums, of_gradients = [], []
    for x_l, first in zip(inputs[:-1], range(len(branches)), strict=True):
        residual = sum(branches[first:], torch.zeros_like(x_l))
        of_sums.append((last - x_l - residual).abs().max().item())
        whole, through_branches = (
            torch.autograd.grad(y, x_l, probe, retain_graph=True)[0] for y in (last, residual)
        )
        of_gradients.append((whole - through_branches - probe).abs().max().item())
    holds = max(of_sums) < NEGLIGIBLE and max(of_gradients) < NEGLIGIBLE
    return holds, (
        f"{len(units)} units of a pre-activation ResNet with random weights: x_L − x_l − Σ F is at most "
        f"{max(of_sums):.0e}, and dE/dx_l without what comes through the branches differs from dE/dx_L by at "
        f"most {max(of_gradients):.0e}"
    )


@exact("resnet.single_layer_skip_is_linear")
def single_layer_skip_is_linear() -> tuple[bool, str]:
    """Section 3.2: with one layer in the branch y = W x + x is one convolution; with two layers it isn't."""
    single, double = (
        part(
            with_random_weights("preact_resnet", depth=depth, block=block, unit="original", **CIFAR),
            "conv2_x.0",
            ResidualUnit,
        )
        for depth, block in ((5, "single"), (8, "basic"))
    )
    whole = fuse_conv_bn_eval(part(single, "branch.0", nn.Conv2d), part(single, "branch.1", nn.BatchNorm2d))
    generator = torch.Generator().manual_seed(0)
    x, z = torch.randn(2, 2, 16, 8, 8, dtype=torch.double, generator=generator)
    with torch.no_grad():
        whole.weight[:, :, 1, 1] += torch.eye(len(whole.weight))
        gap = (_before_relu(single, x) - whole(x)).abs().max().item()
        bends = [_bend(unit, x, z) for unit in (single, double)]
    return max(gap, bends[0]) < NEGLIGIBLE < bends[1], (
        f"with one layer in its branch a block is, before its ReLU, one 3×3 convolution (to {gap:.0e}); "
        f"f(x + z) + f(0) − f(x) − f(z) is {bends[0]:.0e} for it and {bends[1]:.1f} with two layers "
        "(that it has no advantage takes training)"
    )


@exact("resnet.projections_where_shape_changes")
def projections_where_shape_changes() -> tuple[bool, str]:
    """Notes, of 18 layers: a 1×1 convolution of stride 2 on the shortcuts that begin conv3 to conv5, none elsewhere."""
    projected = {}
    for path, block in on_meta("resnet", depth=18, shortcut="B", **IMAGENET).named_modules():
        if isinstance(block, ResidualBlock) and block.shortcut is not None:
            shapes = [(layer.kernel_size, layer.stride) for layer in convolutions(block.shortcut)]
            projected[path] = shapes == [((1, 1), (2, 2))]
            if shapes and not projected[path]:
                return False, f"{path} has another convolution on its shortcut: {shapes}"
    beginning = [path for path, has_one in projected.items() if has_one]
    return beginning == ["conv3_x.0", "conv4_x.0", "conv5_x.0"] and len(projected) == 8, (
        f"of the {len(projected)} shortcuts of 18 layers {', '.join(beginning)} have a 1×1 convolution of stride 2"
    )


@exact("resnet.depth_in_conv4")
def depth_in_conv4() -> tuple[bool, str]:
    """Notes, of Table 1: what deeper networks have more is mainly in conv4."""
    blocks = {
        depth: [
            sum(isinstance(row, ResidualBlock) for row in part(network, f"conv{stage}_x", nn.Sequential))
            for stage in (2, 3, 4, 5)
        ]
        for depth in (18, 34, 50, 101, 152)
        for network in [on_meta("resnet", depth=depth, **IMAGENET)]
    }
    more = [
        [after - before for before, after in zip(blocks[shallow], blocks[deep], strict=True)]
        for shallow, deep in ((18, 34), (50, 101), (101, 152))
    ]
    return all(2 * step[2] >= sum(step) > 0 for step in more), (
        "blocks in conv2 to conv5: "
        + "; ".join(f"{depth} layers {', '.join(map(str, of))}" for depth, of in blocks.items())
        + f"; {sum(step[2] for step in more)} of the {sum(map(sum, more))} that 34, 101 and 152 layers have more than "
        "18, 50 and 101 are in conv4"
    )


def _bend(unit: ResidualUnit, x: Tensor, z: Tensor) -> float:
    """f(x + z) + f(0) − f(x) − f(z), which is zero for whatever is linear but for a constant."""
    at_sum, at_zero, at_x, at_z = (_before_relu(unit, point) for point in (x + z, 0 * x, x, z))
    return (at_sum + at_zero - at_x - at_z).abs().max().item()


def _before_relu(unit: ResidualUnit, x: Tensor) -> Tensor:
    return unit.shortcut(x, unit.branch(x))
