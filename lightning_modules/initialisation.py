"""Initial weights, as the papers' recipes set them."""

from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import partial

from torch import Tensor, nn

from lightning_modules.recipes import Recipe


def initialise(network: nn.Module, recipe: Recipe) -> None:
    """Initialise `network` in place.

    "he_fan_out" draws convolutions from N(0, 2 / (k·k·channels out)), as fb.resnet.torch does; "he_fan_in" from
    N(0, 2 / (k·k·channels in)) (He et al., Delving Deep into Rectifiers, Eq. 10); weights of fully connected layers
    keep torch's uniform draw, which is also Torch7's, unless they are written as 1×1 convolutions: those of
    squeeze-and-excitation are drawn by "he_fan_in", as its paper (Section 5.1) wants all weights. The others draw
    both alike: "xavier" uniformly with
    variance 2 / (fan in + fan out) (Glorot and Bengio, Understanding the Difficulty, Eq. 16), "xavier_fan_in"
    with 1 / (fan in), as Caffe's filler of that name does; "normal" from N(0, `initial_deviation`²),
    "truncated_normal" without what is beyond two deviations, as TensorFlow does. Layers that `initial_deviations`
    names, by patterns as of files, have a deviation of their own in these two.

    Batch normalisation starts as the identity, biases at zero but for those of `unit_biases`; layers of these
    names that a network hasn't got are passed over.
    """
    layers = {
        name: module for name, module in network.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)
    }
    named = [child for name, child in network.named_children() if name in recipe.unit_biases]
    ones = {layer for child in named for layer in child.modules()}
    for name, layer in layers.items():
        if isinstance(layer, nn.Conv2d) or not recipe.initialisation.startswith("he_"):
            deviations = [value for pattern, value in recipe.initial_deviations if fnmatchcase(name, pattern)]
            _draw(recipe.initialisation, [recipe.initial_deviation, *deviations][-1])(layer.weight)
        if layer.bias is not None:
            nn.init.constant_(layer.bias, layer in ones)
    if recipe.last_deviation is not None:
        nn.init.normal_(list(layers.values())[-1].weight, std=recipe.last_deviation)
    for norm in _batch_norms(network):
        norm.reset_parameters()


def set_batch_norm(network: nn.Module, recipe: Recipe) -> None:
    """Give batch normalisation the recipe's momentum and ε, if it names them, in place."""
    for norm in _batch_norms(network):
        norm.momentum = norm.momentum if recipe.bn_momentum is None else recipe.bn_momentum
        norm.eps = norm.eps if recipe.bn_epsilon is None else recipe.bn_epsilon


def _draw(scheme: str, deviation: float) -> Callable[[Tensor], Tensor]:
    draws: dict[str, Callable[[Tensor], Tensor]] = {
        "he_fan_in": partial(nn.init.kaiming_normal_, mode="fan_in", nonlinearity="relu"),
        "he_fan_out": partial(nn.init.kaiming_normal_, mode="fan_out", nonlinearity="relu"),
        "xavier": nn.init.xavier_uniform_,
        "xavier_fan_in": partial(nn.init.kaiming_uniform_, mode="fan_in", nonlinearity="linear"),
        "normal": partial(nn.init.normal_, std=deviation),
        "truncated_normal": partial(nn.init.trunc_normal_, std=deviation, a=-2 * deviation, b=2 * deviation),
    }
    return draws[scheme]


def _batch_norms(network: nn.Module) -> list[nn.BatchNorm2d]:
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
