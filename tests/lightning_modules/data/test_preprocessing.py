"""What a recipe says becomes what the data modules do."""

import pytest

from lightning_modules import configuration
from lightning_modules.data.preprocessing import (
    EvaluationProtocol,
    ImageFolderPreprocessing,
    for_arrays,
    for_image_folder,
)


def resolved(dataset="imagenet", resolution=None, **changes):
    return configuration.resolve(
        "resnet",
        {},
        dataset=dataset,
        budget="paper",
        seed=0,
        recipe="fb_resnet_cifar" if dataset == "cifar10" else "fb_resnet_imagenet",
        resolution=resolution,
        changes=changes,
    )


def test_the_defaults_are_fb_resnets():
    assert for_image_folder(resolved()) == ImageFolderPreprocessing(
        resolution=224,
        mean=(123.675, 116.28, 103.53),
        std=(58.395, 57.12, 57.375),
        augment=True,
        train_crop="random_sized",
        train_sizes=(256, 256),
        smallest_area=0.08,
        colour="jitter_pca",
        test_sizes=(256,),
        views="single",
    )


def test_the_recipes_fields():
    how = for_image_folder(
        resolved(
            train_crop="scale_jitter",
            train_sizes=[256, 480],
            colour="pca",
            test_size=368,
            augmentation="none",
        )
    )
    assert (how.train_crop, how.train_sizes, how.colour) == ("scale_jitter", (256, 480), "pca")
    assert how.test_sizes == (368,) and not how.augment


def test_at_another_resolution_the_sizes_change_in_proportion():
    how = for_image_folder(resolved(resolution=128, train_crop="scale_jitter", train_sizes=[256, 512]))
    assert (how.resolution, how.train_sizes, how.test_sizes) == (128, (146, 293), (146,))
    # as SENet tests Inception-ResNet v2 (Section 5.1)
    assert for_image_folder(resolved(resolution=299, test_size=264)).test_sizes == (352,)


def test_a_mean_image_is_its_mean_colour():
    how = for_image_folder(resolved(normalisation="pixel_mean"))
    assert how.mean == (123.675, 116.28, 103.53) and how.std == (255.0, 255.0, 255.0)


def test_sizes_below_the_crop_are_refused():
    with pytest.raises(ValueError, match="test_size 200 is below the resolution 224; raise it"):
        for_image_folder(resolved(), EvaluationProtocol(sizes=(200,)))
    with pytest.raises(ValueError, match="train_sizes 200 is below"):
        for_image_folder(resolved(train_crop="random", train_sizes=[200, 256]))
    assert for_image_folder(resolved(train_sizes=[200, 256])).train_crop == "random_sized"  # uses none


def test_how_given_weights_look():
    viewing = EvaluationProtocol("dense", (256, 384), (1.0, 2.0, 3.0), (4.0, 5.0, 6.0))
    how = for_image_folder(resolved(), viewing)
    assert (how.views, how.test_sizes, how.mean, how.std) == ("dense", (256, 384), viewing.mean, viewing.std)
    small = for_arrays(resolved("cifar10"), EvaluationProtocol(mean=(1.0, 2.0, 3.0)))
    assert small.mean == (1.0, 2.0, 3.0) and small.std == for_arrays(resolved("cifar10")).std
    for wrong in (EvaluationProtocol("ten_crop"), EvaluationProtocol(sizes=(40,))):
        with pytest.raises(ValueError, match="leave out --evaluation and --test-size"):
            for_arrays(resolved("cifar10"), wrong)


@pytest.mark.parametrize(
    ("dataset", "asked", "message"),
    [
        ("cifar10", 64, "resolution on cifar10 must be from 16 to 32, not 64"),
        ("cifar100", 15, "resolution on cifar100 must be from 16 to 32, not 15"),
        ("imagenet", 78, "resolution on imagenet must be from 79 to 600, not 78"),
        ("imagenette", 601, "resolution on imagenette must be from 79 to 600, not 601"),
    ],
)
def test_resolutions_that_are_refused(dataset, asked, message):
    with pytest.raises(ValueError, match=message):
        resolved(dataset, resolution=asked)


def test_a_resolution_is_another_run_and_the_default_none():
    plain, same, other = (resolved(resolution=side).run_id for side in (None, 224, 192))
    assert plain == same != other
    assert resolved("cifar10").run_id == resolved("cifar10", resolution=32).run_id
    assert resolved("cifar10").run_id != resolved("cifar10", resolution=28).run_id


def test_images_of_arrays_are_shown_at_the_resolution():
    assert [for_arrays(resolved("cifar10", resolution=side)).resolution for side in (None, 24)] == [32, 24]


def test_small_data_sets_are_not_cut_to_more_than_they_have():
    wanted = configuration.resolve("resnet", {}, dataset="imagenette", budget="smoke", seed=0)
    assert (wanted.train_images, wanted.curve_test_images, wanted.classes) == (2500, 500, 10)


def test_views_and_sizes_of_image_files_are_refused_for_arrays():
    for viewing in (EvaluationProtocol(views="ten_crop"), EvaluationProtocol(sizes=(256,))):
        with pytest.raises(ValueError, match="leave out --evaluation and --test-size"):
            for_arrays(resolved("cifar10"), viewing)
