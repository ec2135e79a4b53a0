"""The comparison with references sees what it is there for: a stride, an ε, an activation, a layer too many."""

import pytest
from torch import Tensor, nn

from architectures.layers.conv_bn import conv_bn, conv_bn_relu
from tests.architectures.reference import (
    CLASSES,
    Layers,
    assert_follows,
    assert_same_function,
    random_images,
    set_epsilon,
)

IMAGES = random_images(3, 8)


def small(**changes) -> nn.Sequential:
    """Two convolutions and a classifier."""
    first = conv_bn_relu(3, 6, 3, changes.get("stride", 2))
    second = [*conv_bn(6, 4, 3), *([] if changes.get("linear") else [nn.ReLU()])]
    return nn.Sequential(*first, *second, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, CLASSES))


def by_hand(layers: Layers, x: Tensor) -> Tensor:
    x = layers.conv_norm(6, 3, 2)(x).relu()
    x = layers.conv_norm(4, 3)(x).relu()
    return layers.linear(4)(x.mean((2, 3)))


def test_equal_networks_agree():
    assert_follows(small(), by_hand, IMAGES)
    assert_same_function(small(), small(), IMAGES)


@pytest.mark.parametrize("changes", [{"stride": 1}, {"linear": True}, {"epsilon": 2e-5}])
def test_other_functions_differ(changes):
    changed = small(**changes)
    set_epsilon(changed, changes.get("epsilon", 1e-5))
    with pytest.raises(AssertionError, match=" of "):
        assert_follows(changed, by_hand, IMAGES)
    with pytest.raises(AssertionError, match=" of "):
        assert_same_function(small(), changed, IMAGES)


def test_a_gradient_that_is_lost_shows():
    class Detached(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.detach()

    cut = small()
    cut.insert(3, Detached())
    with pytest.raises(AssertionError, match=" of "):
        assert_follows(cut, by_hand, IMAGES)


def test_other_channels_and_layers_left_over_are_named():
    def narrower(layers: Layers, x: Tensor) -> Tensor:
        return layers.conv_norm(5, 3, 2)(x).mean((2, 3))

    def shorter(layers: Layers, x: Tensor) -> Tensor:
        return layers.conv_norm(6, 3, 2)(x).mean((2, 3))

    with pytest.raises(
        AssertionError, match=r"0\.weight is \(6, 3, 3, 3\), the reference has \(5, None, 3, 3\)"
    ):
        assert_follows(small(), narrower, IMAGES)
    with pytest.raises(AssertionError, match="weights that the reference doesn't use"):
        assert_follows(small(), shorter, IMAGES)
