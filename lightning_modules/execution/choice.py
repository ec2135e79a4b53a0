"""Which settings a run takes: what was measured of its network, here or by the project. Imports torch only where it must."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import architectures
from lightning_modules import files
from lightning_modules.configuration import Configuration
from lightning_modules.data import catalogue
from lightning_modules.execution.estimate import images_worth
from lightning_modules.execution.settings import ExecutionSettings, compiler_missing
from lightning_modules.execution.share import Share

if TYPE_CHECKING:
    from torch import nn

# By device and family, the time of a training step in NCHW over that in channels_last: on one core of an AMD EPYC, 16
# images of CIFAR, or 8, torch 2.11, fp32, medians of turns (`run.py --tune` measures the same of one network). Compiling
# is left to `--tune`: it takes minutes and gained 0.6 to 1.9.
NCHW_TIMES: dict[str, dict[str, float]] = {
    "cpu": {
        "alexnet": 0.92,
        "all_cnn": 1.05,
        "densenet": 1.21,
        "mobilenet_v1": 1.25,
        "mobilenet_v2": 1.21,
        "resnet": 1.18,
        "shufflenet_v1": 1.15,
        "shufflenet_v2": 1.01,
        "squeezenet": 1.27,
        "vgg": 0.98,
    },
    "cuda": {},
}
# A run of two hours wins back the minutes that measuring takes, which count for all later ones of its network here.
LONG = 2 * 3600.0
# Operations a second, to tell hours from minutes: of a core, of a GPU.
USUAL_SPEED = {"cpu": 60e9, "cuda": 10e12}
# A smaller difference than this doesn't outweigh that all networks are alike.
WORTHWHILE = 0.1


def choose(
    configuration: Configuration,
    share: Share,
    data_dir: Path,
    folder: Path,
    network: "nn.Module",
    mult_adds: float = 0,
) -> ExecutionSettings:
    """Return the setting of a run on the device of this process.

    A run that goes on keeps the one that it began with, which lies in its folder; so it ends with the same bits. Else
    what was measured in `data_dir` for this network and device, by `run.py --tune` or now where the run is long enough,
    else the table. network: on the meta device. mult_adds: of an image, by which the run's length is guessed.
    Raises OSError if `folder` cannot be written to.
    """
    path = folder / "speed.json"
    if path.exists() and (folder / "checkpoint.ckpt").exists():
        try:
            setting = ExecutionSettings(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"{path} is damaged ({error}); delete it, and the run goes on in the setting of a new one, whose last bits may differ"
            ) from None
        return replace(setting, compiled="") if compiler_missing(share.kind) else setting.possible()
    from lightning_modules.execution import memory, tuning

    measured = tuning.recall(configuration, share.kind, data_dir)
    if measured is None and share.devices == 1 and _guessed(configuration, share.kind, mult_adds) >= LONG:
        measured = tuning.measured_now(configuration, share, data_dir)
    setting = measured or of_table(configuration, share.kind)
    setting = memory.fitted(setting, network, configuration, share)
    files.write(path, json.dumps(asdict(setting)).encode())
    return setting


def _guessed(configuration: Configuration, kind: str, mult_adds: float) -> float:
    """Guess a run's seconds, from its operations alone."""
    import torch

    worth = images_worth(
        configuration.epochs,
        configuration.train_images,
        configuration.curve_test_images,
        catalogue.find(configuration.dataset).test_images,
    )
    processors = torch.get_num_threads() if kind == "cpu" else 1
    return worth * 3 * 2 * mult_adds / (USUAL_SPEED[kind] * processors)


def of_table(configuration: Configuration, kind: str) -> ExecutionSettings:
    """Return what was measured of the family, or else holds for all.

    Where nothing was, channels_last, which GPUs' matrix units want; in fp32 they aren't used, and cuDNN's kernels of
    fp32 are written for NCHW.
    """
    family = architectures.find(configuration.arch).family
    if kind == "cuda" and family not in NCHW_TIMES[kind]:
        fp32 = configuration.precision == "32-true"
        source = "not measured on GPUs yet; --tune does"
        return ExecutionSettings("contiguous" if fp32 else "channels_last", source=source)
    wins = NCHW_TIMES[kind].get(family, 1.0) < 1 - WORTHWHILE
    return ExecutionSettings("contiguous" if wins else "channels_last", source="the project's table")
