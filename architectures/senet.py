"""SENet: squeeze-and-excitation in networks that are described without it.

Jie Hu, Li Shen, Samuel Albanie, Gang Sun, Enhua Wu, "Squeeze-and-Excitation Networks", arXiv:1709.01507.

Paper → code:
    Equations 2, 3, 4, the SE block                        layers.squeeze_excitation.SqueezeExcitation
    Section 3.3, Figure 3, Table 1, in a residual branch   se_resnet, se_resnext, excite
    Section 3.3, after the ReLU of each convolution        se_vgg, se_mobilenet_v1
    Tables 4, 5, CIFAR                                     se_preact_resnet, se_wide_resnet
    Table 3, SE-ShuffleNet                                 shufflenet_v1, knobs se, se_units
    Table 10, reduction ratio r                            knob reduction
    Tables 11, 12, squeeze and gate; 16, NoSqueeze         knobs squeeze, gate
    Table 13, stages                                       knob se_stages
    Table 14 and Figure 5; Table 15, SE 3×3                knob position, excite
    Figure 2, Table 2, SE behind each Inception module     se_bn_inception
    Figure 3, Table 2, SE in its residual branches         se_inception_resnet_v2
    Appendix, SENet-154, a changed ResNeXt-152             senet_154, SENet154
    Appendix (a), (c), 1×1 and projections; (b), stem      SENet154Block; SENet154
    Appendix (d), dropout before the classifier            knob dropout

A base network is built as its own file says, and SE is put into it: every base keeps its stems and its defaults.
Choices where the paper is silent: SE 3×3 is behind the ReLU of that convolution; SE-Identity is behind the
projection where there is one; MobileNet has it behind each pointwise convolution alone, which gives Table 3's
4.7 million parameters; SENet-154's stem of 64, 64 and 128 channels is the released model's. BN-Inception has the
full first convolution, with which it takes the 2.03 billion multiply-adds of Table 2. Of Inception-ResNet the paper
says "similar schemes" as ResNet's (Section 3.3): SE ends each of the 40 residual branches, before their own small
factor, and is nowhere else; 8.5 million multiply-adds and the squeezing make Table 2's 0.01 billion. One fully
connected layer instead of two (knob `fc_layers`) isn't the paper's: it is what Section 3.2 argues against.
Departures: the ablations of Section 6 have no biases in the two layers, the released models have (knob `bias`).
A pre-activation network is normalised once before its first unit and once behind its last (appendix of
arXiv:1603.05027). Those of osmr/imgclsmob are twice before and not behind: 96 parameters fewer at 110 layers, 480 at
164, but for the projections that they have in basic blocks, too.
A port of the released models, timm's legacy_seresnet18, has a ReLU before SE in basic blocks; the paper has none.
The released SENet-154 pools without padding and rounds the size up (Caffe); here the pooling is ResNet's. It has no
CIFAR form: the paper uses it for ImageNet's competition alone.
"""

from collections.abc import Callable
from typing import Literal

from torch import nn

from architectures.bn_inception import bn_inception
from architectures.googlenet import FilterConcatenation
from architectures.inception_resnet import ResidualInception, inception_resnet_v2_tf
from architectures.layers.conv_bn import conv_bn, conv_bn_relu
from architectures.layers.squeeze_excitation import Gate, Squeeze, SqueezeExcitation, reduced_channels
from architectures.mobilenet_v1 import mobilenet_v1
from architectures.preact_resnet import ResidualUnit, preact_resnet
from architectures.ranges import at_least, dropout_rate, one_of
from architectures.registry import Stem, register
from architectures.resnet import IMAGENET_BLOCKS, Bottleneck, ResidualBlock, resnet
from architectures.resnext import EXPANSION, resnext
from architectures.vgg import vgg
from architectures.wide_resnet import WideBlock, wide_resnet

MakeExcitation = Callable[[int], SqueezeExcitation]

# SENet-154: channels of the stem, width of the first stage, cardinality C.
STEM_CHANNELS = (64, 64, 128)
FIRST_WIDTH = 64
CARDINALITY = 64


@register(
    cifar={"depth": 110, "shortcut": "A", "se_stages": (2, 3, 4)},
    imagenet={"depth": 50, "shortcut": "B", "se_stages": (2, 3, 4, 5)},
)
def se_resnet(
    *,
    stem: Stem,
    num_classes: int,
    depth: int,
    shortcut: Literal["A", "B", "C"],
    block: Literal["paper", "basic", "bottleneck"] = "paper",
    stride_in: Literal["1x1", "3x3"] = "1x1",
    reduction: int = 16,
    position: Literal["standard", "pre", "post", "identity", "3x3"] = "standard",
    squeeze: Literal["average", "max", "none"] = "average",
    gate: Literal["sigmoid", "tanh", "relu"] = "sigmoid",
    se_stages: tuple[int, ...],
    fc_layers: int = 2,
    bias: bool = True,
) -> nn.Module:
    """SE-ResNet: a ResNet whose branches weigh their channels (SENet, Sections 3, 6; Tables 1, 2, 10 to 16).

    Knobs:
        depth: as ResNet's; the paper's are 50, 101 and 152 on ImageNet.
        shortcut: as ResNet's.
        block: as ResNet's.
        stride_in: as ResNet's.
        reduction (r): channels to units between the two fully connected layers; the paper's are 2 to 32.
        position: standard, at the end of the branch; pre, at its start; post, after the addition and its ReLU;
            identity, on the shortcut; 3x3, in the branch behind the 3×3 of a bottleneck.
        squeeze: average or max of a channel; none, every pixel by itself (NoSqueeze).
        gate: what makes scales of the last layer's outputs.
        se_stages: stages that carry SE, from 2 (conv2_x) to 4 on CIFAR and 5 on ImageNet.
        fc_layers: 2, with the bottleneck of Equation 3; 1, a single fully connected layer.
        bias: biases of these layers; the ablations of Section 6 have none.
    """
    if len(set(se_stages)) < len(se_stages):
        raise ValueError(f"se_stages {se_stages} names a stage twice; leave one out")
    make_excitation = excitation(reduction, bias, squeeze, gate, fc_layers)
    network = resnet(
        stem=stem, num_classes=num_classes, depth=depth, shortcut=shortcut, block=block, stride_in=stride_in
    )
    stages = {2: "conv2_x", 3: "conv3_x", 4: "conv4_x", 5: "conv5_x"}
    for stage in se_stages:
        one_of("se_stages", stage, [number for number, name in stages.items() if hasattr(network, name)])
        for module in getattr(network, stages[stage]):
            if isinstance(module, ResidualBlock):
                excite(module, position, make_excitation)
    return network


@register(
    cifar={"depth": 29, "cardinality": 8, "base_width": 64},
    imagenet={"depth": 50, "cardinality": 32, "base_width": 4},
)
def se_resnext(
    *,
    stem: Stem,
    num_classes: int,
    depth: int,
    cardinality: int,
    base_width: int,
    reduction: int = 16,
    bias: bool = True,
) -> nn.Module:
    """SE-ResNeXt: a ResNeXt whose branches weigh their channels (SENet, Section 3.3; Tables 1, 2).

    Knobs:
        depth: as ResNeXt's; the paper's are 50 and 101 on ImageNet.
        cardinality (C): as ResNeXt's.
        base_width (d): as ResNeXt's.
        reduction (r): as SE-ResNet's.
        bias: as SE-ResNet's.
    """
    network = resnext(
        stem=stem, num_classes=num_classes, depth=depth, cardinality=cardinality, base_width=base_width
    )
    return excite_branches(network, excitation(reduction, bias))


@register(cifar={"depth": 164}, imagenet={"depth": 200})
def se_preact_resnet(
    *, stem: Stem, num_classes: int, depth: int, reduction: int = 16, bias: bool = True
) -> nn.Module:
    """SE in a pre-activation ResNet, before the addition (SENet, Section 5.1; Tables 4, 5).

    Knobs:
        depth: as pre-activation ResNet's; the paper's are 110 and 164 on CIFAR.
        reduction (r): as SE-ResNet's.
        bias: as SE-ResNet's.
    """
    network = preact_resnet(stem=stem, num_classes=num_classes, depth=depth)
    return excite_branches(network, excitation(reduction, bias))


@register(cifar={"depth": 16, "widen_factor": 8.0}, imagenet={"depth": 50, "widen_factor": 2.0})
def se_wide_resnet(
    *, stem: Stem, num_classes: int, depth: int, widen_factor: float, reduction: int = 16, bias: bool = True
) -> nn.Module:
    """SE in a Wide ResNet, before the addition (SENet, Section 5.1; Tables 4, 5).

    Knobs:
        depth: as Wide ResNet's; the paper's is 16 on CIFAR.
        widen_factor (k): as Wide ResNet's; the paper's is 8 on CIFAR.
        reduction (r): as SE-ResNet's.
        bias: as SE-ResNet's.
    """
    network = wide_resnet(stem=stem, num_classes=num_classes, depth=depth, widen_factor=widen_factor)
    return excite_branches(network, excitation(reduction, bias))


@register(cifar={}, imagenet={})
def se_vgg(
    *,
    stem: Stem,
    num_classes: int,
    config: Literal["A", "B", "C", "D", "E"] = "D",
    reduction: int = 16,
    bias: bool = True,
) -> nn.Module:
    """SE-VGG with batch normalisation: SE behind the ReLU of each convolution (SENet, Section 3.3; Table 2).

    Knobs:
        config: column of VGG's Table 1; the paper's is D, VGG-16.
        reduction (r): as SE-ResNet's.
        bias: as SE-ResNet's.
    """
    network = vgg(stem=stem, num_classes=num_classes, config=config, batch_norm=True)
    return excite_convolutions(network, excitation(reduction, bias))


@register(cifar={}, imagenet={})
def se_mobilenet_v1(
    *, stem: Stem, num_classes: int, width_mult: float = 1.0, reduction: int = 16, bias: bool = True
) -> nn.Module:
    """SE-MobileNet: SE behind the ReLU of each pointwise convolution (SENet, Section 5.1; Table 3).

    Knobs:
        width_mult (α): as MobileNet's.
        reduction (r): as SE-ResNet's.
        bias: as SE-ResNet's.
    """
    network = mobilenet_v1(stem=stem, num_classes=num_classes, width_mult=width_mult)
    return excite_convolutions(network, excitation(reduction, bias), pointwise=True)


@register(cifar={}, imagenet={})
def se_bn_inception(*, stem: Stem, num_classes: int, reduction: int = 16, bias: bool = True) -> nn.Module:
    """SE-BN-Inception: SE behind each Inception module (SENet, Figure 2; Table 2).

    Knobs:
        reduction (r): as SE-ResNet's.
        bias: as SE-ResNet's.
    """
    network = bn_inception(stem=stem, num_classes=num_classes, conv1="full")
    make_excitation = excitation(reduction, bias)
    for name, module in list(network.named_children()):
        if isinstance(module, FilterConcatenation):
            setattr(network, name, nn.Sequential(module, make_excitation(module.outputs)))
    return network


@register(cifar={}, imagenet={})
def se_inception_resnet_v2(
    *, stem: Stem, num_classes: int, reduction: int = 16, bias: bool = True
) -> nn.Module:
    """SE-Inception-ResNet v2: SE at the end of each residual branch (SENet, Figure 3; Table 2).

    Knobs:
        reduction (r): as SE-ResNet's.
        bias: as SE-ResNet's.
    """
    network = inception_resnet_v2_tf(stem=stem, num_classes=num_classes)
    return excite_branches(network, excitation(reduction, bias))


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


def excitation(
    reduction: int, bias: bool, squeeze: Squeeze = "average", gate: Gate = "sigmoid", fc_layers: int = 2
) -> MakeExcitation:
    """Return a function that builds the SE block for a number of channels."""
    at_least("reduction", reduction, 1)
    one_of("fc_layers", fc_layers, (1, 2))

    def make_excitation(channels: int) -> SqueezeExcitation:
        reduced = reduced_channels(channels, reduction) if fc_layers == 2 else None
        return SqueezeExcitation(channels, reduced, bias=bias, gate=gate, squeeze=squeeze)

    return make_excitation


def excite(block: ResidualBlock, position: str, make_excitation: MakeExcitation) -> None:
    """Put SE into a residual block, at a position of Figure 5 or behind its 3×3."""
    if position == "standard":
        block.branch.append(make_excitation(block.outputs))
    elif position == "pre":
        block.branch.insert(0, make_excitation(block.inputs))
    elif position == "post":
        block.relu = nn.Sequential(block.relu, make_excitation(block.outputs))
    elif position == "identity":
        assert block.shortcut is not None  # `resnet` makes blocks with shortcuts alone
        block.shortcut = nn.Sequential(block.shortcut, make_excitation(block.outputs))
    elif isinstance(block, Bottleneck):
        # Two convolutions, each with batch normalisation and ReLU, are before it.
        block.branch.insert(6, make_excitation(block.outputs // EXPANSION))
    else:
        raise ValueError("position 3x3 goes with bottlenecks; choose standard, pre, post or identity")


def excite_branches(network: nn.Module, make_excitation: MakeExcitation) -> nn.Module:
    """Put SE at the end of each residual branch: where `excite` has it in its standard position."""
    for block in list(network.modules()):
        if isinstance(block, (ResidualBlock, ResidualUnit, WideBlock, ResidualInception)):
            block.branch.append(make_excitation(block.outputs))
    return network


def excite_convolutions(
    network: nn.Module, make_excitation: MakeExcitation, *, pointwise: bool = False
) -> nn.Module:
    """Put SE behind the ReLU of each convolution with batch normalisation, or of the 1×1 ones alone."""
    for layers in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
        # Backwards, because an insertion moves what comes after it.
        for index in range(len(layers) - 1, 1, -1):
            convolution = layers[index - 2]
            if not isinstance(layers[index], nn.ReLU) or not isinstance(convolution, nn.Conv2d):
                continue
            if convolution.kernel_size == (1, 1) or not pointwise:
                layers.insert(index + 1, make_excitation(convolution.out_channels))
    return network


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
            layers: list[nn.Module] = [nn.MaxPool2d(3, stride=2, padding=1)] if stage == 0 else []
            for index in range(length):
                stride = 2 if stage > 0 and index == 0 else 1
                block = SENet154Block(channels, FIRST_WIDTH * 2**stage, stride, reduction)
                layers.append(block)
                channels = block.outputs
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
