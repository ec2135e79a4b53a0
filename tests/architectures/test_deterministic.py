"""`--deterministic` on a GPU: no network needs what torch refuses there, and what stands in for it is equal to it."""

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import architectures
from architectures.inception_v3 import PoolTo5x5
from architectures.layers.local_response_normalisation import local_response_normalisation
from architectures.layers.squeeze_excitation import GlobalMaxPool
from tests.architectures.test_all_architectures import EVERY

# Whose gradient raises on a GPU (`torch.use_deterministic_algorithms`): any pooling in three dimensions, too.
REFUSED = (
    "adaptive_avg_pool",
    "adaptive_max_pool",
    "pool3d",
    "upsample",
    "reflection_pad",
    "replication_pad",
)
SIDES = {"cifar": 32, "imagenet": 224}
FAMILIES = {architectures.find(name).family: (name, stem, {}, SIDES[stem]) for name, stem in EVERY[::-1]}
VARIANTS = [
    *FAMILIES.values(),
    ("googlenet", "imagenet", {}, 224),
    ("vgg", "cifar", {"config": "A-LRN"}, 32),
    ("se_resnet", "cifar", {"depth": 20, "squeeze": "max"}, 32),
    ("inception_v3", "imagenet", {}, 224),
]


class Operations(TorchDispatchMode):
    """Keeps the names of all operations."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.add(func.__name__)
        return func(*args, **(kwargs or {}))


@pytest.fixture
def deterministic():
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize(("name", "stem", "knobs", "side"), VARIANTS)
def test_no_network_needs_what_is_refused(deterministic, name, stem, knobs, side):
    with torch.device("meta"):
        network = architectures.build(name, stem=stem, num_classes=10, **knobs).train()
        with Operations() as operations:
            network(torch.empty(2, 3, side, side))
    assert not [name for name in operations.names if any(part in name for part in REFUSED)]


def both(ours: nn.Module, reference: nn.Module, shape: tuple[int, ...], layout: torch.memory_format):
    """Return outputs and gradients of both of the same numbers, of which half are zero."""
    torch.manual_seed(0)
    x, results = torch.randn(shape).relu().to(memory_format=layout), []
    for layer in (ours, reference):
        leaf = x.clone(memory_format=torch.preserve_format).requires_grad_()
        output = layer(leaf)
        torch.manual_seed(1)
        output.backward(torch.randn(output.shape))
        results += [(output, leaf.grad)]
    return results


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_normalisation_and_squeeze_are_torchs_to_the_bit(layout):
    lrn = local_response_normalisation(n=5)
    for ours, reference in (
        (lrn, nn.LocalResponseNorm(5, alpha=lrn.alpha, beta=lrn.beta, k=lrn.k)),
        (GlobalMaxPool(), nn.AdaptiveMaxPool2d(1)),
    ):
        (output, gradient), (expected, expected_gradient) = both(ours, reference, (4, 24, 7, 7), layout)
        assert torch.equal(output, expected) and torch.equal(gradient, expected_gradient)


@pytest.mark.parametrize("side", [5, 8, 12, 14])
def test_deterministic_pooling_to_five_pixels_is_adaptive_pooling(deterministic, side):
    (output, gradient), (expected, expected_gradient) = both(
        PoolTo5x5(), nn.AdaptiveAvgPool2d(5), (2, 3, side, side + 1), torch.contiguous_format
    )
    torch.testing.assert_close(output, expected)
    torch.testing.assert_close(gradient, expected_gradient)
