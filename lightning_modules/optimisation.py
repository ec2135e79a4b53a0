"""The optimiser and the schedule that a recipe describes."""

import math
from fnmatch import fnmatchcase

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from lightning_modules.recipes import Recipe


def parameter_groups(network: nn.Module, recipe: Recipe) -> list[dict]:
    """Split the parameters by weight decay and learning rate; those with both of the recipe's come first.

    `decay_exempt`: any of "norm" (scale and shift of normalisation layers), "bias" (every other bias), "depthwise"
    (weights of convolutions with one input channel per group). `lr_multipliers`: patterns of names, as of files.
    """
    groups: dict[tuple[bool, float], list[nn.Parameter]] = {(False, 1.0): [], (True, 1.0): []}
    for prefix, module in network.named_modules():
        norm = isinstance(module, nn.modules.batchnorm._NormBase)
        depthwise = isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1
        for name, parameter in module.named_parameters(prefix, recurse=False):
            bias = name.endswith("bias")
            kind = "norm" if norm else "bias" if bias else "depthwise" if depthwise else "weight"
            factors = (by for pattern, by in recipe.lr_multipliers if fnmatchcase(name, pattern))
            groups.setdefault((kind in recipe.decay_exempt, math.prod(factors)), []).append(parameter)
    return [
        {
            "params": parameters,
            "weight_decay": 0.0 if exempt else recipe.weight_decay,
            "lr": recipe.lr * multiplier,
        }
        for (exempt, multiplier), parameters in groups.items()
        if parameters
    ]


def optimiser(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return SGD or RMSProp with the recipe's momentum and weight decay, which both add to the gradient (L2).

    SGD has dampening 0, as in Torch7. RMSProp is TensorFlow's: its mean square starts at 1, ε stands inside the
    root, and the rate is part of what momentum carries on.
    """
    groups = parameter_groups(network, recipe)
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=recipe.nesterov)
    from timm.optim import RMSpropTF  # takes a second to import

    return RMSpropTF(
        groups,
        lr=recipe.lr,
        alpha=recipe.rmsprop_decay,
        eps=recipe.rmsprop_epsilon,
        momentum=recipe.momentum,
        # All tensors at once: a GPU would spend the step on starting operations. On a CPU nothing is gained.
        foreach=any(parameter.is_cuda for parameter in network.parameters()),
    )


def schedule(optimiser: torch.optim.Optimizer, recipe: Recipe, steps: int) -> LambdaLR:
    """Return the schedule of `steps` optimiser steps."""
    return LambdaLR(optimiser, lambda step: factor(recipe, step, steps))


def factor(recipe: Recipe, step: int, steps: int) -> float:
    """Return what the initial rate is multiplied by at a step, from 0, of a training of `steps`."""
    if step < round(recipe.warmup * steps):
        return recipe.warmup_factor
    if recipe.schedule == "linear":
        return 1 - step / steps
    if recipe.schedule == "cosine":  # SGDR (arXiv:1608.03983), Equation 5, without restarts
        return (1 + math.cos(math.pi * step / steps)) / 2
    if recipe.schedule == "exponential":
        return recipe.lr_factor ** int(step * recipe.epochs / (steps * recipe.lr_factor_epochs))
    passed = sum(step >= round(share * steps) for share in recipe.lr_milestones)
    return math.prod(recipe.lr_factors[:passed]) if recipe.lr_factors else recipe.lr_factor**passed
