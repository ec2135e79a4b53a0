"""Whole runs on an image folder: through run.py, interrupted, and on real images where they are at hand."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lightning_modules import configuration, training
from lightning_modules.configuration import Run
from lightning_modules.data.catalogue import DATASETS, FolderDataset
from lightning_modules.execution.machine import Machine
from tests import image_folder
from tests.test_resume import interrupt, weights

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("SHARED_DIR", ROOT.parent / "shared"))
RUN = ["--dataset", "image_folder", "--arch", "mobilenet_v1", "--width-mult", "0.25", "--no-wandb"]
RUN += ["--budget", "smoke", "--batch-size", "8", "--accelerator", "cpu"]


def start(folder: Path, *argv: str) -> subprocess.Popen:
    command = [sys.executable, str(ROOT / "tests" / "image_folder.py"), *argv]
    command += ["--data-dir", str(folder / "data"), "--runs-dir", str(folder / "runs")]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, cwd=folder, env=environment, **pipes)


def run(folder: Path, *argv: str) -> subprocess.CompletedProcess:
    process = start(folder, *argv)
    output, errors = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def record(folder: Path) -> dict:
    (found,) = folder.glob("runs/*/record.json")
    return json.loads(found.read_text())


def test_a_run_leaves_a_record_and_its_checkpoint_evaluates_to_the_same(tmp_path):
    done = run(tmp_path, *RUN)
    assert done.returncode == 0, done.stderr
    made = record(tmp_path)
    assert made["test"]["images"] == 12 and made["config"]["resolution"] == 96
    assert made["budget_spent"]["train_images"] == 22 and made["curve_test_images"] == 6
    (checkpoint,) = tmp_path.glob("runs/*/checkpoint.ckpt")
    done = run(tmp_path, *RUN, "--evaluate", "--weights", str(checkpoint))
    assert done.returncode == 0, done.stderr
    test = made["test"]
    assert f"top-1 error {test['error']:.2f} % ({test['errors']} of 12 images)" in done.stdout
    assert f"top-5 error 0.00 % ({test['top5_errors']} of 12 images)" in done.stdout


def test_a_run_is_evaluated_by_the_protocols_asked_for_and_by_hand_the_same(tmp_path):
    done = run(tmp_path, *RUN, "--evaluation", "ten_crop", "dense")
    assert done.returncode == 0, done.stderr
    made = record(tmp_path)
    assert list(made["evaluations"]) == ["ten_crop", "dense"]
    assert "Evaluated beside the test: ten crops, dense; about" in done.stdout
    plain = run(tmp_path, *RUN)
    assert (
        "already done" in plain.stdout and "dense: error" in plain.stdout
    )  # the same training, the same run
    more = run(tmp_path, *RUN, "--evaluation", "dense_three_sizes")
    assert "wasn't evaluated by dense, three sizes: move its record.json away" in more.stdout
    (checkpoint,) = tmp_path.glob("runs/*/checkpoint.ckpt")
    for name, counted in made["evaluations"].items():
        assert counted["images"] == 12
        done = run(tmp_path, *RUN, "--evaluate", "--weights", str(checkpoint), "--evaluation", name)
        assert done.returncode == 0, done.stderr
        assert f"top-1 error {counted['error']:.2f} % ({counted['errors']} of 12 images)" in done.stdout


def test_stopped_while_it_is_evaluated_it_goes_on_to_the_same_record(tmp_path):
    asked = [*RUN, "--evaluation", "crops_150"]
    process = start(tmp_path, *asked)
    assert process.stdout
    for line in process.stdout:
        if line.startswith("evaluating by 150 crops"):
            process.send_signal(signal.SIGTERM)
    assert process.wait() == 143 and not list(tmp_path.glob("runs/*/record.json"))
    done = run(tmp_path, *asked)
    assert done.returncode == 0, done.stderr
    made = record(tmp_path)
    assert made["evaluations"]["crops_150"]["images"] == 12 and made["resumed"] == 1


def test_a_finished_run_is_evaluated_by_more_protocols_without_training_it_again(tmp_path):
    assert run(tmp_path, *RUN).returncode == 0
    (path,) = tmp_path.glob("runs/*/record.json")
    before = record(tmp_path)
    path.rename(tmp_path / "before.json")
    done = run(tmp_path, *RUN, "--evaluation", "ten_crop")
    assert done.returncode == 0 and "epoch   " not in done.stdout
    after = record(tmp_path)
    assert list(after["evaluations"]) == ["ten_crop"]
    assert all(after[name] == before[name] for name in ("run_id", "curve", "test"))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--arch", "alexnet", "--evaluation", "dense"], "alexnet has fully connected layers for one size"),
        (
            ["--arch", "squeezenet", "--evaluation", "ten_crop", "ten_crop"],
            "evaluation names 'ten_crop' twice",
        ),
        (["--arch", "squeezenet", "--evaluation", "two_crops"], "invalid choice: 'two_crops'"),
        (["--arch", "resnet", "--dataset", "cifar10", "--evaluation", "ten_crop"], "has images of one size"),
    ],
)
def test_evaluations_that_cannot_be_made_are_refused_before_anything_is_trained(
    tmp_path, arguments, complaint
):
    done = run(tmp_path, "--dataset", "image_folder", "--no-wandb", *arguments)
    assert done.returncode == 2 and complaint in done.stderr and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_workers_change_no_bit_of_the_result(tmp_path):
    for name, workers in (("alone", "0"), ("shared", "2")):
        (tmp_path / name).mkdir()
        done = run(tmp_path / name, *RUN, "--workers", workers)
        assert done.returncode == 0, done.stderr
    alone, shared = weights(tmp_path / "alone" / "runs"), weights(tmp_path / "shared" / "runs")
    assert all(torch.equal(value, shared[name]) for name, value in alone.items())
    assert record(tmp_path / "alone")["test"] == record(tmp_path / "shared")["test"]


@pytest.mark.slow
def test_interrupted_within_an_epoch_it_ends_with_the_same_weights(tmp_path):
    # Three batches an epoch, which worker processes prepare ahead of the training.
    longer = [*RUN, "--epochs", "6", "--workers", "2"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        folder.mkdir()
    done = run(whole, *longer)
    assert done.returncode == 0, done.stderr
    for how, after_step in ((signal.SIGKILL, 4), (signal.SIGTERM, 8)):
        code = interrupt(start(broken, *longer), broken / "runs", how, after_step)
        assert code == (-signal.SIGKILL if how == signal.SIGKILL else 143)
    done = run(broken, *longer)
    assert done.returncode == 0, done.stderr
    expected, got = weights(whole / "runs"), weights(broken / "runs")
    assert all(torch.equal(value, got[name]) for name, value in expected.items())
    assert record(broken)["test"] == record(whole)["test"] and record(broken)["resumed"] == 2


def test_broken_files_stop_the_run_in_one_line(tmp_path):
    image_folder.write(tmp_path / "data" / "image_folder")
    for i in range(3):
        (
            tmp_path / "data" / "image_folder" / "train" / image_folder.CLASSES[0] / f"train_{i:03d}.JPEG"
        ).write_bytes(b"")
    done = run(tmp_path, *RUN)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    (told,) = [line for line in done.stderr.splitlines() if line.startswith("run.py: ")]
    assert "of 22 images are broken, more than one in a thousand" in told
    assert not list(tmp_path.glob("runs/*/record.json"))


# Real images: Imagenette, 200 + 100 of each class, squashed to 224 by its publisher


@pytest.fixture
def imagenette_cut(tmp_path, monkeypatch):
    packs = SHARED / "data" / "imagenette224"
    if not packs.is_dir():
        pytest.skip("needs ../shared/data/imagenette224 (or SHARED_DIR)")
    for split, pack in (("train", "train200.npz"), ("val", "val100.npz")):
        unpack = [sys.executable, SHARED / "data" / "unpack.py", "images", packs / pack]
        subprocess.run([*unpack, tmp_path / "data" / "cut" / split], check=True)
    cut = FolderDataset(
        name="imagenette_cut",
        title="Imagenette, cut",
        classes=10,
        train_images=2000,
        test_images=1000,
        folder="cut",
    )
    monkeypatch.setitem(DATASETS, "imagenette_cut", cut)
    return tmp_path


@pytest.mark.slow
def test_mobilenet_learns_from_real_images_in_an_epoch(imagenette_cut):
    wanted = configuration.resolve(
        "mobilenet_v1",
        {"width_mult": 0.25},
        dataset="imagenette_cut",
        budget="smoke",
        seed=0,
        recipe="fb_resnet_imagenet",
        epochs=1,
        changes={"batch_size": 16, "lr": 0.02},  # 125 steps are too few for the recipe's rate
    )
    (imagenette_cut / "run").mkdir()
    machine = Machine(accelerator="cpu", data_dir=imagenette_cut / "data", wandb=False)
    made = training.train(Run(wanted), imagenette_cut / "run", machine)
    assert made["test"]["images"] == 1000 and made["budget_spent"]["train_images"] == 2000
    assert made["test"]["error"] < 85  # chance is 90


@pytest.mark.slow
def test_a_step_of_resnext_50_on_real_images(imagenette_cut):
    from lightning_modules.classifier import Classifier
    from lightning_modules.data import data_module

    wanted = configuration.resolve(
        "resnext", {}, dataset="imagenette_cut", budget="smoke", seed=0, changes={"batch_size": 8}
    )
    assert wanted.knobs["depth"] == 50 and wanted.resolution == 224
    torch.manual_seed(0)
    data = data_module(wanted, Machine(data_dir=imagenette_cut / "data"))
    data.setup()
    data.trainer = type("Training", (), {"training": True})()
    images, labels = data.on_after_batch_transfer(data.train_batches[0, 0], 0)
    assert images.shape == (8, 3, 224, 224) and images.is_contiguous(memory_format=torch.channels_last)
    network = Classifier(wanted.as_dict()).network
    sgd = torch.optim.SGD(network.parameters(), lr=0.01)
    losses = []
    for _ in range(2):
        loss = torch.nn.functional.cross_entropy(network(images), labels)
        sgd.zero_grad()
        loss.backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
        sgd.step()
        losses.append(loss.item())
    assert losses[1] < losses[0]
