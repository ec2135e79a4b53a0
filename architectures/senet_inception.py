"""Squeeze-and-excitation in Inception networks.

Jie Hu, Li Shen, Samuel Albanie, Gang Sun, Enhua Wu, "Squeeze-and-Excitation Networks", arXiv:1709.01507.

Paper → code:
    Figure 2, SE-Inception: SE behind each module          se_bn_inception
    Figure 3, SE in a residual branch                      se_inception_resnet_v2
    Table 2, the two networks                              bn_inception, inception_resnet_v2_tf

The base networks, their stems and their forms for CIFAR are those of their own files. BN-Inception has the full
first convolution, with which it takes the 2.03 billion mult-adds of Table 2. SE scales the residual of
Inception-ResNet before its own small factor does.
"""

from torch import nn

from architectures.bn_inception import bn_inception
from architectures.inception_resnet import inception_resnet_v2_tf
from architectures.registry import Stem, register
from architectures.senet import excitation, excite_branches


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
        if hasattr(module, "outputs"):
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
