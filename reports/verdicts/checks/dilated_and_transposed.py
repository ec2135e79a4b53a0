"""Dilated and transposed convolutions, of which the lecture notes have the headings alone.

Fisher Yu, Vladlen Koltun, "Multi-Scale Context Aggregation by Dilated Convolutions", arXiv:1511.07122.
Vincent Dumoulin, Francesco Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285.
"""

import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from reports.verdicts.checks import NEGLIGIBLE, exact

INPUTS, OUTPUTS = 2, 3  # channels
DEEPEST = 6  # layers


class Case(NamedTuple):
    """A convolution and the side of its input."""

    kernel: int
    stride: int
    padding: int
    dilation: int
    side: int

    @property
    def spread(self) -> int:
        """Side of the kernel with the zeros that dilation puts between its weights: k + (k - 1)(l - 1)."""
        return self.kernel + (self.kernel - 1) * (self.dilation - 1)

    @property
    def output(self) -> int:
        """Side of the output, the guide's Relationship 15."""
        return (self.side + 2 * self.padding - self.spread) // self.stride + 1

    @property
    def left_over(self) -> int:
        """Rows of the padded input that no position of the kernel reaches, the guide's a."""
        return (self.side + 2 * self.padding - self.spread) % self.stride


@exact("dilated.receptive_field")
def receptive_field_doubles() -> tuple[bool, str]:
    """1511.07122, Section 2: 3×3 kernels at dilations 1, 2, 4, …, 2^(n-1) see a square of 2^(n+1) - 1 pixels."""
    dilated = {n: _stack([2**layer for layer in range(n)]) for n in range(1, DEEPEST + 1)}
    full = {n: _stack([1] * n) for n in dilated}
    sides = {n: _receptive_field(network) for n, network in dilated.items()}
    weights = [sum(p.numel() for p in networks[DEEPEST].parameters()) for networks in (dilated, full)]
    holds = sides == {n: 2 ** (n + 1) - 1 for n in sides} and weights[0] == weights[1] == 9 * DEEPEST
    return holds, (
        f"by the gradient of one unit, 1 to {DEEPEST} layers see {', '.join(map(str, sides.values()))} pixels at a side; "
        f"{DEEPEST} of dilation 1 see {_receptive_field(full[DEEPEST])}, with as many weights"
    )


@exact("dilated.zeros_between")
def dilation_is_a_kernel_with_zeros() -> tuple[bool, str]:
    """1603.07285, Section 5.1: a kernel of k weights at a side becomes one of k + (k - 1)(l - 1), most of them zero."""
    gaps, sizes = [], []
    cases = [case for case in _cases() if case.dilation > 1 and case.kernel > 1]
    for case, images, weight in _drawn(cases):
        sparse = torch.zeros(OUTPUTS, INPUTS, case.spread, case.spread, dtype=torch.double)
        sparse[:, :, :: case.dilation, :: case.dilation] = weight
        dilated = functional.conv2d(
            images, weight, stride=case.stride, padding=case.padding, dilation=case.dilation
        )
        sizes.append(dilated.shape[-1] == case.output)
        gaps.append(
            _gap(functional.conv2d(images, sparse, stride=case.stride, padding=case.padding), dilated)
        )
    return bool(gaps) and all(sizes) and max(gaps) < NEGLIGIBLE, (
        f"in {len(gaps)} cases of kernel, stride, padding, dilation and size the outputs are equal (to {max(gaps):.0e}), "
        f"and {sum(sizes)} of them have the side ⌊(i + 2p − k − (k − 1)(l − 1)) / s⌋ + 1; the weights stay k² a pair of "
        "channels"
    )


@exact("transposed.adjoint")
def transposed_is_the_transpose() -> tuple[bool, str]:
    """1603.07285, Section 4.1: with the convolution as a matrix C, the transposed one of the same kernel is Cᵀ."""
    gaps, gradients, restored = [], [], []
    for case, images, weight in _drawn(list(_cases())):

        def convolve(x: Tensor, case: Case = case, weight: Tensor = weight) -> Tensor:
            return functional.conv2d(x, weight, None, case.stride, case.padding, case.dilation)

        y = torch.randn(
            convolve(images).shape, dtype=torch.double, generator=torch.Generator().manual_seed(1)
        )
        back = _transposed(y, weight, case)
        matrix = torch.autograd.functional.jacobian(convolve, images).reshape(y.numel(), images.numel())
        gaps.append(_gap((matrix.T @ y.flatten()).reshape(images.shape), back))
        wanted = images.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(convolve(wanted), wanted, y)
        gradients.append(_gap(gradient, back))
        restored.append(_gap(_transposed(convolve(images), weight, case), images))
    return max(*gaps, *gradients) < NEGLIGIBLE < min(restored), (
        f"in {len(gaps)} cases Cᵀy is the transposed convolution of y (to {max(gaps):.0e}), and so is the gradient of "
        f"⟨Cx, y⟩ with respect to x (to {max(gradients):.0e}); it undoes none of them: CᵀCx is {min(restored):.1f} or more "
        "away from x"
    )


@exact("transposed.output_size")
def transposed_output_size() -> tuple[bool, str]:
    """1603.07285, Relationship 14: from i' a transposed convolution comes to s(i' - 1) + a + k - 2p, the i it stands for."""
    right, cases = 0, [case for case in _cases() if case.dilation == 1]
    for case in cases:
        sides = {
            extra: nn.ConvTranspose2d(1, 1, case.kernel, case.stride, case.padding, extra)(
                torch.zeros(1, 1, case.output, case.output)
            ).shape[-1]
            for extra in {0, case.left_over}
        }
        smallest = case.stride * (case.output - 1) + case.kernel - 2 * case.padding
        right += sides == {extra: smallest + extra for extra in sides} and sides[case.left_over] == case.side
    several = sum(case.left_over > 0 for case in cases)
    return right == len(cases), (
        f"in {right} of {len(cases)} cases; {several} need a > 0, because the stride makes several sizes of the input one"
    )


def _cases() -> Iterator[Case]:
    for values in itertools.product((1, 2, 3, 5), (1, 2, 3), (0, 1, 2), (1, 2, 3), (7, 8, 9)):
        case = Case(*values)
        if case.padding < case.kernel and case.output > 0:
            yield case


def _drawn(cases: list[Case]) -> Iterator[tuple[Case, Tensor, Tensor]]:
    """Yield each case with an image and weights, always the same."""
    random = torch.Generator().manual_seed(0)
    for case in cases:
        image = torch.randn(1, INPUTS, case.side, case.side, dtype=torch.double, generator=random)
        shape = (OUTPUTS, INPUTS, case.kernel, case.kernel)
        yield case, image, torch.randn(shape, dtype=torch.double, generator=random)


def _transposed(y: Tensor, weight: Tensor, case: Case) -> Tensor:
    return functional.conv_transpose2d(
        y, weight, None, case.stride, case.padding, case.left_over, dilation=case.dilation
    )


def _gap(one: Tensor, other: Tensor) -> float:
    """Return the largest difference, infinity between tensors of unlike shapes."""
    return (one - other).abs().max().item() if one.shape == other.shape else math.inf


def _stack(dilations: list[int]) -> nn.Sequential:
    """3×3 convolutions of one channel with positive weights, so that nothing cancels."""
    layers = [nn.Conv2d(1, 1, 3, padding=dilation, dilation=dilation, bias=False) for dilation in dilations]
    for layer in layers:
        nn.init.constant_(layer.weight, 1.0)
    return nn.Sequential(*layers).double()


def _receptive_field(network: nn.Sequential) -> int:
    """Side of the square of pixels on which the unit in the middle depends."""
    side = 2 ** (DEEPEST + 1) + 1
    images = torch.ones(1, 1, side, side, dtype=torch.double, requires_grad=True)
    (gradient,) = torch.autograd.grad(network(images)[0, 0, side // 2, side // 2], images)
    seen = gradient[0, 0].nonzero()
    return int((seen.max(0).values - seen.min(0).values + 1).max())
