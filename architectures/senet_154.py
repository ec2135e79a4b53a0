"""SENet-154: the network of the SENet authors' entry to ILSVRC 2017, a changed ResNeXt-152 with SE.

Jie Hu, Li Shen, Samuel Albanie, Gang Sun, Enhua Wu, "Squeeze-and-Excitation Networks", arXiv:1709.01507.

Paper → code:
    Appendix, 64×4d ResNeXt with the blocks of ResNet-152  CARDINALITY, IMAGENET_BLOCKS
    Appendix (a), half the channels in the first 1×1       SENet154Block
    Appendix (b), three 3×3 convolutions in the stem       SENet154
    Appendix (c), projections of 3×3 with stride 2         SENet154Block
    Appendix (d), dropout before the classifier            knob dropout

What the appendix doesn't say, the channels of the stem (64, 64, 128), is as in the released model.
Departures: the released model pools without padding and rounds the size up (Caffe); here the pooling is ResNet's.
There is no CIFAR form: the paper uses this network for ImageNet's competition alone.
"""

from torch import nn

from architectures.conv_bn import conv_bn, conv_bn_relu
from architectures.ranges import at_least, dropout_rate
from architectures.registry import Stem, register
from architectures.resnet import IMAGENET_BLOCKS, ResidualBlock
from architectures.squeeze_excitation import SqueezeExcitation, reduced_channels

STEM_CHANNELS = (64, 64, 128)
FIRST_WIDTH = 64
CARDINALITY = 64


@register(imagenet={})
def senet_154(*, stem: Stem, num_classes: int, reduction: int = 16, dropout: float = 0.2) -> "SENet154":
    """SENet-154: a deep ResNeXt with SE (SENet, Section 5.4 and Appendix; Tables 8, 9).

    Knobs:
        reduction (r): channels to units between the two fully connected layers of SE.
        dropout: rate before the classifier, in [0, 1); the paper's is 0.2.
    """
    at_least("reduction", reduction, 1)
    dropout_rate("dropout", dropout)
    _, blocks = IMAGENET_BLOCKS[152]
    return SENet154(num_classes, blocks, reduction, dropout)


class SENet154(nn.Sequential):
    """Maps images (N, 3, H, W) to logits (N, num_classes); its children are the rows of ResNet's Table 1."""

    def __init__(self, num_classes: int, blocks: tuple[int, ...], reduction: int, dropout: float) -> None:
        super().__init__()
        first, second, channels = STEM_CHANNELS
        self.conv1 = nn.Sequential(
            *conv_bn_relu(3, first, 3, stride=2),
            *conv_bn_relu(first, second, 3),
            *conv_bn_relu(second, channels, 3),
        )
        for stage, length in enumerate(blocks):
            layers = [nn.MaxPool2d(3, stride=2, padding=1)] if stage == 0 else []
            for index in range(length):
                stride = 2 if stage > 0 and index == 0 else 1
                layers.append(SENet154Block(channels, FIRST_WIDTH * 2**stage, stride, reduction))
                channels = layers[-1].outputs
            self.add_module(f"conv{stage + 2}_x", nn.Sequential(*layers))
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels, num_classes)
        )


class SENet154Block(ResidualBlock):
    """(N, inputs, H, W) to (N, 4 · width, H/stride, W/stride); 64×4d has 4 · width channels inside."""

    def __init__(self, inputs: int, width: int, stride: int, reduction: int) -> None:
        outputs = 4 * width
        branch = nn.Sequential(
            *conv_bn_relu(inputs, outputs // 2, 1),
            *conv_bn_relu(outputs // 2, outputs, 3, stride, groups=CARDINALITY),
            *conv_bn(outputs, outputs, 1),
            SqueezeExcitation(outputs, reduced_channels(outputs, reduction)),
        )
        super().__init__(branch, inputs, outputs, stride, "B")
        if stride > 1:
            self.shortcut = nn.Sequential(*conv_bn(inputs, outputs, 3, stride))
