"""ResNeXt (arXiv:1611.05431): Tables 1, 2 and 7."""

import torch
from torch import nn
from torch.nn import functional

from architectures.counting import count, observe
from architectures.counts import Counts
from reports.printed import figures
from reports.printed.figures import Figure
from reports.verdicts.checks import (
    CIFAR,
    IMAGENET,
    NEGLIGIBLE,
    convolutions,
    exact,
    on_meta,
    part,
    with_random_weights,
)
from reports.verdicts.complexity import Network, stages

TABLES = ("resnext_t1_t2", "resnext_t3", "resnext_t4", "resnext_t5_t6", "resnext_t7")
CONVENTION = (
    "weights only, without batch normalisation and biases; mult-adds of convolutions and fully connected "
    "layers, the stride in the 3×3; Table 2: one block of conv2 with 256 channels in and out"
)

EXPLAINED = {("Table 2", "C8", "block_params_k"): 'Table 2 says "about 70k"; the block of 8×14d has 71.5k'}
# Table 2: cardinality C to width d.
TABLE_2 = {1: 64, 2: 40, 4: 24, 8: 14, 32: 4}
CONV2_SIDE = 56
# Table 2 says "about 70k".
ABOUT = 0.03


def network_for(figure: Figure) -> Network | str:
    knobs = dict(figure.kwargs)
    if figure.arch == "WRN":
        return Network.of("wide_resnet", "cifar", {"depth": knobs["depth"], "widen_factor": knobs["k"]})
    if figure.arch == "ResNeXt block":
        knobs |= {"depth": 50, "base_width": TABLE_2[knobs["cardinality"]]}
    if "cardinality" not in knobs:
        return f"quoted from others: {figure.arch}"
    return Network.of("resnext", "cifar" if figure.dataset.startswith("CIFAR") else "imagenet", knobs)


def count_for(figure: Figure, counts: Counts) -> float:
    if figure.arch == "ResNeXt block":
        return _block_of_template(figure)
    return counts.mult_adds / 1e9 if figure.metric == "flops_G" else counts.weights / 1e6


def _block_of_template(figure: Figure) -> float:
    layers = convolutions(list(stages(network_for(figure))["conv2_x"].module.children())[-1])
    middle, weights = layers[1], sum(layer.weight.numel() for layer in layers)
    return {
        "bottleneck_width": middle.out_channels // middle.groups,
        "group_conv_width": middle.out_channels,
        "block_params_k": weights / 1e3,
        "block_flops_G": weights * CONV2_SIDE**2 / 1e9,
    }[figure.metric]


@exact("group_conv.cost_1_over_g")
def grouping_divides_the_cost() -> tuple[bool, str]:
    """Section 2, "Grouped convolutions": g groups cost 1/g; they are a convolution of block-diagonal kernel."""
    holds, gaps = True, []
    for groups, width in TABLE_2.items():
        grouped, full = (
            _middle(on_meta("resnext", depth=50, cardinality=c, base_width=groups * width // c, **IMAGENET))
            for c in (groups, 1)
        )
        holds &= [groups * cost for cost in _cost(grouped)] == _cost(full)

        layer = _middle(with_random_weights("resnext", depth=11, cardinality=groups, base_width=2, **CIFAR))
        blocks = layer.weight.flatten(1).chunk(groups)
        kernel = torch.block_diag(*blocks).unflatten(1, (-1, 3, 3))
        x = torch.randn(2, 2 * groups, 8, 8, dtype=torch.double, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            gaps.append((layer(x) - functional.conv2d(x, kernel, padding=1)).abs().max().item())
    return holds and max(gaps) < NEGLIGIBLE, (
        f"the 3×3 convolutions of ResNeXt-50 with {', '.join(map(str, TABLE_2))} groups cost exactly 1/g of the "
        f"weights and mult-adds; a block-diagonal kernel gives the same outputs (to {max(gaps):.0e})"
    )


@exact("resnext.forms_equivalent")
def forms_are_equivalent() -> tuple[bool, str]:
    """Figure 3: forms (a), (b) and (c) with the same weights give the same logits."""
    sizes = {"depth": 11, "cardinality": 4, "base_width": 8, **CIFAR}
    grouped = with_random_weights("resnext", form="c", **sizes)
    images = torch.randn(2, 3, 32, 32, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits = grouped(images)
        gaps = {}
        for form in "ab":
            split = with_random_weights("resnext", form=form, **sizes)
            before = (split(images) - logits).abs().max().item()
            _copy_weights(grouped, split)
            gaps[form] = (split(images) - logits).abs().max().item()
            if before < NEGLIGIBLE:
                return False, f"form ({form}) has the logits of form (c) before weights are copied"
    return max(gaps.values()) < NEGLIGIBLE, (
        "the logits of an 11-layer ResNeXt (C = 4, d = 8) in the forms (a) and (b) differ from form (c)'s by at "
        f"most {gaps['a']:.0e} and {gaps['b']:.0e}"
    )


@exact("resnext.preserved_complexity")
def preserved_complexity() -> tuple[bool, str]:
    """Tables 1 and 2: 32×4d keeps weights and mult-adds of ResNet-50, and so does each C × d for a block."""
    totals, blocks, failures = [], [], []
    for figure in figures.read("resnext_t1_t2"):
        if figure.metric in ("params_M", "flops_G"):
            counts = count(on_meta("resnext", **figure.kwargs, **IMAGENET), 224)
            ours = counts.weights / 1e6 if figure.metric == "params_M" else counts.mult_adds / 1e9
            totals.append(f"{ours:.2f}")
            fits = figure.matches(ours)
        elif figure.metric in ("block_params_k", "block_flops_G"):
            c = figure.kwargs["cardinality"]
            network = on_meta("resnext", depth=50, cardinality=c, base_width=TABLE_2[c], **IMAGENET)
            costs = [_cost(layer) for layer in convolutions(_last_branch(network, "conv2_x"))]
            weights, mult_adds = map(sum, zip(*costs, strict=True))
            if figure.metric == "block_params_k":
                ours = weights / 1e3
                blocks.append(f"{ours:.1f}")
                fits = abs(ours / float(figure.number) - 1) < ABOUT
            else:
                ours = mult_adds / 1e9
                fits = figure.matches(ours)
        else:
            continue
        if not fits:
            failures.append(f"{figure.row_id}, {figure.metric}: printed {figure.value}, counted {ours:.2f}")
    if failures or len(totals) != 4 or len(blocks) != len(TABLE_2):
        return False, "; ".join(failures) or "a printed figure is missing"
    return True, (
        f"ResNet-50 {totals[0]}M weights and {totals[1]}G mult-adds, ResNeXt-50 {totals[2]}M and {totals[3]}G; "
        f"the blocks of Table 2 ({', '.join(f'{c}×{d}d' for c, d in TABLE_2.items())}) have "
        f"{', '.join(blocks)}k weights, all within 3 % of 70k"
    )


@exact("resnext.1x1_share_over_90pct")
def share_of_1x1() -> tuple[bool, str]:
    """ShuffleNet (arXiv 1707.01083), Section 3.1: 93.4 % of the mult-adds of a ResNeXt unit are in its 1×1."""
    network = on_meta("resnext", depth=50, cardinality=32, base_width=4, **IMAGENET)
    sides = _input_sides(network)
    ends = [_last_branch(network, f"conv{stage}_x") for stage in (2, 3, 4, 5)]
    units = [_share_of_1x1({layer: sides[layer] for layer in convolutions(unit)}) for unit in ends]
    whole = _share_of_1x1(sides)
    return whole > 90 and {round(unit, 1) for unit in units} == {93.4}, (
        f"1×1 convolutions take {whole:.1f} % of the mult-adds of all convolutions of ResNeXt-50 (32×4d), and "
        f"{' / '.join(f'{unit:.1f}' for unit in units)} % of those of the last unit of its stages"
    )


def _share_of_1x1(sides: dict[nn.Conv2d, int]) -> float:
    mult_adds = {layer: _cost(layer, side)[1] for layer, side in sides.items()}
    of_1x1 = sum(number for layer, number in mult_adds.items() if layer.kernel_size == (1, 1))
    return 100 * of_1x1 / sum(mult_adds.values())


def _input_sides(network: nn.Module) -> dict[nn.Conv2d, int]:
    """The convolutions of a network with the resolution that each receives of an image of 224 × 224."""
    sides = {}
    observe(network, 224, lambda module, inputs, _: sides.update({module: inputs[0].shape[-1]}))
    return {layer: sides[layer] for layer in convolutions(network)}


def _cost(layer: nn.Conv2d, side: int = CONV2_SIDE) -> list[int]:
    """Weights, and the mult-adds that torch counts for feature maps of side × side."""
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        layer(torch.empty(1, layer.in_channels, side, side, device="meta"))
    return [layer.weight.numel(), counter.get_total_flops() // 2]


def _middle(network: nn.Module) -> nn.Conv2d:
    """Return the 3×3 convolution of the last block of conv2."""
    return convolutions(_last_branch(network, "conv2_x"))[1]


def _last_branch(network: nn.Module, stage: str) -> nn.Module:
    *_, block = part(network, stage, nn.Sequential)
    return block.get_submodule("branch")


def _copy_weights(grouped: nn.Module, split: nn.Module) -> None:
    """From form (c) to (a) or (b): a path gets its rows of the first two kernels and its columns of the last."""
    state = split.state_dict()
    for name, tensor in grouped.state_dict().items():
        if ".branch." not in name:
            state[name].copy_(tensor)
    for stage in ("conv2_x", "conv3_x", "conv4_x"):
        for whole, parts in zip(getattr(grouped, stage), getattr(split, stage), strict=True):
            first, first_norm, _, middle, middle_norm, _, last, last_norm = whole.branch
            paths = parts.branch[0].paths
            for layer in parts.branch[1:]:
                layer.load_state_dict((last_norm if hasattr(layer, "eps") else last).state_dict())
            width = first.out_channels // len(paths)
            for number, path in enumerate(paths):
                rows = slice(number * width, (number + 1) * width)
                for part_of_path, of_whole in zip(
                    path, (first, first_norm, None, middle, middle_norm), strict=False
                ):
                    for name, tensor in part_of_path.state_dict().items():
                        tensor.copy_(of_whole.state_dict()[name][rows] if tensor.dim() else tensor)
                if len(path) == 7:
                    path[6].weight.copy_(last.weight[:, rows])
