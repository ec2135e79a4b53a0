"""That a file fits is no proof of the same function: names tell whose code it is, and outputs are compared."""

import pytest
import pytorch_lightning as pl
import timm
import torch
import torchvision
from safetensors.torch import save_file
from torch.utils.data import DataLoader

import architectures
from lightning_modules import weights
from lightning_modules.callbacks.batch_norm_check import BatchNormCheck
from lightning_modules.configuration import Configuration, resolve
from lightning_modules.data.catalogue import DATASETS
from tests import image_folder

pytestmark = pytest.mark.usefixtures("few_references")


def trained(network: torch.nn.Module) -> torch.nn.Module:
    """With variances that are no defaults, and logits that depend on the image."""
    torch.manual_seed(0)
    for name, value in network.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
    return network.eval()


@pytest.fixture
def resolved(tmp_path, monkeypatch):
    """Configurations on a data set of four classes."""
    monkeypatch.delitem(DATASETS, "image_folder", raising=False)
    image_folder.install(tmp_path, val=1)
    yield lambda arch, **knobs: resolve(arch, knobs, dataset="image_folder", budget="paper", seed=0)
    del DATASETS["image_folder"]


def fitted(wanted: Configuration, given: torch.nn.Module, folder, name: str = "w.pth") -> weights.Fit:
    (save_file if name.endswith("safetensors") else torch.save)(given.state_dict(), folder / name)
    return weights.fit(wanted.build(), weights.read(folder / name), wanted)


def test_another_function_of_the_same_shapes_is_refused_with_the_knob_that_decides(tmp_path, resolved):
    given = trained(torchvision.models.resnet50(num_classes=4))
    with pytest.raises(
        ValueError, match="names of torchvision's resnet50 .*, which is another .*; add --stride-in 3x3"
    ):
        fitted(resolved("resnet", depth=50), given, tmp_path)
    notes = fitted(resolved("resnet", depth=50, stride_in="3x3"), given, tmp_path).notes
    assert "has the names of torchvision's resnet50, whose outputs agree" in notes[-1]


def test_the_epsilon_of_the_files_code_is_taken_over(tmp_path, resolved):
    given = trained(torchvision.models.mobilenet_v3_small(num_classes=4))
    wanted = resolved("mobilenet_v3_small")
    fit, network = fitted(wanted, given, tmp_path), wanted.build()
    fit.load_into(network)
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert {norm.eps for norm in norms} == {1e-3} and "taken over: 0.001" in fit.notes[-1]
    images = torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(images), given(images), atol=1e-4, rtol=1e-4)


@pytest.mark.slow  # 43 and 56 million parameters
@pytest.mark.parametrize("arch", ["inception_v4", "inception_resnet_v2_tf"])
def test_the_epsilon_of_timms_inceptions_is_taken_over(tmp_path, resolved, few_references, arch):
    theirs = arch.removesuffix("_tf")
    few_references.setattr(timm, "list_models", lambda: [theirs])
    given = trained(timm.create_model(theirs, num_classes=4))
    wanted = resolved(arch)
    fit, network = fitted(wanted, given, tmp_path), wanted.build()
    fit.load_into(network)
    assert {m.eps for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)} == {1e-3}
    images = torch.randn(2, 3, 299, 299)
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(images), given(images), atol=1e-4, rtol=1e-4)


def test_the_alphabetical_order_of_safetensors_is_put_right(tmp_path, resolved):
    given = trained(timm.create_model("resnet18", num_classes=4))
    wanted, network = resolved("resnet", depth=18), resolved("resnet", depth=18).build()
    fitted(wanted, given, tmp_path, "w.safetensors").load_into(network)
    images = torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(images), given(images), atol=1e-4, rtol=1e-4)


def test_an_alphabetical_order_under_unknown_names_is_refused(tmp_path, resolved):
    state = timm.create_model("resnet18", num_classes=4).state_dict()
    save_file({f"trunk.{name}": value for name, value in state.items()}, tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match="alphabetical order"):
        weights.fit(resolved("resnet", depth=18).build(), weights.read(tmp_path / "w.safetensors"))


@pytest.mark.parametrize(
    ("of", "into"),
    [
        ({"arch": "preact_resnet", "block": "basic"}, {"arch": "resnet"}),
        ({"arch": "preact_resnet", "block": "basic"}, {"arch": "plain"}),
    ],
)
def test_weights_of_another_network_of_this_project_are_refused(tmp_path, of, into):
    def wanted(arch: str, **knobs) -> Configuration:
        return resolve(arch, {"depth": 20, **knobs}, dataset="cifar10", budget="smoke", seed=0)

    for source, target in ((of, into), (into, of)):
        with pytest.raises(
            ValueError, match=f"the names of this project's .*{source['arch']}.*another function"
        ):
            fitted(wanted(**target), trained(wanted(**source).build()), tmp_path)


def test_unknown_names_are_said_to_be_fitted_by_order(tmp_path, resolved, few_references):
    few_references.undo()
    wanted = resolved("resnet", depth=18)
    state = {f"trunk.{name}": value for name, value in wanted.build().state_dict().items()}
    torch.save(state, tmp_path / "w.pth")
    fit = weights.fit(wanted.build(), weights.read(tmp_path / "w.pth"), wanted)
    assert "w.pth was fitted by order" in fit.notes[-1] and not fit.by_name


class Seen(pl.LightningModule):
    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def test_step(self, images: torch.Tensor, batch_idx: int) -> None:
        self.network(images)


def misfit(network: torch.nn.Module, images: torch.Tensor) -> str | None:
    check = BatchNormCheck()
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = pl.Trainer(accelerator="cpu", callbacks=[check], enable_checkpointing=False, **quiet)
    trainer.test(Seen(network), DataLoader(images, batch_size=16), verbose=False)
    return check.misfit


@pytest.mark.filterwarnings("ignore")
def test_statistics_tell_another_function_and_another_input_of_the_same_names():
    """A plain network and a residual one have the same names and shapes; only what the layers see tells them apart."""
    shape = {"stem": "cifar", "num_classes": 10, "depth": 20}
    torch.manual_seed(0)
    images = torch.randn(160, 3, 32, 32)
    network, other = architectures.build("resnet", **shape), architectures.build("plain", **shape)
    for norm in network.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.momentum = None  # the running statistics are then exact
    with torch.no_grad():
        network.train()(images)
    other.load_state_dict(network.state_dict())
    assert misfit(network, images) is None
    assert "of another network" in misfit(other, images)
    assert "times the variance" in misfit(network, images * 4)
