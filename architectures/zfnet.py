"""ZFNet: AlexNet with a smaller and denser first convolution, and its variants with layers removed or widened.

Matthew D. Zeiler, Rob Fergus,
"Visualizing and Understanding Convolutional Networks", arXiv:1311.2901.

Paper → code:
    Figure 3, the eight layers                              ZFNet
    Figure 3, contrast normalisation after pooling          local_response_normalisation
    Section 4.1, 7×7 with stride 2 for 11×11 with 4         knob conv1, CONVOLUTIONS
    Table 3, layers removed                                 knob remove
    Table 3, sizes of layers 3 to 5 and of 6, 7             knobs channels345, fc

The replication of AlexNet that Table 3 varies is `conv1` 11x11/4, with a second convolution of stride 1, so that
layers 3 to 5 are on 13 × 13 either way.
Departures: the replication, by Section 5.1 AlexNet's exact architecture, has dense connections here as ZFNet has
(Section 3), and not two groups; the paper gives no constants of the normalisation; these are AlexNet's. The sizes of Figure 3 (110,
55, 26, 13, 6) need a padding of 1 at convolution 1 and pooling windows that may hang over the edge.
CIFAR: the paper has no such form. Strides of convolution 1 are halved, 7×7 with 1 or 11×11 with 2; all else is
kept, with padding: layers 3 to 5 are on 4 × 4 either way, layer 6 on 2 × 2.
"""

from typing import Literal

from torch import nn

from architectures.alexnet import hidden_layer
from architectures.layers.local_response_normalisation import local_response_normalisation
from architectures.ranges import at_least, dropout_rate
from architectures.registry import Stem, register

# Size, stride, padding of convolutions 1 and 2.
CONVOLUTIONS = {
    ("imagenet", "7x7/2"): ((7, 2, 1), (5, 2, 0)),
    ("imagenet", "11x11/4"): ((11, 4, 2), (5, 1, 2)),
    ("cifar", "7x7/2"): ((7, 1, 3), (5, 2, 2)),
    ("cifar", "11x11/4"): ((11, 2, 5), (5, 1, 2)),
}
# Pixels at a side of what layer 6 receives.
LAST_SIDE = {"imagenet": 6, "cifar": 2}


@register(cifar={}, imagenet={})
def zfnet(
    *,
    stem: Stem,
    num_classes: int,
    conv1: Literal["7x7/2", "11x11/4"] = "7x7/2",
    channels345: tuple[int, ...] = (384, 384, 256),
    fc: int = 4096,
    remove: Literal["none", "3,4", "7", "6,7", "3,4,6,7"] = "none",
    dropout: float = 0.5,
) -> "ZFNet":
    """ZFNet (Zeiler and Fergus 2013, Figure 3; Table 3).

    Knobs:
        conv1: size and stride of convolution 1; 11x11/4 is the paper's replication of AlexNet.
        channels345: channels of layers 3, 4 and 5; the paper's other form is 512,1024,512.
        fc: units of layers 6 and 7; the paper's are 2048, 4096 and 8192.
        remove: layers left out, by Table 3.
        dropout: rate after layers 6 and 7, in [0, 1).
    """
    if len(channels345) != 3:
        raise ValueError(
            f"channels345 has {len(channels345)} numbers; it takes one each for layers 3, 4 and 5"
        )
    at_least("channels345", min(channels345), 1)
    at_least("fc", fc, 1)
    dropout_rate("dropout", dropout)
    removed = () if remove == "none" else tuple(int(layer) for layer in remove.split(","))
    return ZFNet(stem, num_classes, conv1, channels345, fc, removed, dropout)


class ZFNet(nn.Sequential):
    """Maps images (N, 3, 224, 224), or (N, 3, 32, 32) on CIFAR, to logits (N, num_classes).

    Its children are the columns of Figure 3.
    """

    def __init__(
        self,
        stem: Stem,
        num_classes: int,
        conv1: str,
        channels345: tuple[int, ...],
        fc: int,
        removed: tuple[int, ...],
        dropout: float,
    ) -> None:
        super().__init__()
        first, second = CONVOLUTIONS[stem, conv1]
        self.layer_1 = nn.Sequential(*_conv_relu(3, 96, *first), _pool(), local_response_normalisation())
        self.layer_2 = nn.Sequential(*_conv_relu(96, 256, *second), _pool(), local_response_normalisation())
        channels = 256
        for number, outputs in enumerate(channels345, start=3):
            if number not in removed:
                layers = _conv_relu(channels, outputs, 3, 1, 1)
                self.add_module(
                    f"layer_{number}", nn.Sequential(*layers, *([_pool()] if number == 5 else []))
                )
                channels = outputs
        units = channels * LAST_SIDE[stem] ** 2
        for number in (6, 7):
            if number not in removed:
                layers = hidden_layer(units, fc, nn.ReLU, dropout)
                self.add_module(f"layer_{number}", nn.Sequential(nn.Flatten(), *layers))
                units = fc
        self.output = nn.Sequential(nn.Flatten(), nn.Linear(units, num_classes))


def _conv_relu(inputs: int, outputs: int, size: int, stride: int, padding: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, size, stride, padding), nn.ReLU(inplace=True)]


def _pool() -> nn.Module:
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)
