"""Weights from files: names that differ, wrappers and prefixes, and files that don't fit, refused in one line."""

import argparse
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from torch import nn

import architectures
from lightning_modules import weights
from lightning_modules.weights import fitting, references

pytestmark = pytest.mark.usefixtures("few_references")


def built(arch: str, stem: str = "imagenet", classes: int = 10, **knobs) -> nn.Module:
    return architectures.build(arch, stem=stem, num_classes=classes, **knobs)


def restless(network: nn.Module) -> nn.Module:
    """With running statistics that are no defaults."""
    torch.manual_seed(0)
    for name, value in network.state_dict().items():
        if "running" in name:
            value.uniform_(0.5, 1.5)
    return network.eval()


@pytest.mark.parametrize(
    ("theirs", "arch", "knobs"),
    [
        (lambda: torchvision.models.resnet18(num_classes=10), "resnet", {"depth": 18}),
        (lambda: torchvision.models.resnet50(num_classes=10), "resnet", {"depth": 50, "stride_in": "3x3"}),
        (lambda: torchvision.models.mobilenet_v2(num_classes=10), "mobilenet_v2", {}),
        (lambda: torchvision.models.squeezenet1_1(num_classes=10), "squeezenet", {"version": "1.1"}),
        (lambda: timm.create_model("resnext50_32x4d", num_classes=10), "resnext", {"depth": 50}),
        (lambda: torchvision.models.densenet121(num_classes=10), "densenet_bc", {"depth": 121}),
    ],
    ids=["resnet18", "resnet50", "mobilenet_v2", "squeezenet", "resnext50", "densenet121"],
)
def test_the_same_logits_as_the_network_of_the_file(tmp_path, theirs, arch, knobs):
    theirs = restless(theirs())
    path = tmp_path / "weights.pth"
    torch.save(theirs.state_dict(), path)
    ours = built(arch, **knobs)
    weights.load(ours, path)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours.eval()(images), theirs(images), atol=1e-4, rtol=1e-4)


RESNET = {"stem": "cifar", "depth": 8}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "best_prec1": 91.7},
        lambda state: {"model": {f"module.{name}": value for name, value in state.items()}},
        lambda state: {"state_dict": {f"network.{name}": value for name, value in state.items()}, "epoch": 3},
        lambda state: {name: value for name, value in state.items() if "num_batches" not in name},
        lambda state: {f"layer{i}": value for i, value in enumerate(state.values()) if value.ndim},
    ],
    ids=["plain", "wrapped", "module", "ours", "old-files", "other-names"],
)
def test_wrappers_prefixes_and_names(tmp_path, wrap):
    source, path = restless(built("resnet", **RESNET)), tmp_path / "weights.pth"
    torch.save(wrap(source.state_dict()), path)
    target = built("resnet", **RESNET)
    weights.load(target, path)
    for name, value in source.state_dict().items():
        assert "num_batches" in name or torch.equal(target.state_dict()[name], value)


def test_safetensors(tmp_path):
    from safetensors.torch import save_file

    source = restless(built("resnet", **RESNET))
    save_file(source.state_dict(), tmp_path / "weights.safetensors")
    target = built("resnet", **RESNET)
    weights.load(target, tmp_path / "weights.safetensors")
    assert torch.equal(target.conv1[0].weight, source.conv1[0].weight)


def test_names_that_agree_are_taken_in_any_order():
    source = restless(built("resnet", **RESNET)).state_dict()
    turned = dict(reversed(references.evaluated(source).items()))
    fitted = fitting.paired(built("resnet", **RESNET), turned, "file")
    assert all(torch.equal(value, source[name]) for name, value in fitted.items())


def test_auxiliary_classifiers_are_left_out():
    state = restless(built("resnet", **RESNET)).state_dict()
    with_heads = {"aux1.fc.weight": torch.ones(3), **state, "AuxLogits.conv.weight": torch.ones(2)}
    file = weights.WeightsFile("file", with_heads, None)
    assert weights.fit(built("resnet", **RESNET), file).tensors.keys() == {
        name for name in state if "num_batches" not in name
    }


def test_the_first_tensor_that_does_not_fit_is_named():
    given = references.evaluated(torchvision.models.resnet18(num_classes=10).state_dict())
    with pytest.raises(ValueError, match=r"resnet18.pth does not fit this network: ") as error:
        fitting.paired(built("resnet", depth=50), given, "resnet18.pth")
    assert "conv2_x.1.branch.0.weight (64×64×1×1) would be layer1.0.conv1.weight (64×64×3×3)" in str(
        error.value
    )
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match=r"classifier.2.weight \(10×512\) would be fc.weight \(1000×512\)"):
        fitting.paired(
            built("resnet", depth=18),
            references.evaluated(torchvision.models.resnet18().state_dict()),
            "file",
        )
    short = dict(list(given.items())[:-1])
    with pytest.raises(ValueError, match=r"classifier.2.bias \(10\) would be nothing of"):
        fitting.paired(built("resnet", depth=18), short, "file")
    with pytest.raises(ValueError, match=r"nothing would be more \(2\)"):
        fitting.paired(built("resnet", depth=18), {**given, "more": torch.ones(2)}, "file")


class Unwelcome:
    """Its unpickling would leave a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_files_that_are_none_are_refused_in_one_line_and_run_no_code(tmp_path):
    def refused(name: str) -> str:
        with pytest.raises(ValueError, match=name) as error:
            weights.read(tmp_path / name)
        assert "\n" not in str(error.value)
        return str(error.value)

    assert "cannot read" in refused("nothing.pth")
    (tmp_path / "text.pth").write_text("hello")
    refused("text.pth")
    (tmp_path / "text.safetensors").write_text("hello")
    refused("text.safetensors")
    torch.save({"state": Unwelcome(tmp_path / "touched")}, tmp_path / "evil.pth")
    assert "holds more than tensors, or is damaged" in refused("evil.pth")
    assert not (tmp_path / "touched").exists()
    torch.save({"args": argparse.Namespace(lr=1), "state_dict": {"a": torch.ones(1)}}, tmp_path / "args.pth")
    assert "save its state dict alone" in refused("args.pth")
    torch.save({"epoch": 3}, tmp_path / "empty.pth")
    assert "holds no state dict" in refused("empty.pth")
    torch.save({"a": torch.ones(1000)}, tmp_path / "cut.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "cut.pth").read_bytes()[:2000])
    refused("cut.pth")
