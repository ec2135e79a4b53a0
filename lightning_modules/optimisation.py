"""The optimiser and the schedule that a recipe describes."""

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR


def parameter_groups(network: nn.Module, weight_decay: float, exempt: tuple[str, ...]) -> list[dict]:
    """Split the parameters into decayed and exempt ones.

    exempt: any of "norm" (scale and shift of normalisation layers), "bias" (every other bias), "depthwise"
    (weights of convolutions with one input map per group).
    """
    decayed, spared = [], []
    for module in network.modules():
        norm = isinstance(module, nn.modules.batchnorm._NormBase)
        depthwise = isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1
        for name, parameter in module.named_parameters(recurse=False):
            kind = "norm" if norm else "bias" if name == "bias" else "depthwise" if depthwise else "weight"
            (spared if kind in exempt else decayed).append(parameter)
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": spared, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def optimiser(network: nn.Module, recipe: dict) -> torch.optim.SGD:
    """SGD with the recipe's momentum (dampening 0) and weight decay, which torch adds to the gradient as Torch7 does."""
    groups = parameter_groups(network, recipe["weight_decay"], tuple(recipe["decay_exempt"]))
    return torch.optim.SGD(groups, lr=recipe["lr"], momentum=recipe["momentum"], nesterov=recipe["nesterov"])


def schedule(sgd: torch.optim.Optimizer, recipe: dict, steps: int) -> LambdaLR:
    """The rate of each of `steps` optimiser steps: multiplied by `lr_factor` once each milestone is reached."""
    milestones = [round(share * steps) for share in recipe["lr_milestones"]]
    return LambdaLR(sgd, lambda step: recipe["lr_factor"] ** sum(step >= at for at in milestones))
