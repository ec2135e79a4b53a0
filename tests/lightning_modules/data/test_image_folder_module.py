"""The data module of image folders in a real Trainer: what is shown, what is counted, and when it stops."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from pytorch_lightning import Trainer

from lightning_modules.data import colour, folders
from lightning_modules.data.batches import epoch_plan
from lightning_modules.data.cache import DataError
from lightning_modules.data.catalogue import find
from lightning_modules.data.image_folder_module import BrokenImages, ImageFolderDataModule
from lightning_modules.data.preprocessing import ImageFolderPreprocessing
from tests.image_folder import CLASSES, write
from tests.lightning_modules.data.test_module import Recorder

DATASET = replace(
    find("imagenette"), classes=4, train_images=24, test_images=12, torchvision_size=None, folder="f"
)
HOW = ImageFolderPreprocessing(32, DATASET.mean, DATASET.std, colour="pca", test_sizes=(36,))


@pytest.fixture
def data_dir(tmp_path):
    write(tmp_path / "f")
    return tmp_path


def module(data_dir, how=HOW, **options) -> ImageFolderDataModule:
    return ImageFolderDataModule(
        DATASET, data_dir, **{"batch_size": 8, "seed": 5, "preprocessing": how, **options}
    )


def trainer(**options) -> Trainer:
    return Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        **options,
    )


@pytest.mark.filterwarnings("ignore")
def test_in_a_trainer(data_dir):
    data = module(data_dir, train_images=20, curve_test_images=4)
    run, recorder = trainer(), Recorder()
    run.fit(recorder, datamodule=data)
    run.test(recorder, datamodule=data, verbose=False)
    labels = data.files["train"].labels
    assert labels.tolist() == [label for label in range(4) for _ in range(5)]
    for epoch in range(2):
        shown = [batch for when, batch in recorder.seen["train"] if when == epoch]
        assert [len(batch) for batch in shown] == [8, 8, 4]
        order = epoch_plan(5, epoch, 20, 0).order
        assert [label for batch in shown for label in batch] == labels[order].tolist()
    assert recorder.seen["val"] == [0, 1, 2, 3] * 2
    assert recorder.seen["test"] == [label for label in range(4) for _ in range(3)]


def test_training_images_are_coloured_and_normalised_after_the_transfer_test_images_only_normalised(data_dir):
    data = module(data_dir)
    data.setup()
    raw = data.train_batches[0, 0]
    data.trainer = SimpleNamespace(training=True)
    images, labels = data.on_after_batch_transfer(raw, 0)
    expected = colour.finish(raw.views[0][:, 0], raw.colours, "pca", DATASET.mean, DATASET.std)
    assert torch.equal(images, expected) and labels is raw.labels
    data.trainer = None
    raw = data.test_batches[0]
    images, _ = data.on_after_batch_transfer(raw, 0)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (DATASET.mean, DATASET.std))
    torch.testing.assert_close(images, (raw.views[0][:, 0] - mean) / std)


def test_given_weights_need_no_training_images_and_see_all_views(data_dir):
    for wnid in CLASSES[1:]:
        (data_dir / "f" / "val" / wnid / "val_000.JPEG").unlink()
    data = module(data_dir, replace(HOW, views="ten_crop", test_sizes=(36, 40)), given_weights=True)
    data.setup()
    assert set(data.files) == {"test", "curve"} and len(data.test_batches.files) == 9
    views, labels = data.on_after_batch_transfer(data.test_batches[0], 0)
    assert [tuple(v.shape) for v in views] == [(5, 10, 3, 32, 32)] * 2 and labels.tolist() == [0, 0, 0, 1, 1]


@pytest.mark.filterwarnings("ignore")
def test_a_broken_test_image_is_not_counted_and_named_once(data_dir, capsys):
    broken = data_dir / "f" / "val" / CLASSES[1] / "val_001.JPEG"
    broken.write_bytes(b"")
    recorder = Recorder()
    trainer().test(recorder, datamodule=module(data_dir), verbose=False)
    assert recorder.seen["test"] == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 3]
    assert capsys.readouterr().err.count(f"left out, broken: {broken} (the file is empty)") == 1


@pytest.mark.filterwarnings("ignore")
def test_many_broken_images_stop_the_run_in_one_line(data_dir):
    for i in range(2):
        (data_dir / "f" / "train" / CLASSES[0] / f"train_00{i}.JPEG").write_bytes(b"")
    with pytest.raises(DataError, match="2 of 24 images are broken, more than one in a thousand") as error:
        trainer().fit(Recorder(), datamodule=module(data_dir, batch_size=24))
    assert "\n" not in str(error.value)


def test_a_thousandth_is_borne(data_dir, capsys):
    files = folders.find(DATASET, data_dir, "train")
    files = files.take(torch.arange(3000).numpy() % 24)
    count = BrokenImages(files)
    for index in (5, 6, 7, 5):
        count.count([(index, "cut short")])
    assert len(count.seen) == 3 and capsys.readouterr().err.count("left out, broken: ") == 3
    with pytest.raises(DataError, match="4 of 3,000 images"):
        count.count([(8, "cut short")])


@pytest.mark.filterwarnings("ignore")
def test_a_batch_that_is_broken_whole_stops_training_and_is_passed_over_in_tests(data_dir):
    data = module(data_dir, batch_size=1)
    data.setup()
    order = epoch_plan(5, 0, 24, 0).order
    data.files["train"].path(order[3]).write_bytes(b"")
    with pytest.raises(DataError, match="a whole batch of images is broken"):
        trainer().fit(Recorder(), datamodule=data)
    given = module(data_dir, given_weights=True, preprocessing=replace(HOW, views="dense"))
    given.setup()
    given.files["test"].path(0).write_bytes(b"")
    views, labels = given.on_after_batch_transfer(given.test_batches[0], 0)
    assert views == [] and len(labels) == 0
