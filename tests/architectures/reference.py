"""Compares a network with an independent implementation: the same weights in both, outputs and gradients in float64.

The other one is torchvision's or timm's (`assert_same_function`), or, where they have none, a function written in the
test from the paper's text, over the network's own weights (`assert_follows`). What is declared to differ (an ε, a
padding, an activation) is set on one of them beforehand; the tolerance leaves room for rounding alone.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from lightning_modules.weights.fitting import paired
from lightning_modules.weights.references import evaluated

CLASSES = 10
# Of the largest number of a tensor, and of all that are compared with it: some gradients are zero but for rounding.
TOLERANCE, NOISE = 1e-8, 1e-12
EPSILON = 1e-5  # of batch normalisation

Layer = Callable[[Tensor], Tensor]
Function = Callable[["Layers", Tensor], Tensor | list[Tensor]]  # of images, with the layers that it takes


def assert_same_function(
    ours: nn.Module,
    theirs: nn.Module,
    images: Tensor,
    *,
    order: Callable[[str], object] | None = None,
    modes: Iterable[bool] = (False, True),
) -> None:
    """Give both the same weights, in the order of their declaration; logits and gradients must agree.

    order: sorts the names of their tensors, where they declare their layers in another order than we do.
    modes: evaluation (False), training (True).
    """
    exact(ours)
    exact(theirs)
    randomise(theirs)
    calibrate(theirs, images)
    source = evaluated(theirs.state_dict())
    names = sorted(source, key=order) if order else list(source)
    ours.load_state_dict(paired(ours, {name: source[name] for name in names}, "reference"), strict=False)
    parameters = dict(theirs.named_parameters())
    their_parameters = [parameters[name] for name in names if name in parameters]
    for training in modes:
        logits, expected = (network.train(training)(images) for network in (ours, theirs))
        _assert_agree([logits], [expected], list(ours.parameters()), their_parameters)


def assert_follows(
    ours: nn.Module,
    function: Function,
    images: Tensor,
    *,
    modes: Iterable[bool] = (False, True),
) -> None:
    """Logits and gradients must be those of a function of the network's weights, which takes all of them.

    function: with auxiliary classifiers, in training, it returns the logits and then theirs.
    """
    exact(ours)
    randomise(ours)
    calibrate(ours, images)
    parameters = list(ours.parameters())
    for training in modes:
        layers = Layers(ours.train(training))
        expected = function(layers, images)
        assert not layers.left(), "weights that the reference doesn't use"
        outputs = ours(images)
        if isinstance(expected, Tensor):
            outputs, expected = [outputs], [expected]
        else:
            outputs = [outputs.logits, *(auxiliary.logits for auxiliary in outputs.auxiliary)]
        _assert_agree(outputs, expected, parameters, parameters)


def random_images(number: int, side: int, scale: float = 1.0) -> Tensor:
    """Return the same random images (number, 3, side, side) always, in double precision."""
    generator = torch.Generator().manual_seed(0)
    return scale * torch.randn(number, 3, side, side, dtype=torch.double, generator=generator)


def exact(network: nn.Module) -> nn.Module:
    """Change a network to double precision and without dropout, in place; return it."""
    for module in network.double().modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return network


def randomise(network: nn.Module) -> None:
    """Draw every weight, batch normalisation's too, so that a lost or swapped layer shows."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.uniform_(module.bias, -0.2, 0.2)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            if module.affine:
                nn.init.uniform_(module.weight, 0.7, 1.4)
                nn.init.uniform_(module.bias, -0.2, 0.2)


def calibrate(network: nn.Module, images: Tensor) -> None:
    """Give batch normalisation about the statistics of these images, so that nothing grows from layer to layer."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        network.train()(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.running_mean += torch.empty_like(norm.running_mean).uniform_(-0.2, 0.2)
        norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.5, 1.5)


def set_epsilon(network: nn.Module, epsilon: float = EPSILON) -> None:
    """Give all batch normalisation this ε, in place."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = epsilon


def with_few_units(classifier: nn.Sequential, inputs: int, units: int = 64) -> None:
    """Make an AlexNet's or VGG's three fully connected layers small, in place, to spare a hundred million weights."""
    linears = [index for index, layer in enumerate(classifier) if isinstance(layer, nn.Linear)]
    for index, shape in zip(linears, ((inputs, units), (units, units), (units, CLASSES)), strict=True):
        classifier[index] = nn.Linear(*shape)


class Layers:
    """Layers made of a network's tensors, one after the other in the order of its declaration.

    Each must have the channels and the kernel that the caller names; what comes in must fit, too.
    """

    def __init__(self, network: nn.Module) -> None:
        self.training = network.training
        tensors = network.state_dict(keep_vars=True)
        self._tensors = [(n, t) for n, t in tensors.items() if not n.endswith("num_batches_tracked")]
        self._taken = 0

    def left(self) -> list[str]:
        """Return the names of the tensors that no layer has taken."""
        return [name for name, _ in self._tensors[self._taken :]]

    def take(self, *shape: int | None) -> Tensor:
        """Return the next tensor, whose shape must be this one; None stands for any number."""
        name, tensor = self._tensors[self._taken]
        self._taken += 1
        fits = len(shape) == tensor.ndim and all(
            n in (None, m) for n, m in zip(shape, tensor.shape, strict=True)
        )
        assert fits, f"{name} is {tuple(tensor.shape)}, the reference has {shape}"
        return tensor

    def conv(
        self,
        outputs: int,
        kernel: int | tuple[int, int],
        stride: int = 1,
        *,
        padding: int | None = None,
        groups: int = 1,
        bias: bool = False,
    ) -> Layer:
        """Return a convolution, (N, C, H, W) to (N, outputs, H/stride, W/stride) unless `padding` is given."""
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        margins = (height // 2, width // 2) if padding is None else padding
        weight = self.take(outputs, None, height, width)
        biases = self.take(outputs) if bias else None
        return lambda x: functional.conv2d(x, weight, biases, stride, margins, groups=groups)

    def norm(self, channels: int, *, affine: bool = True) -> Layer:
        """Return a batch normalisation, by the batch's statistics in training."""
        scale, shift = (self.take(channels), self.take(channels)) if affine else (1.0, 0.0)
        running_mean, running_variance = self.take(channels), self.take(channels)

        def normalise(x: Tensor) -> Tensor:
            mean, variance = running_mean, running_variance
            if self.training:
                mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
            factor, mean = scale / (variance + EPSILON).sqrt(), mean[:, None, None]
            offset = shift[:, None, None] if affine else 0.0
            return (x - mean) * factor[:, None, None] + offset

        return normalise

    def conv_norm(
        self, outputs: int, kernel: int | tuple[int, int], stride: int = 1, *, groups: int = 1
    ) -> Layer:
        """Return a convolution without biases and the batch normalisation behind it."""
        conv, norm = self.conv(outputs, kernel, stride, groups=groups), self.norm(outputs)
        return lambda x: norm(conv(x))

    def linear(self, inputs: int, outputs: int = CLASSES) -> Layer:
        """Return a fully connected layer, (N, inputs) to (N, outputs)."""
        weight, biases = self.take(outputs, inputs), self.take(outputs)
        return lambda x: x @ weight.T + biases


def excited(layers: Layers, x: Tensor, reduction: int = 16) -> Tensor:
    """Return x scaled by Equations 2 to 4 of SENet: averages, C / r units with ReLU, a sigmoid for each channel."""
    channels = x.shape[1]
    first = layers.conv(max(1, channels // reduction), 1, bias=True)
    second = layers.conv(channels, 1, bias=True)
    return x * second(first(x.mean((2, 3), keepdim=True)).relu()).sigmoid()


def _assert_agree(
    outputs: list[Tensor], expected: list[Tensor], parameters: list[Tensor], their_parameters: list[Tensor]
) -> None:
    """Outputs must agree, and so must the gradients of a random sum of them."""
    logits = expected[0]
    spread = (logits[0] - logits[1]).abs().max()
    assert spread > 1e-3 * logits.abs().max(), "logits don't depend on the image"
    _assert_close(outputs, expected)
    probes = [torch.randn_like(output) for output in expected]
    gradients, their_gradients = (
        torch.autograd.grad(
            sum((output * probe).sum() for output, probe in zip(both, probes, strict=True)),
            leaves,
            materialize_grads=True,  # of auxiliary classifiers, which no evaluation asks
        )
        for both, leaves in ((outputs, parameters), (expected, their_parameters))
    )
    _assert_close([g.flatten() for g in gradients], [g.flatten() for g in their_gradients])


def _assert_close(tensors: list[Tensor], expected: list[Tensor]) -> None:
    of_all = max(tensor.abs().max() for tensor in expected)
    for ours, theirs in zip(tensors, expected, strict=True):
        assert ours.shape == theirs.shape
        difference = (ours - theirs).abs().max()
        assert difference <= TOLERANCE * theirs.abs().max() + NOISE * of_all, (
            f"{difference:.1e} of {of_all:.1e}"
        )
