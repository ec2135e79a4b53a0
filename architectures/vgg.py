"""VGG: deep stacks of small convolutions, the same few layers repeated.

Karen Simonyan, Andrew Zisserman,
"Very Deep Convolutional Networks for Large-Scale Image Recognition", arXiv:1409.1556.

Paper → code:
    Table 1, the configurations                             CONFIGURATIONS
    Section 2.1, ReLU, 2×2 max pooling, the last layers     VGG
    Section 2.1, local response normalisation (A-LRN)       local_response_normalisation
    Section 3.1, dropout of the hidden units                knob dropout
    Section 3.2, fully connected layers as convolutions     knob head, FullyConnected, Convolution
    Section 4.1, B with each pair of 3×3 as one 5×5         configuration B-5x5

Batch normalisation, which the paper predates, is that of the VGG-16 which "Squeeze-and-Excitation Networks"
(arXiv:1709.01507, Table 2) compares with: after every convolution.
Departures: none on ImageNet. The weights of one head load into the other; as convolutions they score every
position of a larger image, and the scores are averaged.
CIFAR: the paper has no such form. The first pooling is left out and all else kept: stages on 32, 32, 16, 8 and
4 pixels, first fully connected layer on 2 × 2.
"""

from typing import Literal

from torch import Tensor, nn

from architectures.layers.local_response_normalisation import local_response_normalisation
from architectures.ranges import dropout_rate
from architectures.registry import Stem, register

CHANNELS = (64, 128, 256, 512, 512)
HIDDEN_UNITS = 4096
# Sizes of the kernels of each stage.
CONFIGURATIONS = {
    "A": ((3,), (3,), (3, 3), (3, 3), (3, 3)),
    "A-LRN": ((3,), (3,), (3, 3), (3, 3), (3, 3)),
    "B": ((3, 3),) * 5,
    "B-5x5": ((5,),) * 5,
    "C": ((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1)),
    "D": ((3, 3), (3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3)),
    "E": ((3, 3), (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3)),
}
# Pixels at a side of what the first fully connected layer receives.
LAST_SIDE = {"imagenet": 7, "cifar": 2}


@register(cifar={}, imagenet={})
def vgg(
    *,
    stem: Stem,
    num_classes: int,
    config: Literal["A", "A-LRN", "B", "B-5x5", "C", "D", "E"] = "D",
    head: Literal["fc", "conv"] = "fc",
    batch_norm: bool = False,
    dropout: float = 0.5,
) -> "VGG":
    """VGG (Simonyan and Zisserman 2014, Section 2; Tables 1, 2).

    Knobs:
        config: column of Table 1, D being VGG-16 and E VGG-19; B-5x5 is Section 4.1's network of 5×5 kernels.
        head: fc, three fully connected layers; conv, the same as convolutions, for images of any larger size.
        batch_norm: batch normalisation after every convolution; the paper has none.
        dropout: rate after the first two fully connected layers, in [0, 1).
    """
    dropout_rate("dropout", dropout)
    return VGG(stem, num_classes, config, head, batch_norm, dropout)


class VGG(nn.Sequential):
    """Maps images (N, 3, H, W) to logits (N, num_classes); its children are the rows of Table 1.

    H and W are 224 on ImageNet and 32 on CIFAR, or, with the head conv, anything from there.
    """

    def __init__(
        self, stem: Stem, num_classes: int, config: str, head: str, batch_norm: bool, dropout: float
    ) -> None:
        super().__init__()
        channels = 3
        for stage, (sizes, outputs) in enumerate(zip(CONFIGURATIONS[config], CHANNELS, strict=True), start=1):
            layers: list[nn.Module] = []
            for size in sizes:
                layers.append(nn.Conv2d(channels, outputs, size, padding=size // 2))
                layers.extend([nn.BatchNorm2d(outputs)] if batch_norm else [])
                layers.append(nn.ReLU(inplace=True))
                channels = outputs
            if config == "A-LRN" and stage == 1:
                layers.append(local_response_normalisation())
            self.add_module(f"conv{stage}", nn.Sequential(*layers))
            if stem == "imagenet" or stage > 1:
                self.add_module(f"pool{stage}", nn.MaxPool2d(2))

        layer = FullyConnected if head == "fc" else Convolution
        self.fc6 = layer(channels, HIDDEN_UNITS, LAST_SIDE[stem], nn.ReLU(inplace=True), nn.Dropout(dropout))
        self.fc7 = layer(HIDDEN_UNITS, HIDDEN_UNITS, 1, nn.ReLU(inplace=True), nn.Dropout(dropout))
        self.fc8 = layer(HIDDEN_UNITS, num_classes, 1)
        if head == "conv":
            self.average = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


class FullyConnected(nn.Sequential):
    """A fully connected layer and what follows: (N, channels, side, side) or (N, channels) to (N, units)."""

    def __init__(self, channels: int, units: int, side: int, *after: nn.Module) -> None:
        super().__init__(nn.Flatten(), nn.Linear(channels * side**2, units), *after)
        self.register_load_state_dict_pre_hook(_reshape_weight)


class Convolution(nn.Sequential):
    """The same at every position: (N, channels, H, W) to (N, units, H - side + 1, W - side + 1)."""

    def __init__(self, channels: int, units: int, side: int, *after: nn.Module) -> None:
        # Identity, so that weights have the names that they have in FullyConnected
        super().__init__(nn.Identity(), nn.Conv2d(channels, units, side), *after)
        self.register_load_state_dict_pre_hook(_reshape_weight)


def _reshape_weight(module: nn.Sequential, state: dict[str, Tensor], prefix: str, *_: object) -> None:
    """Let the weights of one form load into the other: both have units first, then channels, rows, columns."""
    name, weight = f"{prefix}1.weight", module.get_parameter("1.weight")
    if name in state and state[name].numel() == weight.numel() and len(state[name]) == len(weight):
        state[name] = state[name].reshape(weight.shape)
