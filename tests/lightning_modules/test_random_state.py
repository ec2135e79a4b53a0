"""Every device of a run draws its own numbers, and goes on with them on as many devices as there are now."""

import pytest
import torch

from lightning_modules.execution import random_state

CPU, GPU = torch.device("cpu"), torch.device("cuda", 1)


def drawn() -> float:
    return torch.rand(()).item()


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        yield


@pytest.fixture
def gpus(monkeypatch) -> dict:
    """The state of a GPU's generator, by device, as torch.cuda was asked to set it."""
    asked: dict = {}
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: asked.update({device: state}))
    monkeypatch.setattr(torch.cuda, "manual_seed", lambda seed: asked.update(seed=seed))
    return asked


def test_the_first_device_draws_what_the_only_one_does_and_the_others_do_not():
    expected = drawn()
    numbers = []
    for rank in range(3):
        torch.manual_seed(3)
        random_state.seed_device(CPU, 3, rank)
        numbers.append(drawn())
    assert numbers[0] == expected and len(set(numbers)) == 3


def test_one_device_goes_on_where_it_was():
    host, states = torch.get_rng_state(), {"cpu": random_state.device_states(CPU)}
    expected = drawn()
    random_state.restore(CPU, host, states, seed=3, rank=0)
    assert drawn() == expected


@pytest.mark.parametrize("devices", [1, 2, 3])
def test_a_run_of_two_devices_goes_on_on_any_number(devices):
    torch.manual_seed(10)
    host = torch.get_rng_state()
    states, expected = [], []
    for rank in range(2):
        torch.manual_seed(10 + rank)
        states.append(torch.get_rng_state())
        expected.append(drawn())
    numbers = []
    for rank in range(devices):
        random_state.restore(CPU, host, {"cpu": states}, seed=3, rank=rank)
        numbers.append(drawn())
    assert numbers[:2] == expected[:devices] and len(set(numbers)) == devices


def test_a_gpu_restores_its_own_state_alone_and_the_host_that_of_all(gpus):
    host, states = (
        torch.get_rng_state(),
        [torch.zeros(16, dtype=torch.uint8), torch.ones(16, dtype=torch.uint8)],
    )
    expected = drawn()
    random_state.restore(GPU, host, {"cuda": states}, seed=3, rank=1)
    assert list(gpus) == [GPU] and torch.equal(gpus[GPU], states[1])
    assert drawn() == expected


def test_a_gpu_that_is_new_to_the_run_is_seeded_by_its_rank(gpus):
    host = torch.get_rng_state()
    random_state.restore(GPU, host, {"cuda": [host]}, seed=3, rank=1)
    assert list(gpus) == ["seed"]
    gpus.clear()
    random_state.restore(GPU, host, {"cpu": [host]}, seed=3, rank=0)
    assert not gpus  # as if it began
