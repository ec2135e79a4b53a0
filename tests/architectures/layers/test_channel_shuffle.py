"""The channel shuffle: the (g, n) transpose, a permutation, the identity for one group; both layouts kept."""

import pytest
import torch

from architectures import build
from architectures.layers.channel_shuffle import ChannelShuffle

LAYOUTS = [torch.contiguous_format, torch.channels_last]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("groups", "each"), [(2, 3), (3, 4), (4, 4), (8, 2)])
def test_shuffle_is_the_transpose_of_groups_and_channels(groups, each, layout):
    x = torch.randn(2, groups * each, 3, 5).to(memory_format=layout)
    y = ChannelShuffle(groups)(x)
    for group in range(groups):
        for index in range(each):
            assert torch.equal(y[:, index * groups + group], x[:, group * each + index])
    assert torch.equal(y, torch.nn.ChannelShuffle(groups)(x))
    assert torch.equal(ChannelShuffle(each)(y), x)
    assert y.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_group_is_the_identity(layout):
    x = torch.randn(2, 6, 3, 5).to(memory_format=layout)
    assert torch.equal(ChannelShuffle(1)(x), x)


def test_every_group_of_the_next_layer_sees_every_group():
    groups, each = 3, 6
    owner = torch.arange(groups).repeat_interleave(each).float().view(1, -1, 1, 1)
    for seen in ChannelShuffle(groups)(owner).flatten().chunk(groups):
        assert seen.unique().tolist() == [0, 1, 2]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_gradient_goes_back_to_where_the_map_came_from(layout):
    x = torch.randn(2, 6, 3, 5).to(memory_format=layout).requires_grad_()
    probe = torch.randn(2, 6, 3, 5)
    (ChannelShuffle(2)(x) * probe).sum().backward()
    assert torch.equal(x.grad, ChannelShuffle(3)(probe))
    assert not list(ChannelShuffle(2).parameters())


@pytest.mark.parametrize("name", ["shufflenet_v1", "shufflenet_v2"])
def test_networks_keep_channels_last(name):
    torch.manual_seed(0)
    network = build(name, stem="cifar", num_classes=10, scale=0.5).eval()
    images = torch.randn(1, 3, 32, 32)
    expected = network(images)
    kept = []
    for stage in (network.stage2, network.stage3, network.stage4):
        for unit in stage:
            unit.register_forward_hook(
                lambda module, inputs, y: kept.append(y.is_contiguous(memory_format=torch.channels_last))
            )
    network.to(memory_format=torch.channels_last)
    torch.testing.assert_close(network(images.to(memory_format=torch.channels_last)), expected)
    assert len(kept) == 16 and all(kept)
