"""Parameters, multiply-adds and weighted layers of any network, by part.

Papers count differently: with or without batch normalisation, with or without the fully connected layers. The
parts are counted once, and a convention is a property of `Counts`. Nothing is computed: the network runs on
the meta device, whatever device it is on, and is left as it was. Only modules are counted: a convolution that
a network calls as a function would be missed (the tests compare with torch's own counter of operations).

Four attribute names carry a meaning for the number of layers: modules called `shortcut`, `auxiliary` and
`excitation` (SENet-154 has 154 layers without them) aren't on the main path, and of modules in a list called
`paths`, which run side by side, the longest counts.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from architectures.counts import Counts

PARAMETER_PARTS = ("conv_weights", "fc_weights", "biases", "norm_scales_and_shifts", "other_parameters")
LAYERS = (_ConvNd, nn.Linear)
# They keep the shape of what goes in, and on the meta device take longer than all layers together.
KEEP_SHAPE = (
    *(_NormBase, nn.LocalResponseNorm),
    *(nn.ReLU, nn.SiLU, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid, nn.Tanh, nn.ELU),
)


@dataclass(frozen=True)
class Stage:
    """A direct child of a network, the shape that it puts out (without the batch) and its counts."""

    name: str
    module: nn.Module
    output: tuple[int, ...]
    counts: Counts


def count(network: nn.Module, resolution: int) -> Counts:
    """Count the parts of a network for images of 3 × resolution × resolution.

    Raises:
        ValueError: the network can't take images of that resolution.
    """
    return _counts(network, _mult_adds(network, resolution)[0])


def count_stages(network: nn.Module, resolution: int) -> list[Stage]:
    """Count the direct children of a network, in the order in which they run; errors as `count`."""
    mult_adds, outputs = _mult_adds(network, resolution)
    return [
        Stage(name, module, outputs[module], _counts(module, mult_adds))
        for name, module in network.named_children()
        if module in outputs
    ]


def count_kinds(network: nn.Module, resolution: int) -> dict[str, Counts]:
    """Count the layers by kind, such as "3×3 depthwise conv", as they occur; errors as `count`."""
    mult_adds, _ = _mult_adds(network, resolution)
    kinds: dict[str, list[nn.Module]] = {}
    for layer in network.modules():
        if isinstance(layer, LAYERS):
            kinds.setdefault(_kind(layer), []).append(layer)
    return {kind: _counts(nn.ModuleList(layers), mult_adds) for kind, layers in kinds.items()}


def _mult_adds(
    network: nn.Module, resolution: int
) -> tuple[Counter[nn.Module], dict[nn.Module, tuple[int, ...]]]:
    """Return the multiply-adds of every layer with weights, and the output shape of every direct child."""
    children = set(network.children())
    mult_adds: Counter[nn.Module] = Counter()
    outputs: dict[nn.Module, tuple[int, ...]] = {}

    def note(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        if isinstance(module, LAYERS):
            mult_adds[module] += output.numel() * module.weight[0].numel()
        if module in children:
            outputs[module] = tuple(output.shape[1:])

    observe(network, resolution, note)
    return mult_adds, outputs


def observe(network: nn.Module, resolution: int, note: Callable[[nn.Module, tuple, Tensor], None]) -> None:
    """Run one image through the network, and call `note(module, inputs, output)` after every module.

    The tensors have shapes and no values. A batch normalisation or an activation puts out its own input.

    Raises:
        ValueError: the network can't take images of that resolution.
    """
    if resolution < 1:
        raise ValueError(f"resolution {resolution} is too small; it must be at least 1")
    state = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    on_meta = {name: tensor.detach().to("meta") for name, tensor in state.items() if not tensor.is_meta}
    dtype = next((tensor.dtype for tensor in state.values() if tensor.is_floating_point()), torch.float32)
    images = torch.empty(1, 3, resolution, resolution, device="meta", dtype=dtype)

    modes = [(module, module.training) for module in network.modules()]
    skipped: list[nn.Module] = [module for module, _ in modes if isinstance(module, KEEP_SHAPE)]
    hooks = [module.register_forward_hook(note) for module, _ in modes]
    network.eval()
    for module in skipped:
        module.forward = _unchanged
    try:
        with torch.no_grad():
            functional_call(network, on_meta, (images,))
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"the network can't take images of {resolution}×{resolution}: {reason}") from error
    finally:
        for module in skipped:
            del module.forward
        for hook in hooks:
            hook.remove()
        for module, training in modes:
            module.training = training


def _unchanged(x: Tensor) -> Tensor:
    return x


def _counts(network: nn.Module, mult_adds: Counter[nn.Module]) -> Counts:
    parts = dict.fromkeys(PARAMETER_PARTS, 0)
    seen: set[int] = set()
    for module in network.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                parts[_part(module, name)] += parameter.numel()
    return Counts(
        **parts,
        conv_mult_adds=sum(mult_adds[layer] for layer in network.modules() if isinstance(layer, _ConvNd)),
        fc_mult_adds=sum(mult_adds[layer] for layer in network.modules() if isinstance(layer, nn.Linear)),
        layers=_layers(network),
    )


def _part(module: nn.Module, name: str) -> str:
    if isinstance(module, (_NormBase, nn.LayerNorm, nn.GroupNorm)):
        return "norm_scales_and_shifts"
    if isinstance(module, LAYERS):
        if name == "bias":
            return "biases"
        return "conv_weights" if isinstance(module, _ConvNd) else "fc_weights"
    return "other_parameters"


def _kind(layer: _ConvNd | nn.Linear) -> str:
    if isinstance(layer, nn.Linear):
        return "fully connected"
    depthwise = layer.groups == layer.in_channels > 1
    return f"{'×'.join(map(str, layer.kernel_size))} {'depthwise ' if depthwise else ''}conv"


def _layers(module: nn.Module) -> int:
    if isinstance(module, LAYERS):
        return 1
    total = 0
    for name, child in module.named_children():
        if name == "paths":
            total += max(_layers(path) for path in child.children())
        elif name not in ("shortcut", "auxiliary", "excitation"):
            total += _layers(child)
    return total
