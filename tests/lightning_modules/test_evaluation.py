"""Given weights evaluated: what is averaged, that every image counts once, and the errors of published weights."""

import os
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

import architectures
from lightning_modules import budgets, configuration, evaluation, evaluator, training, weights
from lightning_modules.configuration import Run
from lightning_modules.data import crops, folders
from lightning_modules.data.catalogue import DATASETS, find
from lightning_modules.data.decoding import read_image
from lightning_modules.data.preprocessing import EvaluationProtocol
from lightning_modules.execution.machine import Machine
from sweeps import study
from tests import image_folder, tiny

SHARED = Path(os.environ.get("SHARED_DIR", Path(__file__).parents[3] / "shared"))
WEIGHTS, SUBSET = SHARED / "weights", SHARED / "data" / "imagenet-val-subset" / "val"
NORMALISED = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def folder_dataset(tmp_path, monkeypatch):
    monkeypatch.delitem(DATASETS, "image_folder", raising=False)
    yield image_folder.install(tmp_path, val=1)
    del DATASETS["image_folder"]


def resolved(arch, knobs, dataset="image_folder", **options):
    return configuration.resolve(arch, knobs, dataset=dataset, budget="paper", seed=0, **options)


def by_hand(network, images, labels, show) -> dict:
    """One image at a time; show: image to a list of views, over which softmax is averaged."""
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in NORMALISED)
    loss, errors = 0.0, 0
    for image, label in zip(images, labels, strict=True):
        with torch.no_grad():
            logits = [network((view - mean)[None] / std)[0].double() for view in show(image)]
        scores = torch.stack(logits).softmax(1).mean(0)
        errors += int(scores.argmax() != label)
        loss -= scores[label].log().item() / len(labels)
    return {"images": len(labels), "loss": pytest.approx(loss, rel=1e-4), "errors": errors}


def quarrelsome(network):
    """Weights whose classes lie near each other, so that views disagree."""
    torch.manual_seed(1)
    for parameter in network.parameters():
        if parameter.ndim > 1:
            torch.nn.init.kaiming_normal_(parameter)
    return network.eval()


@pytest.mark.parametrize("views", ["single", "ten_crop", "multi_crop", "dense", "crops_144"])
@pytest.mark.parametrize("sizes", [(104,), (96, 128)])
def test_softmax_is_averaged_over_all_views_of_all_sizes(folder_dataset, tmp_path, views, sizes):
    wanted = resolved("squeezenet", {"version": "1.1"})
    network = quarrelsome(architectures.build("squeezenet", stem="imagenet", num_classes=4, version="1.1"))
    torch.save(network.state_dict(), tmp_path / "w.pth")
    machine = Machine(accelerator="cpu", data_dir=tmp_path)
    result = evaluation.evaluate(
        wanted, weights.read(tmp_path / "w.pth"), machine, EvaluationProtocol(views, sizes, *NORMALISED)
    )
    files = folders.find(folder_dataset, tmp_path, "val")

    def show(image):
        (shown,) = crops.VIEWS[views]
        return [view for size in sizes for view in shown(crops.shorter_side(image, size), 96)]

    images = [read_image(files.path(i)) for i in range(len(files))]
    expected = by_hand(network, images, files.labels.tolist(), show)
    assert {key: result[key] for key in expected} == expected


def test_crops_and_whole_images_count_alike_where_both_are_averaged(folder_dataset, tmp_path):
    wanted = resolved("squeezenet", {"version": "1.1"})
    network = quarrelsome(architectures.build("squeezenet", stem="imagenet", num_classes=4, version="1.1"))
    torch.save(network.state_dict(), tmp_path / "w.pth")
    losses = []
    for show in ("multi_crop_and_dense", "multi_crop", "dense"):
        viewing = EvaluationProtocol(show, (104,), *NORMALISED)
        _, data, _ = evaluation.loaded(
            wanted,
            weights.read(tmp_path / "w.pth"),
            Machine(accelerator="cpu", data_dir=tmp_path),
            viewing,
        )
        data.setup()
        views, _ = next(iter(data.test_dataloader()))[:2]
        test = evaluator.Evaluator(network)
        with torch.no_grad():
            losses.append([test.probabilities(v.float().sub(120).div(60)) for v in views])
    both, (grid,), (whole,) = losses
    assert torch.equal(both[0], grid) and torch.allclose(both[1], whole) and len(both) == 2


@pytest.mark.parametrize("ours", [True, False])
def test_other_weights_are_shown_images_normalised_by_channel_ours_as_the_recipe_says(
    folder_dataset, tmp_path, ours
):
    wanted = resolved("squeezenet", {"version": "1.1"}, changes={"normalisation": "pixel_mean"})
    state = architectures.build("squeezenet", stem="imagenet", num_classes=4, version="1.1").state_dict()
    if not ours:
        state = {f"features.{name}": value for name, value in state.items()}
    torch.save(state, tmp_path / "w.pth")
    machine = Machine(accelerator="cpu", data_dir=tmp_path)
    _, data, _ = evaluation.loaded(wanted, weights.read(tmp_path / "w.pth"), machine, EvaluationProtocol())
    assert data.preprocessing.mean == folder_dataset.mean
    assert data.preprocessing.std == ((255.0, 255.0, 255.0) if ours else folder_dataset.std)


@pytest.mark.slow
def test_dense_evaluation_turns_vggs_fully_connected_layers_into_convolutions(folder_dataset, tmp_path):
    wanted = resolved("vgg", {"config": "A"}, resolution=224)
    shape = {"stem": "imagenet", "num_classes": 4, "config": "A"}
    given = quarrelsome(architectures.build("vgg", **shape))
    torch.save(given.state_dict(), tmp_path / "w.pth")
    machine = Machine(accelerator="cpu", data_dir=tmp_path)
    result = evaluation.evaluate(
        wanted, weights.read(tmp_path / "w.pth"), machine, EvaluationProtocol("dense", (256,), *NORMALISED)
    )
    convolutional = architectures.build("vgg", **shape, head="conv").eval()
    convolutional.load_state_dict(given.state_dict())
    files = folders.find(folder_dataset, tmp_path, "val")
    images = [crops.shorter_side(read_image(files.path(i)), 256) for i in range(len(files))]
    expected = by_hand(convolutional, images, files.labels.tolist(), lambda image: [image, image.flip(-1)])
    assert {key: result[key] for key in expected} == expected


def test_a_network_of_one_size_has_no_dense_form():
    with pytest.raises(ValueError, match="alexnet has fully connected layers for one size only"):
        evaluator.sliding(resolved("alexnet", {}, dataset="imagenet"), 256)


def test_a_checkpoint_of_our_own_gives_the_error_of_its_record(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(study, "FOLDER", study.FOLDER)
    monkeypatch.setitem(budgets.BUDGETS, "smoke", budgets.BUDGETS["smoke"])
    tiny.install(tmp_path / "data")
    try:
        wanted = configuration.resolve("resnet", {"depth": 8}, dataset="tiny", budget="smoke", seed=0)
        machine = Machine(accelerator="cpu", data_dir=tmp_path / "data", wandb=False)
        (tmp_path / "run").mkdir()
        record = training.train(Run(wanted), tmp_path / "run", machine)
        checkpoint = tmp_path / "run" / "checkpoint.ckpt"
        found = evaluation.evaluate(wanted, weights.read(checkpoint), machine, EvaluationProtocol())
        evaluation.report(found, wanted)
    finally:
        del DATASETS["tiny"]
    counted = ("images", "errors", "top5_errors")
    assert [found[key] for key in counted] == [record["test"][key] for key in counted]
    assert f"({found['errors']:,} of 103 images)" in capsys.readouterr().out


# Published weights


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "errors"), [(20, 827), (32, 737), (44, 690), (56, 661)])
def test_public_cifar_resnets_have_their_published_errors(depth, errors):
    found = sorted(WEIGHTS.glob(f"resnet{depth}-*.th"))
    data_dir = Path(os.environ.get("DATA_DIR", Path(__file__).parents[2] / "data"))
    if not found or not (data_dir / "cifar10").is_dir():
        pytest.skip("needs the weights in ../shared/weights and CIFAR-10 in data/ (or DATA_DIR)")
    wanted = resolved("resnet", {"depth": depth}, dataset="cifar10")
    machine = Machine(accelerator="cpu", data_dir=data_dir)
    viewing = EvaluationProtocol("single", None, *NORMALISED)
    result = evaluation.evaluate(wanted, weights.read(found[0]), machine, viewing)
    assert (result["errors"], result["images"]) == (errors, 10_000)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("squashed", "size", "correct", "correct_of_5"), [(False, 256, 0.584, 0.858), (True, 227, 0.570, 0.818)]
)
def test_the_released_squeezenet_on_real_images(tmp_path, monkeypatch, squashed, size, correct, correct_of_5):
    released = WEIGHTS / "squeezenet1_0_deepcomp_torchvision.pth"
    if not released.exists() or not SUBSET.is_dir():
        pytest.skip("needs ../shared/weights and ../shared/data/imagenet-val-subset")
    for path in SUBSET.glob("*/*.JPEG"):
        if (Image.open(path).size == (224, 224)) == squashed:
            target = tmp_path / "imagenet" / "val" / path.parent.name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    wanted = resolved("squeezenet", {}, dataset="imagenet", resolution=227)
    machine = Machine(accelerator="cpu", data_dir=tmp_path)
    result = evaluation.evaluate(wanted, weights.read(released), machine, EvaluationProtocol(sizes=(size,)))
    assert find("imagenet").test_images > result["images"] == 500
    assert result["error"] == pytest.approx(100 - 100 * correct)
    assert result["top5_error"] == pytest.approx(100 - 100 * correct_of_5)
