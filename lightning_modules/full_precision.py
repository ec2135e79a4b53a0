"""What a network answers, in full precision where the rest runs in half of it.

bf16 has 8 bits for a number: of 1,000 logits the two largest are often equal, and whether an answer is counted as right
depends on their order.
"""

import copy
from types import MethodType

import torch
from torch import Tensor, nn

from architectures.outputs import TrainingOutputs


def logits_in_full_precision(network: nn.Module, resolution: int) -> nn.Module:
    """Return the network itself, whose output layers, auxiliary ones too, leave autocast; without it no bit changes.

    resolution: side of the images, in pixels. Parameters keep their names. No random number is drawn.
    """
    for name in output_layers(network, resolution):
        layer = network.get_submodule(name)
        # A method, so that a copy of the network gets one of its own layer.
        layer.forward = MethodType(_forward, layer)
    return network


def output_layers(network: nn.Module, resolution: int) -> list[str]:
    """Return the names of the last convolutions or fully connected layers before the logits, auxiliary ones too."""
    shapes = copy.deepcopy(network).to("meta").train()
    made_by: dict[object, str] = {}  # by a node of autograd's graph, the layer's name
    for name, layer in shapes.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(
                lambda layer, inputs, output, name=name: made_by.update({output.grad_fn: name})
            )
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        # Two images, of which batch normalisation has a variance.
        outputs = shapes(torch.empty(2, 3, resolution, resolution, device="meta"))
    if isinstance(outputs, TrainingOutputs):
        ends = [outputs.logits, *(auxiliary.logits for auxiliary in outputs.auxiliary)]
    else:
        ends = [outputs]
    nodes = [end.grad_fn for end in ends]
    names: dict[str, None] = {}
    for node in nodes:  # which grows on the way
        if node in made_by:
            names[made_by[node]] = None
        elif node is not None:
            nodes += [earlier for earlier, _ in node.next_functions]
    return list(names)


def _forward(layer: nn.Module, features: Tensor) -> Tensor:
    kind = features.device.type
    if not (torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)):
        return type(layer).forward(layer, features)
    with torch.autocast(kind, enabled=False):
        return type(layer).forward(layer, features.to(next(layer.parameters()).dtype))
