"""A data set and a study that train in seconds, for tests of whole runs: `python tests/tiny.py RUN_ARGUMENTS …`.

They are put in place of the real ones in this process only, so that run.py itself is tested as it is.
"""

import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from lightning_modules import files
from lightning_modules.budgets import BUDGETS, Budget
from lightning_modules.data.catalogue import DATASETS, ArrayDataset
from lightning_modules.recipes import RECIPES
from sweeps import study

STUDY = """
title = "Tiny"
paper = "none"
source = "none"
question = "Does a sweep work?"
statistic = "none"
datasets = ["tiny"]
seeds = [0, 1]
variants = [
    { name = "plain", arch = "plain", knobs = { depth = 8 } },
    { name = "residual", arch = "resnet", knobs = { depth = 8 } },
    { name = "0.50", arch = "resnet", knobs = { depth = 8, shortcut = "C" } },
]
tables = [{ title = "All", variants = ["plain", "residual", "0.50"] }]
"""
# Its only run ends with a loss that is no number.
DIVERGING = """
title = "Diverging"
paper = "none"
source = "none"
question = "Does a failing run stop the others?"
statistic = "none"
datasets = ["tiny"]
seeds = [0]
recipe = "diverging"
variants = [{ name = "plain", arch = "plain", knobs = { depth = 8 } }]
tables = [{ title = "One", variants = ["plain"] }]
"""
# Its second row learns from its first.
DISTILLED = """
title = "Distilled"
paper = "none"
source = "none"
question = "Is the teacher trained first?"
statistic = "none"
datasets = ["tiny"]
seeds = [0]
variants = [
    { name = "teacher", arch = "resnet", knobs = { depth = 8 } },
    { name = "student", arch = "plain", knobs = { depth = 8 }, teacher = "teacher", recipe_changes = { soft_weight = 0.5, temperature = 4 } },
]
tables = [{ title = "Both", variants = ["teacher", "student"] }]
"""


def arrays(train: int = 200, test: int = 103, classes: int = 10) -> dict[str, np.ndarray]:
    """Images (n, 32, 32, 3) uint8 whose colour tells the class, under noise; an odd number of test images."""
    rng = np.random.default_rng(0)
    colours = rng.integers(40, 216, (classes, 3))
    made = {}
    for split, n in (("train", train), ("test", test)):
        labels = np.arange(n) % classes
        noise = rng.integers(-40, 40, (n, 32, 32, 3))
        made[f"{split}_images"] = (colours[labels][:, None, None] + noise).astype(np.uint8)
        made[f"{split}_labels"] = labels.astype(np.int64)
    return made


def install(data_dir: Path) -> ArrayDataset:
    """Register the data set `tiny`, cached in `data_dir`, three studies on it, and a budget `smoke` that suits them."""
    study.FOLDER = data_dir / "studies"
    study.FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in (("tiny", STUDY), ("diverging", DIVERGING), ("distilled", DISTILLED)):
        files.write(study.FOLDER / f"{name}.toml", text.encode())  # several processes may install at once
    (data_dir / "programme.toml").write_text("lines = []")
    RECIPES["diverging"] = replace(RECIPES["resnet_cifar"], lr=1e38)
    BUDGETS["smoke"] = Budget("smoke", "for tests", epochs=2, train_images=100, curve_test_images=50)
    made = arrays()
    folder = data_dir / "tiny"
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in made.items():
        if not (folder / f"{name}.npy").exists():
            np.save(folder / f"{name}.npy", array)
    DATASETS["tiny"] = tiny = ArrayDataset(
        name="tiny",
        title="Tiny",
        classes=10,
        train_images=len(made["train_images"]),
        test_images=len(made["test_images"]),
        mean=(128.0, 128.0, 128.0),
        std=(64.0, 64.0, 64.0),
        folder="tiny",
        labels="labels",
        torchvision_class="CIFAR10",
        npm_package=None,
        sha256={name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in made.items()},
    )
    return tiny


if __name__ == "__main__":
    import run
    from sweeps import state

    state.PROGRAM = Path(__file__)  # a teacher's run is a process of its own
    install(Path(sys.argv[sys.argv.index("--data-dir") + 1]))
    sys.exit(run.main(sys.argv[1:]))
