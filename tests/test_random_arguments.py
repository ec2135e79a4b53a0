"""Random command lines of run.py: each is carried out, or refused in one line that isn't a traceback."""

import random
import signal
import warnings

import pytest
import torch

import architectures
import run
from lightning_modules import cli, evaluation, optimisation, training
from lightning_modules.classifier import Classifier
from lightning_modules.data import catalogue
from lightning_modules.execution import environment, tuning
from lightning_modules.exit_codes import BAD_INPUT, DONE
from lightning_modules.recipes import RECIPES, kinds
from lightning_modules.recipes.changes import KINDS
from sweeps import study

NUMBERS = [
    *"0 1 -1 2 8 16 32 0.5 -0.5 1e400 -1e400 1e308 1e-320 nan inf -inf 1_000 0x10 ٣ 1e9 2147483648 true None".split(),  # noqa: SIM905 (shorter)
    *("9" * 30, "9" * 5000),
]
TEXTS = [
    *"a a,b 0,1 , 1,2,3 0.5,0.5,0.5 nan,0,0 - -- = é \udcff ../.. / /dev/null . %s {} [] auto cpu tpu gpu ddp B cosine".split(),  # noqa: SIM905 (shorter)
    *("", " ", "\n", "\0", "x" * 300),
]
SENSIBLE = {
    "--arch": [*architectures.catalogue()],
    "--dataset": [*catalogue.DATASETS],
    "--recipe": [*RECIPES],
    "--study": study.names(),
    "--variant": ["bc", "plain-20"],
    "--budget": ["paper", "short", "mini", "smoke"],
    "--precision": ["32-true", "tf32", "bf16-mixed", "16-mixed"],
    "--evaluation": ["ten_crop", "dense"],
    "--logger": ["csv", "wandb"],
    "--accelerator": ["cpu", "auto", "gpu", "mps", "tpu"],
    "--strategy": ["auto", "ddp", "fsdp", "deepspeed"],
    "--devices": ["1", "2", "0,"],
    **dict.fromkeys(("--seed", "--epochs", "--workers", "--num-nodes"), ("1", "2")),
    **dict.fromkeys(("--resolution", "--test-size"), ("32", "224")),
    **dict.fromkeys(("--mean", "--std"), ("0.5,0.5,0.5",)),
    **dict.fromkeys(("--teacher", "--weights", "--weights-key", "--plan", "--resume-from"), ("none",)),
    **{cli.flag(name): ["0.1", "1"] for name in cli.SHORT},
}
SWITCHES = [*"--evaluate --describe --tune --deterministic --log-model --no-wandb --help --list".split()]  # noqa: SIM905


def spelt(rng: random.Random, arch: str) -> list[str]:
    """Return an argument of one or two words: a flag that exists, mostly, with a value that it takes or any other."""
    known = architectures.catalogue().get(arch)
    knobs = (
        {cli.flag(knob.name): [*knob.choices, str(knob.default)] for knob in known.knobs.values()}
        if known
        else {}
    )
    recipe = RECIPES["resnet_cifar"]
    fields = {f"--recipe.{name}": [kinds.as_text(getattr(recipe, name))] for name in KINDS}
    values = {**SENSIBLE, **fields, **knobs}
    word = rng.choice([*values, *knobs, *knobs, *SWITCHES])
    value = rng.choice(values[word] if word in values and rng.random() < 0.6 else [*NUMBERS, *TEXTS])
    if word in SWITCHES and rng.random() < 0.9:
        return [word]
    return rng.choice([[word, value], [word, value], [word, value], [f"{word}={value}"], [word], [value]])


@pytest.mark.slow
def test_two_thousand_random_command_lines(tmp_path, monkeypatch, capsys):
    def pretended(run, folder, machine, teacher=None, counts=None, before=None):
        """What a training makes before its first step, without memory."""
        with torch.device("meta"):
            module = Classifier(run.configuration.as_dict(), machine.speed)
        machine.trainer(logger=False)
        stepper = optimisation.optimiser(module.network, module.recipe)
        optimisation.schedule(stepper, module.recipe, 1000)

    monkeypatch.setattr(training, "train", pretended)
    monkeypatch.setattr(tuning, "tune", lambda *_: None)
    monkeypatch.setattr(evaluation, "evaluate", lambda *_: pytest.skip("nothing here has weights"))
    monkeypatch.setattr(environment, "end_with_parent", lambda: None)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    warnings.simplefilter("ignore")
    rng = random.Random(0)
    archs = [*architectures.catalogue()]
    broken: list[str] = []
    ends = {DONE: 0, BAD_INPUT: 0}
    for _ in range(2000):
        arch = rng.choice([*archs, *archs, *TEXTS])
        given = [word for _ in range(rng.choice((1, 1, 2, 3, 4))) for word in spelt(rng, arch)]
        line = ["--arch", arch, *given] if rng.random() < 0.9 else given
        try:
            code = run.main([*line])
        except SystemExit as end:  # --help
            code = end.code
        except Exception as error:  # noqa: BLE001 (none is expected)
            broken.append(f"{line}: {error!r}")
            continue
        said = capsys.readouterr().err
        ends[code] += 1
        if code != DONE and (len(said.splitlines()) != 1 or not said.startswith("run.py: ")):
            broken.append(f"{line}: {said}")
    assert not broken, "\n".join(broken)
    assert min(ends.values()) > 200
