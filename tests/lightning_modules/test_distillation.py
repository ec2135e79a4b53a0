"""Distillation: the loss of a case worked by hand, a teacher that only answers, and which teacher a run has."""

import json
import math
import os
import shutil
import signal
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from lightning_modules import configuration, distillation, training
from lightning_modules.budgets import BUDGETS
from lightning_modules.classifier import Classifier
from lightning_modules.configuration import Configuration, Run
from lightning_modules.data.catalogue import DATASETS
from lightning_modules.execution.machine import Machine
from lightning_modules.recipes import RECIPES
from sweeps import study as studies
from tests import tiny

pytestmark = pytest.mark.filterwarnings("ignore")
STUDENT, TEACHER = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 4 * math.log(3)]])


# The loss


def test_a_case_worked_by_hand():
    """At T = 4 the teacher says 1/4 and 3/4, the student σ(1/2) and σ(-1/2)."""
    first, second = 1 / (1 + math.exp(-0.5)), 1 / (1 + math.exp(0.5))
    expected = -16 * (math.log(first) / 4 + 3 * math.log(second) / 4)
    assert distillation.soft_loss(STUDENT, TEACHER, 4.0).item() == pytest.approx(expected, rel=1e-6)


def test_its_gradient_is_that_of_equation_2_times_t_squared():
    logits = STUDENT.clone().requires_grad_()
    distillation.soft_loss(logits, TEACHER, 4.0).backward()
    difference = 1 / (1 + math.exp(-0.5)) - 1 / 4  # q - p of the first class; dC/dz = (q - p) / T
    assert logits.grad[0].tolist() == pytest.approx([4 * difference, -4 * difference], rel=1e-5)


def test_at_high_temperatures_it_matches_logits():
    """Section 2.1, Equation 4: (z - v) / (N T²) for logits of mean zero, here times T²."""
    torch.manual_seed(0)
    own, theirs = torch.randn(2, 8, 5)
    own, theirs = own - own.mean(1, keepdim=True), theirs - theirs.mean(1, keepdim=True)
    own.requires_grad_()
    distillation.soft_loss(own, theirs, 1e3).backward()
    torch.testing.assert_close(own.grad, (own.detach() - theirs) / 5 / 8, atol=1e-4, rtol=1e-2)


# Configurations


def resolved(arch="resnet", budget="paper", dataset="cifar10", **options) -> Configuration:
    return configuration.resolve(arch, {"depth": 8}, dataset=dataset, budget=budget, seed=0, **options)


def distilled(teacher, soft_weight=0.9, temperature=4, **changes) -> Configuration:
    changes |= {"soft_weight": soft_weight, "temperature": temperature}
    return resolved("plain", teacher=teacher, changes=changes)


def test_a_run_is_named_by_its_teacher_weight_and_temperature():
    teacher, other = resolved(), resolved(changes={"lr": 0.05})
    runs = [
        distilled(teacher),
        distilled(other),
        distilled(teacher, soft_weight=0.5),
        distilled(teacher, temperature=2),
        resolved("plain"),
    ]
    assert len({run.run_id for run in runs}) == 5
    again = Configuration(**json.loads(json.dumps(runs[0].as_dict())))
    assert again.run_id == runs[0].run_id and Configuration(**again.teacher).run_id == teacher.run_id
    renamed = replace(runs[0], teacher=runs[0].teacher | {"recipe_name": "another"})
    assert renamed.run_id == runs[0].run_id


def test_a_run_without_a_teacher_says_nothing_of_teachers():
    plain = resolved()
    assert "teacher" not in plain.as_dict()
    assert not {"soft_weight", "temperature"} & set(plain.recipe)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: resolved(changes={"soft_weight": 0.5}), "name the teacher"),
        (lambda: resolved(changes={"temperature": 4}), "name the teacher"),
        (lambda: resolved(teacher=resolved()), "soft weight must be above 0 where there"),
        (lambda: distilled(resolved(), soft_weight=1.5), "soft_weight must be from 0 to 1, not 1.5"),
        (lambda: distilled(resolved(), temperature=0), "temperature must be above 0, not 0.0"),
        (lambda: distilled(resolved(dataset="cifar100")), "trained with data set cifar100, and would be"),
        (lambda: distilled(resolved(resolution=24)), "trained with resolution 24"),
        (lambda: distilled(resolved(), normalisation="mean"), "normalisation pixel_mean, .* shown mean"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(make, complaint):
    with pytest.raises(ValueError, match=complaint) as error:
        make()
    assert "\n" not in str(error.value)


# Training


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(studies, "FOLDER", studies.FOLDER)
        patch.setitem(BUDGETS, "smoke", BUDGETS["smoke"])
        patch.setitem(RECIPES, "diverging", None)
        patch.setitem(DATASETS, "tiny", None)
        tiny.install(folder)
        yield folder


@pytest.fixture(scope="module")
def taught(data_dir) -> Configuration:
    return small("resnet", epochs=1)


@pytest.fixture(scope="module")
def teacher(data_dir, taught):
    """The folder of a finished run, on which nothing is written."""
    return run(taught, data_dir / "teacher", data_dir)


def run(wanted: Configuration, folder, data_dir, teacher=None):
    folder.mkdir(exist_ok=True)
    machine = Machine(accelerator="cpu", data_dir=data_dir, wandb=False)
    training.train(Run(wanted), folder, machine, teacher=teacher)
    return folder


def weights(folder) -> dict[str, torch.Tensor]:
    return torch.load(folder / "checkpoint.ckpt", weights_only=True)["state_dict"]


def small(arch, epochs=2, teacher=None, **changes) -> Configuration:
    changes |= {"batch_size": 40}
    return resolved(arch, dataset="tiny", budget="smoke", epochs=epochs, teacher=teacher, changes=changes)


def test_a_distilled_run_is_resumed_bit_for_bit_and_leaves_its_teacher_alone(
    tmp_path, data_dir, taught, teacher, monkeypatch
):
    before = (teacher / "checkpoint.ckpt").read_bytes()
    wanted = small("plain", teacher=taught, soft_weight=0.5, temperature=4, weight_average=0.99)
    whole = run(wanted, tmp_path / "whole", data_dir, teacher)
    step = Classifier.training_step

    def interrupted(module, batch, batch_idx):
        if module.trainer.global_step == 4 and not module.resumed:  # the second of three in the second epoch
            os.kill(os.getpid(), signal.SIGTERM)
        return step(module, batch, batch_idx)

    monkeypatch.setattr(Classifier, "training_step", interrupted)
    with pytest.raises(training.Terminated):
        run(wanted, tmp_path / "interrupted", data_dir, teacher)
    resumed = run(wanted, tmp_path / "interrupted", data_dir, teacher)
    expected, got = weights(whole), weights(resumed)
    assert expected.keys() == got.keys() == {f"network.{n}" for n in wanted.build().state_dict()}
    assert all(torch.equal(value, got[name]) for name, value in expected.items())
    assert json.loads((resumed / "record.json").read_text())["resumed"] == 1
    assert (teacher / "checkpoint.ckpt").read_bytes() == before


def test_one_step_follows_both_losses_and_teaches_the_teacher_nothing(taught, teacher):
    wanted = small("plain", teacher=taught, soft_weight=0.75, temperature=2)
    module = Classifier(wanted.as_dict())
    module.teacher = distillation.load(taught, teacher)
    module.trainer = SimpleNamespace(global_step=0, world_size=1)
    module.trainer.optimizers = [torch.optim.SGD(module.parameters(), lr=0.1)]
    images, labels = torch.randn(4, 3, 32, 32), torch.tensor([0, 1, 2, 3])
    before = {name: value.clone() for name, value in module.teacher.network.state_dict().items()}
    loss = module.train().training_step((images, labels), 0)
    loss.backward()
    logits, theirs = module(images), module.teacher(images)
    hard = torch.nn.functional.cross_entropy(logits, labels)
    soft = -((theirs / 2).softmax(1) * (logits / 2).log_softmax(1)).sum(1).mean()
    assert loss.item() == pytest.approx((0.25 * hard + 0.75 * 4 * soft).item(), rel=1e-5)
    assert all(torch.equal(v, before[n]) for n, v in module.teacher.network.state_dict().items())
    assert all(parameter.grad is None for parameter in module.teacher.network.parameters())
    assert not any("teacher" in name for name, _ in module.named_modules())


def test_loading_a_teacher_draws_no_random_numbers_and_gives_the_trained_network(taught, teacher):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    loaded = distillation.load(taught, teacher)
    assert torch.equal(torch.get_rng_state(), before)
    trained = {name.removeprefix("network."): value for name, value in weights(teacher).items()}
    own = loaded.network.state_dict()
    assert all(torch.equal(value, trained[name]) for name, value in own.items() if "num_b" not in name)


def test_a_missing_or_wrong_teacher_is_refused_in_one_line(tmp_path, taught, teacher):
    def refused(wanted: Configuration, where, complaint: str) -> None:
        with pytest.raises(ValueError, match=complaint) as error:
            distillation.load(wanted, where)
        assert "\n" not in str(error.value)

    refused(taught, tmp_path / "nowhere", "nowhere holds no finished run")
    other = small("plain", epochs=1)
    refused(other, teacher, f"holds run {taught.run_id}, and the teacher is run {other.run_id}")
    shutil.copytree(teacher, tmp_path / "lost")
    (tmp_path / "lost" / "checkpoint.ckpt").unlink()
    refused(taught, tmp_path / "lost", "has lost its checkpoint.ckpt; delete it to train the teacher again")
    shutil.copytree(teacher, tmp_path / "damaged")
    (tmp_path / "damaged" / "checkpoint.ckpt").write_bytes(b"no checkpoint")
    refused(taught, tmp_path / "damaged", "checkpoint.ckpt")
    (tmp_path / "damaged" / "record.json").write_text("{}")
    refused(taught, tmp_path / "damaged", "record.json is damaged")
    forged = json.loads((teacher / "record.json").read_text()) | {"seed": 7}
    (tmp_path / "damaged" / "record.json").write_text(json.dumps(forged))
    refused(taught, tmp_path / "damaged", r"record.json is damaged \(its seed is 7")
