"""Data sets: what they are, where they come from, how they are kept and how batches are made of them.

Reading order: `catalogue` (the data sets), `preprocessing` (what a recipe says about the input), then
CIFAR: `cache` (the verified arrays on disk), `sources` (where they come from), `batches` (whole-batch
augmentation), `module` (the Lightning data module);
ImageNet: `folders` (the image files on disk), `imagenet` (commands that lay them out), `decoding`, `crops`,
`colour`, `image_folder_batches`, `image_folder_module` (the Lightning data module).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightning_modules.configuration import Configuration
    from lightning_modules.data.image_folder_module import ImageFolderDataModule
    from lightning_modules.data.module import CIFARDataModule
    from lightning_modules.data.preprocessing import EvaluationProtocol
    from lightning_modules.execution.machine import Machine


def data_module(
    configuration: "Configuration", machine: "Machine", viewing: "EvaluationProtocol | None" = None
) -> "CIFARDataModule | ImageFolderDataModule":
    """Return the data of a run.

    viewing: how given weights see the test images; without it, the data are to train with.

    Its `obtain()` raises DataError if the data cannot be had.
    """
    from lightning_modules.data import catalogue, preprocessing

    dataset = catalogue.find(configuration.dataset)
    shared: dict[str, Any] = {
        "batch_size": configuration.recipe["batch_size"],
        "seed": configuration.seed,
        "train_images": configuration.train_images,
        "curve_test_images": configuration.curve_test_images,
        "num_workers": machine.workers,
        "memory_format": machine.speed.memory_format,
    }
    if isinstance(dataset, catalogue.ArrayDataset):
        from lightning_modules.data.module import CIFARDataModule

        arrays = preprocessing.for_arrays(configuration, viewing)
        return CIFARDataModule(dataset, machine.data_dir, preprocessing=arrays, **shared)

    from lightning_modules.data.image_folder_module import ImageFolderDataModule

    how = preprocessing.for_image_folder(configuration, viewing)
    return ImageFolderDataModule(
        dataset, machine.data_dir, preprocessing=how, given_weights=viewing is not None, **shared
    )
