"""A run that is killed at any moment ends, by the same command, with the weights of one that never was."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent
# Dropout, so that the random state matters; the last batch of an epoch is smaller than the others.
RUN = [
    *("--arch", "densenet", "--depth", "10", "--dropout", "0.2", "--dataset", "tiny"),
    *("--budget", "paper", "--epochs", "12", "--batch-size", "24", "--no-wandb"),
]
# What has a state or a place in the training beyond SGD's: RMSProp, clipping, an exponential rate, an average.
RECIPES = {"sgd": [], "rmsprop": ["--recipe", "inception_v3_imagenet"]}


def start(folder: Path, data_dir: Path, recipe: str = "sgd") -> subprocess.Popen:
    command = [
        sys.executable,
        str(ROOT / "tests" / "tiny.py"),
        *RUN,
        *RECIPES[recipe],
        "--runs-dir",
        str(folder),
        "--data-dir",
        str(data_dir),
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, cwd=ROOT
    )


def finish(folder: Path, data_dir: Path, recipe: str = "sgd") -> str:
    process = start(folder, data_dir, recipe)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """The weights that are evaluated; of a run that averages them, the trained ones too."""
    saved = torch.load(only(folder, "*/checkpoint.ckpt"), weights_only=True)
    trained = {f"trained {name}": value for name, value in saved.get("current_model_state", {}).items()}
    return saved["state_dict"] | trained


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, data_dir) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    finish(folder, data_dir)
    return folder


@pytest.fixture(scope="module")
def undisturbed_rmsprop(tmp_path_factory, data_dir) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed_rmsprop")
    finish(folder, data_dir, "rmsprop")
    return folder


def interrupt(process: subprocess.Popen, folder: Path, how: signal.Signals, after_step: int) -> int:
    """Signal the one run below `folder` once it has trained `after_step` steps, and give its exit code."""

    def reached() -> bool:
        try:
            return json.loads(only(folder, "*/progress.json").read_text())["step"] >= after_step
        except (ValueError, OSError):
            return process.poll() is not None

    wait_until(reached)
    threading.Event().wait(random.uniform(0, 0.05))  # at any moment of a step
    process.send_signal(how)
    process.communicate(timeout=100)
    return process.returncode


@pytest.mark.parametrize("recipe", ["sgd", pytest.param("rmsprop", marks=pytest.mark.slow)])
def test_interrupted_twice_ends_with_the_same_weights(tmp_path, data_dir, request, recipe):
    undisturbed = request.getfixturevalue("undisturbed" if recipe == "sgd" else f"undisturbed_{recipe}")
    for how, after_step in ((signal.SIGKILL, 15), (signal.SIGTERM, 50)):
        code = interrupt(start(tmp_path, data_dir, recipe), tmp_path, how, after_step)
        assert code == (-signal.SIGKILL if how == signal.SIGKILL else 143)
        assert not list(tmp_path.glob("*/record.json"))
    output = finish(tmp_path, data_dir, recipe)
    assert "Going on where it was interrupted" in output

    expected, got = weights(undisturbed), weights(tmp_path)
    assert expected.keys() == got.keys()
    for name, value in expected.items():
        assert torch.equal(value, got[name]), name

    record = json.loads(only(tmp_path, "*/record.json").read_text())
    whole = json.loads(only(undisturbed, "*/record.json").read_text())
    assert record["test"] == whole["test"] and record["resumed"] == 2
    timeless = set(record["curve"]) - {"images_per_second"}
    assert {k: record["curve"][k] for k in timeless} == {k: whole["curve"][k] for k in timeless}


def test_the_same_command_again_says_that_it_is_done(data_dir, undisturbed):
    before = only(undisturbed, "*/record.json").read_bytes()
    assert "already done: test error" in finish(undisturbed, data_dir)
    assert only(undisturbed, "*/record.json").read_bytes() == before


def test_every_test_image_is_counted_once_and_the_net_has_learned(undisturbed):
    record = json.loads(only(undisturbed, "*/record.json").read_text())
    assert record["test"]["images"] == 103
    assert record["test"]["error"] < 30  # chance is 90
    assert record["curve"]["epoch"] == list(range(1, 13))
