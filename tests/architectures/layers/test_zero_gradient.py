"""What a left-out module gives: nothing in the sum, a gradient of zero, and no trouble to training."""

import pytest
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from architectures.layers.zero_gradient import zero_of


def branch() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3))


def test_the_sum_is_as_it_was_and_every_gradient_is_zero():
    module, x = branch(), torch.randn(2, 3, 4, 4, requires_grad=True)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    module.register_forward_hook(lambda *_: pytest.fail("it was run"))
    y = zero_of(module) + x
    y.backward(torch.ones_like(y))
    assert torch.equal(y, x) and torch.equal(x.grad, torch.ones_like(x))
    assert all(p.grad is not None and not p.grad.any() for p in module.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())


def test_gradients_of_zero_add_to_those_of_other_uses():
    module, x = branch(), torch.randn(2, 3, 4, 4)
    (module(x) * x).sum().backward()
    expected = [p.grad.clone() for p in module.parameters()]
    module.zero_grad()
    (module(x) * x + zero_of(module)).sum().backward()
    assert all(torch.equal(p.grad, e) for p, e in zip(module.parameters(), expected, strict=True))


@pytest.mark.parametrize(("left_out", "moves"), [(zero_of, True), (lambda module: 0.0, False)])
def test_momentum_and_weight_decay_act_as_in_the_authors_code(left_out, moves):
    module, x = branch(), torch.randn(2, 3, 4, 4, requires_grad=True)
    sgd = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9, weight_decay=0.5)
    module(x).square().sum().backward()
    sgd.step()
    sgd.zero_grad()
    weight, velocity = (
        module[0].weight.detach().clone(),
        sgd.state[module[0].weight]["momentum_buffer"].clone(),
    )
    (x + left_out(module)).sum().backward()
    sgd.step()
    expected = weight - 0.1 * (0.9 * velocity + 0.5 * weight) if moves else weight
    torch.testing.assert_close(module[0].weight.detach(), expected)


class Dropped(nn.Module):
    """A branch that is left out, and a layer that isn't."""

    def __init__(self, left_out) -> None:
        super().__init__()
        self.branch, self.layer, self.left_out = branch(), nn.Conv2d(3, 3, 1), left_out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x) + self.left_out(self.branch)


@pytest.fixture
def one_process():
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def two_steps(network: nn.Module) -> None:
    parallel = DistributedDataParallel(network)
    for _ in range(2):
        parallel(torch.randn(2, 3, 4, 4)).sum().backward()


def test_data_parallel_training_waits_for_no_gradient(one_process):
    two_steps(Dropped(zero_of))
    with pytest.raises(RuntimeError, match="not used in producing loss"):
        two_steps(Dropped(lambda module: 0.0))
