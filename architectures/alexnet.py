"""AlexNet: five convolutions and three fully connected layers, in two columns for two GPUs.

Alex Krizhevsky, Ilya Sutskever, Geoffrey E. Hinton,
"ImageNet Classification with Deep Convolutional Neural Networks", NeurIPS 2012.

Paper → code:
    Section 3.1, ReLU instead of tanh                          knob activation
    Section 3.2, two GPUs that meet in certain layers only     knob groups: convolutions 2, 4, 5 have two groups
    Section 3.2, footnote 1, one GPU with half the kernels     knob half_kernels, HALF_KERNELS
    Section 3.3, local response normalisation                  local_response_normalisation, knobs lrn, lrn_*
    Section 3.4, overlapping pooling                           knob pool
    Section 3.5, Figure 2, the layers                          KERNELS, AlexNet
    Section 4.2, dropout in the first two hidden layers        hidden_layer

Departures: 224 pixels, kernels of 11 and a stride of 4 don't give the 55 × 55 feature maps of Figure 2;
images of 227 do, and so do those of 224 with a padding of 2, the default here (knob `conv1_padding`). Pooling
then yields 27, 13 and 6 pixels, whichever of the two.
CIFAR: the paper has no such form of it. Convolution 1 is 5×5 with stride 1, as in the authors' own CIFAR-10
networks (cuda-convnet), and all else is kept: 32, 15, 7 pixels, convolutions 3 to 5 at 7, fc6 on 3 × 3.
"""

from typing import Literal

from torch import nn

from architectures.layers.local_response_normalisation import local_response_normalisation
from architectures.ranges import dropout_rate, one_of
from architectures.registry import Stem, register

KERNELS = (96, 256, 384, 384, 256)
HALF_KERNELS = (48, 128, 192, 192, 256)
HIDDEN_UNITS = 4096
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}
POOLINGS = {"3/2": (3, 2), "2/2": (2, 2)}


@register(cifar={}, imagenet={})
def alexnet(
    *,
    stem: Stem,
    num_classes: int,
    groups: int = 2,
    half_kernels: bool = False,
    lrn: bool = True,
    order: Literal["lrn_pool", "pool_lrn"] = "lrn_pool",
    lrn_k: float = 2.0,
    lrn_n: int = 5,
    lrn_alpha: float = 1e-4,
    lrn_beta: float = 0.75,
    pool: Literal["3/2", "2/2"] = "3/2",
    activation: Literal["relu", "tanh"] = "relu",
    dropout: float = 0.5,
    conv1_padding: int = 2,
) -> "AlexNet":
    """AlexNet (Krizhevsky et al. 2012, Section 3; Figure 2).

    Knobs:
        groups: 2, the paper's two columns; 1, every channel sees all channels of the layer before.
        half_kernels: the one-GPU network that Section 3.2 compares with; it needs groups 1.
        lrn: local response normalisation after convolutions 1 and 2.
        order: whether normalisation comes before pooling, as in the paper, or after.
        lrn_k (k): constant of the normalisation, above 0.
        lrn_n (n): channels that its sum runs over, odd.
        lrn_alpha (α): factor of the sum, above 0.
        lrn_beta (β): exponent, above 0.
        pool: size and stride of max pooling; the paper's overlaps, 2/2 doesn't.
        activation: relu or tanh (Figure 1).
        dropout: rate after the two hidden fully connected layers, in [0, 1).
        conv1_padding: 2 for images of 224, 0 for ImageNet images of 227 (Figure 2's 55 × 55 either way).
    """
    one_of("groups", groups, (1, 2))
    one_of("conv1_padding", conv1_padding, (0, 2))
    dropout_rate("dropout", dropout)
    if half_kernels and groups != 1:
        raise ValueError(f"half_kernels is the network of one GPU and doesn't go with groups {groups}; use 1")
    return AlexNet(
        stem,
        num_classes,
        HALF_KERNELS if half_kernels else KERNELS,
        groups=groups,
        normalisation=(lrn_k, lrn_n, lrn_alpha, lrn_beta) if lrn else None,
        pool_first=order == "pool_lrn",
        pool=POOLINGS[pool],
        activation=ACTIVATIONS[activation],
        dropout=dropout,
        conv1_padding=conv1_padding,
    )


class AlexNet(nn.Sequential):
    """Maps images (N, 3, H, W) of the one resolution it is built for to logits (N, num_classes).

    Its children are the layers of Section 3.5. kernels: those of the five convolutions; normalisation: k, n,
    α, β, or None; pool: size and stride.
    """

    def __init__(
        self,
        stem: Stem,
        num_classes: int,
        kernels: tuple[int, ...],
        *,
        groups: int,
        normalisation: tuple[float, int, float, float] | None,
        pool_first: bool,
        pool: tuple[int, int],
        activation: type[nn.Module],
        dropout: float,
        conv1_padding: int,
    ) -> None:
        super().__init__()
        if stem == "cifar":
            images, size, stride = 32, 5, 1
        else:
            images, size, stride = 224 if conv1_padding else 227, 11, 4
        # channels in, size, stride, padding, groups of every convolution; conv3 is where the columns meet
        convolutions = (
            (3, size, stride, conv1_padding, 1),
            (kernels[0], 5, 1, 2, groups),
            (kernels[1], 3, 1, 1, 1),
            (kernels[2], 3, 1, 1, groups),
            (kernels[3], 3, 1, 1, groups),
        )
        for number, (convolution, channels) in enumerate(zip(convolutions, kernels, strict=True), start=1):
            inputs, size, stride, padding, parts = convolution
            layer = nn.Conv2d(inputs, channels, size, stride, padding, groups=parts)
            self.add_module(f"conv{number}", nn.Sequential(layer, activation()))
            after: dict[str, nn.Module] = (
                {f"pool{number}": nn.MaxPool2d(*pool)} if number in (1, 2, 5) else {}
            )
            if number in (1, 2) and normalisation:
                norm = {f"norm{number}": local_response_normalisation(*normalisation)}
                after = {**after, **norm} if pool_first else {**norm, **after}
            for name, module in after.items():
                self.add_module(name, module)

        side = (images + 2 * conv1_padding - convolutions[0][1]) // convolutions[0][2] + 1
        for _ in range(3):
            side = (side - pool[0]) // pool[1] + 1
        self.fc6 = nn.Sequential(
            nn.Flatten(), *hidden_layer(kernels[4] * side**2, HIDDEN_UNITS, activation, dropout)
        )
        self.fc7 = nn.Sequential(*hidden_layer(HIDDEN_UNITS, HIDDEN_UNITS, activation, dropout))
        self.fc8 = nn.Linear(HIDDEN_UNITS, num_classes)


def hidden_layer(inputs: int, units: int, activation: type[nn.Module], dropout: float) -> list[nn.Module]:
    """Build a fully connected layer whose units are dropped at random: (N, inputs) to (N, units)."""
    return [nn.Linear(inputs, units), activation(), nn.Dropout(dropout)]
