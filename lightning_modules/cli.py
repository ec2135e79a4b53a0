"""run.py's command line: `--arch` is looked at first, because it brings its own flags.

Nothing heavy is imported, so that help, a list or a mistyped flag is answered at once.
"""

import argparse
import re
import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import fields
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import architectures
from architectures.spelling import did_you_mean
from lightning_modules.budgets import BUDGETS
from lightning_modules.commands import Parser
from lightning_modules.configuration import PRECISIONS
from lightning_modules.data import catalogue
from lightning_modules.protocols import BESIDE, check_names
from lightning_modules.recipes import kinds
from lightning_modules.recipes.changes import KINDS
from lightning_modules.recipes.recipe import Recipe

PROGRAM = "uv run run.py"
LOG_MODEL = ("last", "all")  # which checkpoints are uploaded
FILE_LOGGERS = ("csv", "tensorboard")  # Lightning's own, which write into the run's folder
# Options that mean nothing without --evaluate.
OF_EVALUATION = ("weights", "weights_key", "test_size", "mean", "std")

# Every field of a recipe has a flag `--recipe.<field>`; these have a short one, too.
SHORT = (
    *("batch_size", "lr", "weight_decay", "momentum", "optimiser", "schedule", "label_smoothing"),
    *("augmentation", "soft_weight", "temperature"),
)
SPELT = {"optimizer": "optimiser"}  # as others spell a field
GREEK = {"α": "alpha", "β": "beta", "θ": "theta", "λ": "lambda"}  # symbols of knobs


class ChangeOfRecipe(argparse.Action):
    """Keeps the value in `changes`, and the flag as it was written in `changed_by`."""

    def __call__(self, parser: argparse.ArgumentParser, options: Any, text: Any, flag: Any = None) -> None:
        try:
            options.changes[self.dest] = kinds.parse(KINDS[self.dest], text)
        except ValueError as error:
            raise ValueError(f"{flag} {error}") from None
        options.changed_by.append(flag)


def parse(argv: list[str], description: str = "") -> argparse.Namespace:
    """Return the options, knobs of the architecture included. Raises ValueError, in one line, for what doesn't exist."""
    for word in argv:
        if word.endswith("=--"):  # argparse would make a list of it
            raise ValueError(f"{word} gives no value")
    first = Parser(PROGRAM, add_help=False)
    first.add_argument("--arch")
    arch = first.parse_known_args(argv)[0].arch
    architecture = architectures.find(arch) if arch else None

    parser = Parser(
        PROGRAM,
        description,
        usage="%(prog)s --arch NAME | --study NAME --variant NAME | --list  [OPTION ...]",
    )
    add = parser.add_argument_group("what to run").add_argument
    add("--arch", metavar="NAME", help="an architecture (see --list); `--arch NAME --help` shows its knobs")
    add("--study", metavar="NAME", help="a study (see --list); with --variant, one of its cells")
    add("--variant", metavar="NAME", help="a row of the study")
    add(
        "--dataset",
        metavar="NAME",
        help=f"{', '.join(catalogue.DATASETS)} (default: the study's first, or cifar10)",
    )
    add(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="decides the initial weights, the data order and dropout",
    )
    add("--budget", choices=BUDGETS, help=f"{_budgets()} (default: paper with a GPU, smoke without)")
    add("--list", action="store_true", help="list architectures, data sets, recipes and studies")
    add("--describe", action="store_true", help="print the architecture table and stop")

    add = parser.add_argument_group("changes to the recipe (not within a study)").add_argument
    add("--recipe", metavar="NAME", help="a recipe (see --list; default: the architecture's own)")
    add(
        "--resolution",
        type=int,
        metavar="N",
        help="pixels at a side (default: the data set's; the papers' ρ)",
    )
    add("--epochs", type=int, metavar="N", help="length; the schedule is compressed or stretched to it")
    add(
        "--teacher",
        type=Path,
        metavar="RUN",
        help="learn from the network of a finished run (runs/…, or wandb:ENTITY/PROJECT/NAME[:ALIAS])",
    )

    add = parser.add_argument_group(
        "fields of the recipe: --recipe.FIELD VALUE (not within a study; default: the recipe's)", _fields()
    ).add_argument
    for name in KINDS:
        # Listed by `_fields`, one line each; argparse would take two.
        add(
            *recipe_flags(name),
            action=ChangeOfRecipe,
            dest=name,
            default=argparse.SUPPRESS,
            help=argparse.SUPPRESS,
        )

    add = parser.add_argument_group("evaluation").add_argument
    add(
        "--evaluation",
        choices=BESIDE,
        nargs="+",
        metavar="PROTOCOL",
        default=(),
        help=f"{', '.join(BESIDE)}: by which a network on image files is evaluated beside the test, which sees one crop (within a "
        "study: the study's); with --evaluate, one that goes before it",
    )

    add = parser.add_argument_group("evaluation of given weights").add_argument
    add("--evaluate", action="store_true", help="the errors of --weights on the whole test set, and stop")
    add(
        "--weights",
        type=Path,
        metavar="FILE",
        help="a state dict or checkpoint: ours, torchvision's, timm's …; or wandb:ENTITY/PROJECT/NAME[:ALIAS], which "
        "--log-model uploaded",
    )
    add("--weights-key", metavar="KEY", help="which of several networks of the file (state_dict_ema, …)")
    add("--test-size", type=int, nargs="+", metavar="N", help="shorter side, one or several to average over")
    add(
        "--mean",
        type=_colour,
        metavar="R,G,B",
        help="of 0-1 (default: the recipe's for our weights, the data set's for others)",
    )
    # A deviation is at least about 1/255, which leaves images in units of 0–255.
    add("--std", type=partial(_colour, low=0.001), metavar="R,G,B", help="of 0-1, as the mean")

    add = parser.add_argument_group("the machine").add_argument
    add("--accelerator", default="auto", metavar="KIND", help="auto, cpu, gpu …, as Lightning names them")
    add(
        "--devices",
        metavar="N",
        help="how many (-1: all), or which (0,1; of one GPU 1,), share the batch (default: one)",
    )
    add("--num-nodes", type=int, metavar="N", help="machines that share it; start the command on each")
    add("--strategy", default="auto", metavar="NAME", help="ddp …, as Lightning names them")
    add("--precision", choices=PRECISIONS, help="changes the run's id (default: the study's, or 32-true)")
    add(
        "--deterministic",
        action="store_true",
        help="the same bits on every run of one GPU, slower; a CPU's always are",
    )
    add(
        "--micro-batch",
        type=_micro_batch,
        metavar="N",
        help="compute N images of a batch at a time, in less memory; batch normalisation sees N, as on several devices",
    )
    add(
        "--tune",
        action="store_true",
        help="measure how this network runs fastest here, remember it in DATA-DIR/speed.json, and stop",
    )
    add(
        "--workers",
        type=int,
        metavar="N",
        help="processes that make batches, which are the same (default: for ImageNet on a GPU every core, else 0)",
    )
    add("--data-dir", type=Path, default=Path("data"), metavar="DIR")
    add("--runs-dir", type=Path, default=Path("runs"), metavar="DIR")
    add("--plan", metavar="HASH", help="of the programme's line that asks for the run; its record holds it")
    add(
        "--logger",
        choices=("wandb", *FILE_LOGGERS),
        default="wandb",
        help="what tracks the run (default: wandb, offline by itself without a login)",
    )
    add(
        "--log-model",
        nargs="?",
        const="last",
        choices=LOG_MODEL,
        help="upload the final checkpoint to W&B, as an artifact of the run; all: also on the way, every half hour and "
        "when the run is stopped, kept for two weeks",
    )
    add(
        "--resume-from",
        type=Path,
        metavar="FILE",
        help="go on with this run from its checkpoint of another machine: a file, or wandb:ENTITY/PROJECT/NAME[:ALIAS]",
    )
    add("--no-wandb", action="store_true", help="no W&B at all")
    add(
        "--wait", action="store_true", help="if another process is at this run, wait for it instead of ending"
    )

    if architecture:
        symbols = [symbol for knob in architecture.knobs.values() for symbol in symbol_flags(knob)[:1]]
        also = f"The paper's symbols are flags, too: {', '.join(symbols)}." if symbols else None
        group = parser.add_argument_group(f"knobs of {arch}: {architecture.summary}", also)
        for knob in architecture.knobs.values():
            default = "; ".join(f"{knob.default_for(stem)} on {stem}" for stem in architecture.stems)
            if not knob.by_stem:
                default = knob.default
            symbol = f"{knob.symbol}: " if knob.symbol else ""
            group.add_argument(
                flag(knob.name),
                dest=f"knob:{knob.name}",
                metavar=knob.kind,
                help=f"{symbol}{knob.help} (default {default})",
            )
            if aliases := symbol_flags(knob):
                group.add_argument(*aliases, dest=f"knob:{knob.name}", help=argparse.SUPPRESS)
    words = [_as_declared(word) for word in _plain_switches(argv, parser)]
    options, unknown = parser.parse_known_args(words, argparse.Namespace(changes={}, changed_by=[]))
    if unknown:
        raise ValueError(_unknown(unknown[0], list(parser._option_string_actions)))
    lonely = [name for name in OF_EVALUATION if getattr(options, name)]
    if lonely and not options.evaluate:
        raise ValueError(f"{flag(lonely[0])} is for the evaluation of given weights: add --evaluate")
    if options.evaluate and not options.weights:
        raise ValueError("--evaluate needs --weights FILE; it trains nothing")
    options.evaluation = tuple(options.evaluation)
    check_names(options.evaluation)
    if options.evaluate and len(options.evaluation) > 1:
        raise ValueError("--evaluate takes one --evaluation at a time")
    options.tracked = options.logger == "wandb" and not options.no_wandb  # by W&B
    if options.log_model and not options.tracked:
        raise ValueError("--log-model uploads to W&B: leave out --no-wandb and --logger")
    if options.logger == "tensorboard" and not any(map(find_spec, ("tensorboard", "tensorboardX"))):
        raise ValueError(
            "--logger tensorboard needs its package: uv run --with tensorboard …, or pip install tensorboard"
        )
    options.knobs = {
        name: knob.parse(text)
        for name, knob in (architecture.knobs.items() if architecture else ())
        if (text := getattr(options, f"knob:{name}")) is not None
    }
    return options


def _colour(text: str, low: float = 0.0) -> tuple[float, ...]:
    """Return R,G,B of 0–1 in units of 0–255."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != 3:
        raise argparse.ArgumentTypeError(f"{text!r} is not three numbers R,G,B")
    if not all(low <= value <= 1 for value in values):
        remedy = "; divide by 255" if max(values) > 1 else ""
        raise argparse.ArgumentTypeError(f"{text!r} must be of {low:g} to 1{remedy}")
    return tuple(255 * value for value in values)


def _micro_batch(text: str) -> int:
    # Of a single image there is no variance, and parts of a batch differ by one image.
    if not text.isdecimal() or int(text) < 3:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of images, 3 or more")
    return int(text)


def flag(name: str) -> str:
    """Return a name as the command line has it: `batch_size` as `--batch-size`."""
    return "--" + name.replace("_", "-")


def symbol_flags(knob: architectures.Knob) -> list[str]:
    """Return the flags of the paper's symbol for a knob: `--theta` and `--θ`; none of a symbol that is no word."""
    if not re.fullmatch(r"\w+", knob.symbol):
        return []
    return [f"--{spelling}" for spelling in dict.fromkeys((GREEK.get(knob.symbol, knob.symbol), knob.symbol))]


def recipe_flags(name: str) -> list[str]:
    """Return the flags of a field of the recipe, the short ones last."""
    spellings = [name, *(other for other, field in SPELT.items() if field == name)]
    return [f"--recipe.{name}", *(flag(spelling) for spelling in spellings if name in SHORT)]


def _plain_switches(argv: list[str], parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the words, of switches that a sweep writes as `--deterministic=True` the flag alone, or nothing for False."""
    switches = {
        spelling
        for action in parser._actions
        if isinstance(action, argparse._StoreTrueAction)
        for spelling in action.option_strings
    }
    for word in argv:
        name, _, value = word.partition("=")
        if name in switches and value.lower() in ("true", "false"):
            if value.lower() == "false":
                continue
            word = name
        yield word


def _as_declared(word: str) -> str:
    """Give the flag of a recipe's field the name that the field has: `--recipe.weight-decay`, `--recipe.optimizer`."""
    if not word.startswith("--recipe."):
        return word
    name, equals, value = word.removeprefix("--recipe.").partition("=")
    name = name.replace("-", "_")
    return f"--recipe.{SPELT.get(name, name)}{equals}{value}"


def _unknown(word: str, known: list[str]) -> str:
    """Return the line on an argument that doesn't exist."""
    word = word.split("=")[0]
    word = word if word.isprintable() else repr(word)
    field = word.removeprefix("--").replace("-", "_")
    if field in ("rho", "ρ"):
        return f"unknown argument {word}; the resolution multiplier ρ is written as pixels at a side: --resolution 160"
    if field in KINDS:  # a field without a short flag is often given one
        return f"unknown argument {word}; did you mean {recipe_flags(field)[-1]}?"
    if word.startswith("--recipe."):
        flags = [f"--recipe.{name}" for name in KINDS]
        return f"a recipe has no {field.removeprefix('recipe.')!r}{did_you_mean(word, flags, cutoff=0.85)}"
    return f"unknown argument {word}{did_you_mean(word, known, cutoff=0.7)}"


def _fields() -> str:
    """Describe every field of a recipe in a line: how its value is written, what it is, its short flags."""
    width = shutil.get_terminal_size().columns - 4
    start = max(map(len, KINDS)) + 2
    lines = []
    for field in fields(Recipe):
        if field.name in KINDS:
            entry = f"{field.name:{start}}{kinds.form(field.type)}: {field.metadata.get('help', '')}"
            entry = "; or ".join([entry, *recipe_flags(field.name)[1:]])
            lines += textwrap.wrap(entry, width, subsequent_indent=" " * start, break_on_hyphens=False)
    return "\n".join(lines)


def _budgets() -> str:
    return "; ".join(f"{budget.name}: {budget.meaning}" for budget in BUDGETS.values())
