"""What trainers wrap around a network's tensors, and files that hold no weights: one line each."""

import os

import pytest
import torch
from torch import nn

from lightning_modules import weights
from lightning_modules.weights import fitting, references


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))


def state(offset: float = 0.0) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {f"layer.{name}": value + offset for name, value in network().state_dict().items()}


def under(prefix: str, tensors: dict) -> dict:
    return {f"{prefix}{name}": value for name, value in tensors.items()}


def containing_itself() -> dict:
    content = {"state_dict": state()}
    content["model"] = content
    return content


HALVES = list(state().items())[:3], list(state().items())[3:]


@pytest.mark.parametrize(
    "content",
    [
        state(),
        under("module.", state()),
        {"state_dict": under("_orig_mod.", state()), "epoch": torch.tensor(3)},
        {"model": under("module._orig_mod.model.", state()), "optimizer": {"state": {0: torch.ones(2)}}},
        {"net": {"network": under("model.", state())}},
        {"state_dict": {name.replace("layer.", "layer._orig_mod."): v for name, v in state().items()}},
        {"state_dict": under("module.", dict(HALVES[0])) | dict(HALVES[1])},
        {"state_dict": under("model.", dict(HALVES[0])) | dict(HALVES[1])},
        {"n_averaged": torch.tensor(5), **under("module.", state())},
        state() | {"layer.0.total_ops": torch.ones(1), "total_params": torch.ones(1)},
        {"state_dict": under("model.", state()) | {"criterion.weight": torch.ones(2)}},
        {"mine": state(), "optimizer": {"momentum": torch.ones(3)}},
        {"state_dict": state(), 7: torch.ones(2)},
        containing_itself(),
    ],
)
def test_the_network_is_found_under_its_wrappers(tmp_path, content):
    torch.save(content, tmp_path / "w.pth")
    found = weights.read(tmp_path / "w.pth")
    assert found.tensors.keys() == state().keys() and not found.notes
    assert all(torch.equal(found.tensors[name], value) for name, value in state().items())


@pytest.mark.parametrize(
    "content",
    [
        {"state_dict_ema": state(1.0), "state_dict": state()},
        {"state_dict": under("ema_model.module.", state(1.0)) | under("model.", state())},
        {"ema": {"module": state(1.0)}, "model": state()},
    ],
)
def test_of_an_average_and_the_weights_themselves_it_is_said_which_was_taken(tmp_path, content):
    torch.save(content, tmp_path / "w.pth")
    taken = weights.read(tmp_path / "w.pth")
    assert torch.equal(taken.tensors["layer.0.weight"], state()["layer.0.weight"])
    assert "holds several networks" in taken.notes[0] and "was taken (--weights-key" in taken.notes[0]
    other = taken.notes[0].rpartition("--weights-key ")[2].split()[0]
    average = weights.read(tmp_path / "w.pth", other)
    assert torch.equal(average.tensors["layer.0.weight"], state(1.0)["layer.0.weight"]) and not average.notes
    with pytest.raises(ValueError, match="has no --weights-key none; it has"):
        weights.read(tmp_path / "w.pth", "none")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "a Git LFS pointer; .*git lfs pull"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
        (b"<HTML><body>404", "a web page"),
        (b"", "is empty"),
        (b"PK\3\4 the rest is lost", "is damaged"),
        (b"hello", "is no file of weights|holds more than tensors"),
    ],
)
def test_what_is_no_file_of_weights_is_named_by_its_first_bytes(tmp_path, content, told):
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(ValueError, match=rf"w\.pth .*({told})") as error:
        weights.read(tmp_path / "w.pth")
    assert "\n" not in str(error.value) and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("content", [{1: torch.ones(2)}, [torch.ones(2)], torch.ones(2), {"a": {}}])
def test_content_without_a_state_dict_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(ValueError, match="holds no state dict"):
        weights.read(tmp_path / "w.pth")


def test_fifos_and_folders_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "w.pth")
    for path in (tmp_path / "w.pth", tmp_path):
        with pytest.raises(ValueError, match="is no regular file"):
            weights.read(path)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (torch.tensor(float("nan")), "holds numbers that aren't finite"),
        (torch.tensor(float("inf")), "holds numbers that aren't finite"),
        (torch.tensor(1, dtype=torch.int8), "holds int8; save it as dense float32"),
        (torch.tensor(1j), "holds complex64"),
    ],
)
def test_what_is_no_finite_real_number_is_refused(value, told):
    given = references.evaluated(network().state_dict())
    given["3.bias"] = value.expand(2)
    with pytest.raises(ValueError, match=f"file: 3.bias {told}"):
        fitting.paired(network(), given, "file")
    given["3.bias"] = torch.ones(2, dtype=torch.bfloat16)
    assert fitting.paired(network(), given, "file")
