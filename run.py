"""Train one network of a paper, evaluate it, track it, and leave a record.

    python run.py --arch densenet_bc                                      the paper's network on CIFAR-10
    python run.py --arch densenet_bc --describe                           its architecture table
    python run.py --arch densenet_bc --help                               its knobs
    python run.py --study densenet_bc_compression --variant bc --seed 1   one cell of a study
    python run.py --arch resnet --depth 20 --weights FILE --evaluate      the errors of given weights
    python run.py --list                                                  what there is

The same command again says that it is done; after an interruption it goes on where it stopped.
"""

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import Timeout

import architectures
from architectures.registry import did_you_mean
from lightning_modules import configuration, ownership, surroundings
from lightning_modules.announcement import announce, report
from lightning_modules.budgets import BUDGETS
from lightning_modules.configuration import Configuration
from lightning_modules.data import catalogue
from lightning_modules.recipes import RECIPES
from sweeps import study as studies

if TYPE_CHECKING:
    from lightning_modules.training import Machine

VIEWS = ("single", "ten_crop", "multi_crop", "dense")
DONE, FAILED, BAD_INPUT, BUSY, TERMINATED = 0, 1, 2, 3, 143  # exit codes (4: ownership.LOST)


def main(argv: list[str]) -> int:
    try:
        options = parse(argv)
        if options.list:
            return show_list()
        wanted = configure(options)
        if options.describe:
            return describe(wanted)
        if options.evaluate:
            return evaluate(wanted, options)
        return run(wanted, options)
    except ValueError as error:
        print(f"run.py: {error}", file=sys.stderr)
        return BAD_INPUT


# The command line: `--arch` is looked at first, because it brings its own flags


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        raise ValueError(message)


def parse(argv: list[str]) -> argparse.Namespace:
    """Raises ValueError, in one line, for a flag or a value that does not exist."""
    first = Parser(add_help=False, allow_abbrev=False)
    first.add_argument("--arch")
    arch = first.parse_known_args(argv)[0].arch
    architecture = architectures.find(arch) if arch else None

    parser = Parser(
        prog="run.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
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
    add("--batch-size", type=int, metavar="N", help="images per step, all devices together")
    add(
        "--lr",
        type=float,
        metavar="RATE",
        help="initial learning rate; never scaled with the batch by itself",
    )
    add(
        "--resolution",
        type=int,
        metavar="N",
        help="pixels at a side (default: the data set's; the papers' ρ)",
    )
    add("--epochs", type=int, metavar="N", help="length; the schedule is compressed or stretched to it")
    add("--augmentation", choices=("standard", "none"), help="standard: the papers' +, pad 4, crop, mirror")

    add = parser.add_argument_group("evaluation of given weights").add_argument
    add("--evaluate", action="store_true", help="the errors of --weights on the whole test set, and stop")
    add(
        "--weights",
        type=Path,
        metavar="FILE",
        help="a state dict or checkpoint: ours, torchvision's, timm's …",
    )
    add("--evaluation", choices=VIEWS, help="views to average for each image of ImageNet (default: single)")
    add("--test-size", type=int, nargs="+", metavar="N", help="shorter side, one or several to average over")
    add(
        "--mean",
        type=_colour,
        metavar="R,G,B",
        help="of 0-1, where the weights expect another than the recipe's",
    )
    add("--std", type=_colour, metavar="R,G,B")

    add = parser.add_argument_group("the machine").add_argument
    add("--accelerator", default="auto", metavar="KIND", help="auto, cpu, gpu …, as Lightning names them")
    add("--devices", metavar="N", help="how many (-1: all), or which (0,1), share the batch (default: one)")
    add("--num-nodes", type=int, metavar="N", help="machines that share it; start the command on each")
    add("--strategy", default="auto", metavar="NAME", help="ddp …, as Lightning names them")
    add(
        "--precision",
        default="32-true",
        choices=("32-true", "bf16-mixed", "16-mixed"),
        help="changes the run's id",
    )
    add(
        "--deterministic",
        action="store_true",
        help="the same bits on every run of one GPU, slower; a CPU's always are",
    )
    add(
        "--workers",
        type=int,
        metavar="N",
        help="processes that make batches, which are the same (default: for ImageNet on a GPU every core, else 0)",
    )
    add("--data-dir", type=Path, default=Path("data"), metavar="DIR")
    add("--runs-dir", type=Path, default=Path("runs"), metavar="DIR")
    add("--no-wandb", action="store_true", help="no W&B at all (without an account it is offline by itself)")
    add(
        "--wait", action="store_true", help="if another process is at this run, wait for it instead of ending"
    )

    if architecture:
        group = parser.add_argument_group(f"knobs of {arch}: {architecture.summary}")
        for knob in architecture.knobs.values():
            default = "; ".join(f"{knob.default_for(stem)} on {stem}" for stem in architecture.stems)
            if not knob.by_stem:
                default = knob.default
            symbol = f"{knob.symbol}: " if knob.symbol else ""
            group.add_argument(
                _flag(knob.name),
                dest=f"knob:{knob.name}",
                metavar=knob.kind,
                help=f"{symbol}{knob.help} (default {default})",
            )
    options, unknown = parser.parse_known_args(argv)
    if unknown:
        flags = [flag for flag in parser._option_string_actions if flag.startswith("--")]
        raise ValueError(f"unknown argument {unknown[0]}{did_you_mean(unknown[0].split('=')[0], flags)}")
    lonely = [
        name for name in ("weights", "evaluation", "test_size", "mean", "std") if getattr(options, name)
    ]
    if lonely and not options.evaluate:
        raise ValueError(f"{_flag(lonely[0])} is for the evaluation of given weights: add --evaluate")
    options.knobs = {
        name: knob.parse(text)
        for name, knob in (architecture.knobs.items() if architecture else ())
        if (text := getattr(options, f"knob:{name}")) is not None
    }
    return options


def configure(options: argparse.Namespace) -> Configuration:
    """What the options ask for, every value written out. Raises ValueError in one line."""
    changes = {
        name: value
        for name in ("batch_size", "lr", "augmentation")
        if (value := getattr(options, name)) is not None
    }
    budget = options.budget or default_budget()
    if options.study:
        study = studies.read(options.study)
        others = [name for name in ("recipe", "resolution", "epochs") if getattr(options, name) is not None]
        changed = [_flag(name) for name in [*others, *changes]]
        if options.arch or changed:
            raise ValueError(
                f"a study fixes its runs; leave out {', '.join(['--arch'] * bool(options.arch) + changed)}"
            )
        if not options.variant:
            raise ValueError(
                f"--variant is missing; {study.name} has {', '.join(v.name for v in study.variants)}"
            )
        dataset = options.dataset or study.datasets[0]
        return studies.configure(
            study, options.variant, dataset, budget, options.seed, precision=options.precision
        )
    if not options.arch:
        raise ValueError(
            "say what to run: --arch NAME or --study NAME --variant NAME (--list shows the names)"
        )
    if options.variant:
        raise ValueError("--variant belongs to a study: add --study NAME")
    return configuration.resolve(
        options.arch,
        options.knobs,
        dataset=options.dataset or "cifar10",
        budget=budget,
        seed=options.seed,
        precision=options.precision,
        recipe=options.recipe,
        resolution=options.resolution,
        epochs=options.epochs,
        changes=changes,
    )


def default_budget() -> str:
    import torch

    return "paper" if torch.cuda.is_available() else "smoke"


# What can be done


def show_list() -> int:
    print("architectures (--arch)")
    for architecture in architectures.catalogue().values():
        print(f"  {architecture.name:24}{architecture.summary}")
    print("\ndata sets (--dataset)")
    for data in catalogue.DATASETS.values():
        print(f"  {data.name:24}{data.title}")
    print("\nrecipes (--recipe)")
    for name, recipe in RECIPES.items():
        print(f"  {name:27}{recipe.source}")
    print("\nstudies (--study)")
    for name in studies.names():
        study = studies.read(name)
        rows, runs = len(study.variants), len(studies.cells(study, "paper"))
        print(f"  {name:24}{study.title} ({rows} variants, {runs} runs)")
    return DONE


def describe(wanted: Configuration) -> int:
    import torch

    from architectures.describe import describe as table
    from lightning_modules.training import build

    with torch.device("meta"):
        print(table(build(wanted), wanted.resolution))
    return DONE


def run(wanted: Configuration, options: argparse.Namespace) -> int:
    surroundings.end_with_parent()
    folder = options.runs_dir / wanted.run_id
    wait = options.wait or surroundings.in_sweep()  # an agent has nothing better to do, and needs the result
    failed_before = failure(folder)
    # Asked before anything heavy is imported, and again below, when this process may train.
    if surroundings.is_first_process() and not ownership.free(folder, wait):
        return busy(folder)
    if (folder / "record.json").exists():
        return already_done(wanted, folder, options)

    from lightning_modules import training

    training.counted(wanted)  # refuses impossible knobs before anything is made, fetched or started
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(wanted.as_dict(), indent=1), encoding="utf-8")
    except OSError as error:
        raise ValueError(f"cannot write to {folder} ({error.strerror}); choose another --runs-dir") from error
    if not surroundings.is_first_process():
        return train(wanted, folder, options)  # the first process holds the lock for all

    try:
        with ownership.lock(folder).acquire(timeout=-1 if wait else 0):
            if (folder / "record.json").exists():
                return already_done(wanted, folder, options)
            if failure(folder) != failed_before:
                print(f"run.py: failed in another process: {failure(folder)}", file=sys.stderr)
                return FAILED
            (folder / "failure.txt").unlink(missing_ok=True)
            return train(wanted, folder, options)
    except Timeout:
        return busy(folder)


def busy(folder: Path) -> int:
    print(f"run.py: another process is at this run ({folder}); --wait waits for it", file=sys.stderr)
    return BUSY


def already_done(wanted: Configuration, folder: Path, options: argparse.Namespace) -> int:
    """Show the record; a sweep gets it as its run's result."""
    if not surroundings.is_first_process():
        return DONE
    try:
        record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
        report(record, folder, "already done")
    except (ValueError, KeyError) as error:
        raise ValueError(f"{folder / 'record.json'} is damaged; delete it to run again") from error
    if surroundings.in_sweep() and not options.no_wandb:
        from lightning_modules import tracking

        tracking.mirror(wanted, record, folder, study=options.study, variant=options.variant)
    return DONE


def failure(folder: Path) -> str | None:
    """Why the run failed when it was last tried; None if it didn't."""
    try:
        return (folder / "failure.txt").read_text(encoding="utf-8").strip()
    except OSError:
        return None


def train(wanted: Configuration, folder: Path, options: argparse.Namespace) -> int:
    from lightning_modules import training
    from lightning_modules.data.cache import DataError

    if surroundings.is_first_process():
        announce(wanted, folder, options)
    # Ctrl-C saves and stops as SIGTERM does.
    signal.signal(signal.SIGINT, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    try:
        result = training.train(
            wanted, folder, machine(options), study=options.study, variant=options.variant
        )
    except (training.CannotRun, DataError) as error:
        print(f"run.py: {error}", file=sys.stderr)
        return BAD_INPUT
    except OSError as error:
        reason = f"cannot write to {error.filename or folder} ({error.strerror})"
        print(
            f"run.py: {reason}; make room, or choose another --runs-dir; the last save stands",
            file=sys.stderr,
        )
        return BAD_INPUT
    except FloatingPointError as error:
        print(f"run.py: {error}", file=sys.stderr)
        if surroundings.is_first_process():
            (folder / "failure.txt").write_text(f"{error}\n", encoding="utf-8")
        return FAILED
    except training.LostProcess as error:
        print(f"run.py: {error}; the last save stands, and the same command goes on", file=sys.stderr)
        return FAILED
    except training.Terminated:
        print("stopped; progress is saved, and the same command goes on from here", file=sys.stderr)
        return TERMINATED
    if result:
        report(result, folder, "done")
    return DONE


def evaluate(wanted: Configuration, options: argparse.Namespace) -> int:
    if not options.weights:
        raise ValueError("--evaluate needs --weights FILE; it trains nothing")

    from lightning_modules import evaluation, training
    from lightning_modules.data.cache import DataError
    from lightning_modules.data.preprocessing import Viewing

    training.counted(wanted)
    sizes = tuple(options.test_size) if options.test_size else None
    viewing = Viewing(options.evaluation or "single", sizes, options.mean, options.std)
    try:
        result = evaluation.evaluate(wanted, options.weights, machine(options), viewing)
    except (training.CannotRun, DataError) as error:
        print(f"run.py: {error}", file=sys.stderr)
        return BAD_INPUT
    if surroundings.is_first_process():
        evaluation.report(result, wanted, options.weights, viewing)
    return DONE


def machine(options: argparse.Namespace) -> "Machine":
    from lightning_modules.training import Machine

    per_node, nodes = surroundings.processes()
    return Machine(
        accelerator=options.accelerator,
        devices=options.devices or per_node,
        num_nodes=options.num_nodes or nodes,
        strategy=options.strategy,
        deterministic=options.deterministic,
        data_dir=options.data_dir,
        workers=options.workers,
        wandb=not options.no_wandb,
    )


def _colour(text: str) -> tuple[float, ...]:
    """R,G,B of 0–1 in units of 0–255."""
    values = tuple(255 * float(part) for part in text.split(","))
    if len(values) != 3:
        raise argparse.ArgumentTypeError(f"{text!r} is not three numbers R,G,B")
    return values


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _budgets() -> str:
    return "; ".join(f"{budget.name}: {budget.meaning}" for budget in BUDGETS.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
