"""Training on a GPU that isn't there: the host never waits for it, and nothing is left on the CPU.

Tensors that are only shapes on a device refuse to give their values, and to meet tensors of another device. Backward
passes need a real GPU.
"""

from types import SimpleNamespace

import numpy as np
import pytest
import timm.optim._helpers
import torch
from torch import nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensor, FakeTensorMode
from torch.utils._pytree import tree_leaves

from architectures import catalogue
from lightning_modules import configuration
from lightning_modules.callbacks.weight_averaging import ExponentialAverage
from lightning_modules.classifier import Classifier
from lightning_modules.data import batches, colour
from lightning_modules.data.batches import TrainBatches
from lightning_modules.data.preprocessing import Preprocessing
from lightning_modules.distillation import Teacher
from lightning_modules.optimisation import optimiser
from tests.architectures.test_all_architectures import EVERY

GPU = torch.device("cuda", 0)
MEAN, STD = (125.3, 123.0, 113.9), (63.0, 62.1, 66.7)
IMAGES, LABELS = np.zeros((24, 32, 32, 3), np.uint8), np.zeros(24, np.int64)
# The families' other stems have the same blocks.
FIRST = [(name, stem) for name, stem in EVERY if stem == catalogue()[name].stems[0]]


class Pretending(FakeTensorMode):
    """Tensors on a GPU are shapes; on the CPU they are what they always are, so that the host may draw numbers.

    `waits`: the operations that copied to the GPU and made the host wait for the end of the copy. `operations`: how
    many the host has started there.
    """

    def __init__(self) -> None:
        super().__init__(allow_non_fake_inputs=True)
        self.waits: list[str] = []
        self.operations = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        tensors = [each for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)]
        to_gpu = torch.device(kwargs.get("device") or "cpu").type == "cuda"
        if not to_gpu and not any(isinstance(each, FakeTensor) for each in tensors):
            return func(*args, **kwargs)
        copies = func is torch.ops.aten._to_copy.default and to_gpu or func is torch.ops.aten.index.Tensor
        if copies and not kwargs.get("non_blocking") and any(not each.is_cuda for each in tensors):
            self.waits.append(str(func))
        self.operations += 1
        return super().__torch_dispatch__(func, types, args, kwargs)


@pytest.fixture
def pretending():
    colour.constant.cache_clear()
    yield Pretending()
    colour.constant.cache_clear()


def moved(network: nn.Module, mode: FakeTensorMode) -> nn.Module:
    """The network with its parameters and buffers on the GPU, as shapes."""
    for module in network.modules():
        for name, own in module._parameters.items():
            if own is not None:
                there = FakeTensor(mode, own.detach().to("meta"), GPU)
                module._parameters[name] = nn.Parameter(there, requires_grad=own.requires_grad)
        for name, own in module._buffers.items():
            if own is not None:
                module._buffers[name] = FakeTensor(mode, own.to("meta"), GPU)
    return network


def classifier(name: str, dataset: str) -> Classifier:
    wanted = configuration.resolve(name, {}, dataset=dataset, budget="smoke", seed=0)
    with torch.device("meta"):  # initial weights don't matter
        return Classifier(wanted.as_dict())


def test_it_notices_what_would_wait(pretending):
    with pretending:
        values = torch.zeros(2, device=GPU)
        with pytest.raises(DataDependentOutputException):
            values.sum().item()
        with pytest.raises(RuntimeError, match="device"):
            values + torch.zeros(2)
        for wait in (
            lambda: torch.zeros(2).to(GPU),
            lambda: torch.tensor([1.0, 2.0], device=GPU),
            lambda: values[torch.tensor([0])],
        ):
            pretending.waits.clear()
            wait()
            assert pretending.waits
        pretending.waits.clear()
        torch.zeros(2).to(GPU, non_blocking=True)
        assert not pretending.waits


@pytest.mark.parametrize(
    "how", [Preprocessing(MEAN, STD), Preprocessing(None, (255.0,) * 3, padding="reflect", resolution=28)]
)
def test_batches_are_made_where_the_data_set_lives(pretending, how):
    how = how.fitted(IMAGES)
    side = how.resolution or 32
    with pretending:
        train = TrainBatches(IMAGES, LABELS, batch_size=8, seed=0, preprocessing=how, device=GPU)
        test = batches.TestBatches(IMAGES, LABELS, batch_size=8, preprocessing=how, device=GPU)
        train[1, 0]  # copies the epoch's order and crops
        pretending.waits.clear()
        for images, labels in (train[1, 1], train[1, 2], test[2]):
            assert images.device == labels.device == GPU and images.shape == (8, 3, side, side)
        assert not pretending.waits


@pytest.mark.parametrize("changes", ["none", "pca", "jitter_pca"])
def test_image_folders_are_finished_on_the_device(pretending, changes):
    with pretending:
        images = torch.zeros(2, 3, 8, 8, dtype=torch.uint8, device=GPU)
        drawn = torch.zeros(2, 7, device=GPU)
        colour.finish(images, drawn, changes, MEAN, STD)  # leaves its constants there
        pretending.waits.clear()
        assert colour.finish(images, drawn, changes, MEAN, STD).device == GPU
        assert not pretending.waits


@pytest.mark.parametrize(("name", "stem"), FIRST)
def test_a_step_of_training_waits_for_nothing(pretending, name, stem):
    module = classifier(name, {"cifar": "cifar10", "imagenet": "imagenet"}[stem])
    with pretending:
        a_step_and_an_evaluation(moved(module, pretending), pretending)


def test_a_step_with_a_teacher_waits_for_nothing(pretending):
    module, teacher = classifier("mobilenet_v1", "cifar10"), Teacher(classifier("resnet", "cifar10").network)
    with pretending:
        moved(teacher.network, pretending)
        module.teacher = teacher
        a_step_and_an_evaluation(moved(module, pretending), pretending)


@pytest.mark.parametrize("name", ["mobilenet_v3_large", "inception_v3"])
def test_the_optimiser_and_the_average_wait_for_nothing_and_take_few_operations(
    pretending, monkeypatch, name
):
    """17 and 2 operations on lists of tensors; one is a kernel for every 36 to 110 tensors, or 320 × 65,536 numbers.

    Tensor by tensor they were 1,806 and 2,445 kernels (MobileNet v3-Large), 3,020 and 4,457 (Inception v3), and the
    host waited for two of them.
    """
    # Else it asks for the size of the GPU's cache.
    monkeypatch.setattr(timm.optim._helpers, "_FOREACH_CHUNK_OVERRIDE", 0)
    module = classifier(name, "imagenet")
    recipe = module.recipe
    assert recipe.optimiser == "rmsprop" and recipe.weight_average
    average = ExponentialAverage(module, torch.device("meta"), recipe.weight_average)
    for network in (module, average.module):
        moved(network, pretending)
    with pretending:
        stepper = optimiser(module.network, recipe)
        for parameter in module.network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        for _ in range(2):
            pretending.waits.clear()
            pretending.operations = 0
            stepper.step()
            stepped = pretending.operations
            average.update_parameters(module)
            averaged = pretending.operations - stepped
            assert not pretending.waits
        assert (stepped, averaged) == (17, 2)


def a_step_and_an_evaluation(module: Classifier, mode: Pretending) -> None:
    side = module.config["resolution"]
    images, labels = torch.zeros(2, 3, side, side, device=GPU), torch.zeros(2, dtype=torch.long, device=GPU)
    module.trainer = SimpleNamespace(global_step=0, world_size=1)
    parts = module.configure_optimizers()
    module.trainer.optimizers = [parts["optimizer"]]
    mode.waits.clear()
    loss = module.training_step((images, labels), 0)
    assert loss.device == module.train_tally.sums.device == GPU
    for parameter in module.network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    parts["optimizer"].step()
    parts["lr_scheduler"]["scheduler"].step()
    module.eval()
    module.validation_step((images, labels), 0)
    assert module.test_tally.sums.device == GPU
    assert not mode.waits
