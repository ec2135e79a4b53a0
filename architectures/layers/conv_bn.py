"""A convolution with batch normalisation right after it, which most families since 2015 are made of.

Sergey Ioffe, Christian Szegedy, "Batch Normalization", arXiv:1502.03167, Section 3.2: the normalisation takes
the place of the convolution's bias.
"""

from torch import nn

Size = int | tuple[int, int]


def conv_bn(
    inputs: int, outputs: int, kernel: Size, stride: int = 1, groups: int = 1, padding: Size | None = None
) -> list[nn.Module]:
    """Build two modules: (N, inputs, H, W) to (N, outputs, H/stride, W/stride), unless `padding` is given.

    kernel: side of a square kernel, or (height, width). padding: None keeps the resolution of an odd kernel but
    for its stride; 0 is "valid", as most of Inception's stems and reductions are.
    """
    if padding is None:
        padding = kernel // 2 if isinstance(kernel, int) else (kernel[0] // 2, kernel[1] // 2)
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, padding=padding, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]


def conv_bn_relu(
    inputs: int, outputs: int, kernel: Size, stride: int = 1, groups: int = 1, padding: Size | None = None
) -> list[nn.Module]:
    """Build `conv_bn` and the ReLU that follows it."""
    return [*conv_bn(inputs, outputs, kernel, stride, groups, padding), nn.ReLU(inplace=True)]
