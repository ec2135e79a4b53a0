"""Train one network of a paper, evaluate it, track it, and leave a record.

    uv run run.py --arch densenet_bc                                      the paper's network on CIFAR-10
    uv run run.py --arch densenet_bc --describe                           its architecture table
    uv run run.py --arch densenet_bc --help                               its knobs
    uv run run.py --study densenet_bc_compression --variant bc --seed 1   one cell of a study
    uv run run.py --arch resnet --depth 20 --weights FILE --evaluate      the errors of given weights
    uv run run.py --list                                                  what there is

The same command again says that it is done; after an interruption it goes on where it stopped.
"""

import argparse
import json
import os
import signal
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import architectures
from architectures.spelling import number_of
from lightning_modules import artifacts, files, finished, recipes
from lightning_modules.cli import flag, parse
from lightning_modules.commands import refuse
from lightning_modules.configuration import Configuration, Run, check_same
from lightning_modules.configuration import resolve as with_defaults
from lightning_modules.console import STOPPED, announce, report
from lightning_modules.data import catalogue
from lightning_modules.execution import environment, run_lock
from lightning_modules.execution.requested import device_kind, machine, share_of_batch
from lightning_modules.exit_codes import BAD_INPUT, BUSY, DONE, FAILED, TERMINATED
from lightning_modules.protocols import ONE_CROP, PROTOCOLS
from lightning_modules.recipes import RECIPES
from lightning_modules.recipes.changes import changed
from sweeps import study as studies
from sweeps import teachers

if TYPE_CHECKING:
    from torch import nn

    from lightning_modules.classifier import Classifier
    from lightning_modules.weights import WeightsFile


def main(argv: list[str]) -> int:
    environment.print_anything()
    try:
        options = artifacts.localised(parse(argv, __doc__))
        if options.list:
            return show_list()
        if not options.describe:
            environment.settle_cluster()
        if options.evaluate:
            return evaluate(options)
        run = configure(options)
        if options.describe:
            return describe(run.configuration)
        if options.tune:
            return tune(run.configuration, options)
        return execute(run, options)
    except ValueError as error:
        return refuse("run.py", error)
    except OSError as error:
        print(f"run.py: cannot use {error.filename} ({error.strerror}); name another folder", file=sys.stderr)
        return BAD_INPUT
    except run_lock.Busy as busy:
        print(f"run.py: {busy}; --wait waits for it", file=sys.stderr)
        return BUSY


def configure(options: argparse.Namespace) -> Run:
    """Return the run that the options ask for, every value written out. Raises ValueError in one line."""
    budget = options.budget or "smoke"
    resolved = resolve(options, budget)  # every mistake is answered before torch is asked for a GPU
    if not options.budget and not options.describe and device_kind(options) == "cuda":
        resolved = resolve(options, "paper")
    if not options.study:
        return Run(resolved, plan=options.plan, evaluations=options.evaluation)
    study = studies.read(options.study)
    teaches = any(row.teacher == options.variant for row in study.variants)
    evaluations = study.evaluations_of(study.variant(options.variant), resolved.dataset)
    return Run(resolved, options.study, options.variant, options.plan, teaches, evaluations)


def resolve(options: argparse.Namespace, budget: str) -> Configuration:
    """Return the configuration at a budget. Raises ValueError in one line."""
    if options.study:
        study = studies.read(options.study)
        fixed = ("recipe", "resolution", "epochs", "teacher")
        others = [name for name in fixed if getattr(options, name) is not None]
        others += ["evaluation"] * bool(options.evaluation and not options.evaluate)
        changed = ["--arch"] * bool(options.arch) + [*map(flag, others), *dict.fromkeys(options.changed_by)]
        if changed:
            raise ValueError(f"a study fixes its runs; leave out {', '.join(changed)}")
        if not options.variant:
            raise ValueError(
                f"--variant is missing; {study.name} has {', '.join(v.name for v in study.variants)}"
            )
        dataset = options.dataset or study.datasets[0]
        return studies.configure(study, options.variant, dataset, budget, options.seed, options.precision)
    if not options.arch:
        raise ValueError("say what to run: --arch NAME or --study NAME --variant NAME (--list shows them)")
    if options.variant:
        raise ValueError("--variant belongs to a study: add --study NAME")
    return with_defaults(
        options.arch,
        options.knobs,
        dataset=options.dataset or "cifar10",
        budget=budget,
        seed=options.seed,
        precision=options.precision or "32-true",
        recipe=options.recipe,
        resolution=options.resolution,
        epochs=options.epochs,
        changes=options.changes,
        teacher=finished.trained(options.teacher) if options.teacher else None,
    )


# What can be done


def show_list() -> int:
    declared = [studies.read(name) for name in studies.names()]
    lists = {
        "architectures (--arch)": {a.name: a.summary for a in architectures.catalogue().values()},
        "data sets (--dataset)": {data.name: data.title for data in catalogue.DATASETS.values()},
        "recipes (--recipe)": {name: recipe.source for name, recipe in RECIPES.items()},
        "studies (--study)": {
            study.name: f"{study.title} ({number_of(len(study.variants), 'variant')}, {number_of(studies.size(study), 'run')})"
            for study in declared
        },
    }
    width = max(len(name) for entries in lists.values() for name in entries)
    for title, entries in lists.items():
        print(title, *(f"  {name:{width}}  {text}" for name, text in entries.items()), "", sep="\n")
    return DONE


def describe(configuration: Configuration) -> int:
    import torch

    from architectures.describe import describe as table

    with torch.device("meta"):
        print(table(configuration.build(), configuration.resolution))
    return DONE


def execute(run: Run, options: argparse.Namespace) -> int:
    environment.end_with_parent()
    folder = options.runs_dir / run.configuration.run_id
    wait = options.wait or environment.in_sweep()  # an agent has nothing better to do, and needs the result
    # Asked before anything heavy is imported, and again below, when this process may train.
    if environment.is_first_process() and (folder / "lock").exists():
        run_lock.take(folder, wait).release()
    if (folder / "record.json").exists():
        return already_done(run, folder, options)

    from lightning_modules import evaluator, training

    # Refuses impossible knobs and evaluations before anything is made, fetched or started.
    network = training.on_meta(run.configuration)
    evaluator.check(run.evaluations, run.configuration)
    counts = training.counted(run.configuration, network)
    try:
        files.write(folder / "config.json", json.dumps(run.configuration.as_dict(), indent=1).encode())
    except OSError as error:
        raise ValueError(f"cannot write to {folder} ({error.strerror}); choose another --runs-dir") from error
    if not environment.is_first_process():
        teachers.wait(teachers_folder(run.configuration, options))
        return train(run, folder, options, network, counts)  # the first process holds the lock for all

    with run_lock.take(folder, wait):
        if (folder / "record.json").exists():
            return already_done(run, folder, options)
        if run.configuration.teacher and run.study and (code := teachers.provide(run, options)):
            return code
        return train(run, folder, options, network, counts)


def teachers_folder(configuration: Configuration, options: argparse.Namespace) -> Path | None:
    """Return the folder of the run that this one learns from; None if it learns from none."""
    if not configuration.teacher:
        return None
    return options.teacher or options.runs_dir / Configuration(**configuration.teacher).run_id


def already_done(run: Run, folder: Path, options: argparse.Namespace) -> int:
    """Show the record; a sweep gets it as its run's result."""
    if not environment.is_first_process():
        return DONE
    record = finished.read(folder / "record.json").as_dict()
    report(record, folder, "already done", run.evaluations)
    if environment.in_sweep() and options.tracked:
        from lightning_modules import tracking

        tracking.mirror(run, record, folder.parent)
    return FAILED if record["diverged"] else DONE


def train(run: Run, folder: Path, options: argparse.Namespace, network: "nn.Module", counts: dict) -> int:
    """Train, and say how it ended; network: on the meta device, and its counts."""
    import torch

    from lightning_modules import training
    from lightning_modules.data.cache import DataError
    from lightning_modules.execution import choice, memory
    from lightning_modules.execution.estimate import of_like_runs, timed
    from lightning_modules.execution.machine import describe as described

    # Ctrl-C saves and stops as SIGTERM does.
    signal.signal(signal.SIGINT, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    try:
        artifacts.begin_with(options.resume_from, folder, run.configuration)
        share = share_of_batch(run.configuration, options)
        speed = choice.choose(
            run.configuration, share, options.data_dir, folder, network, counts["mult_adds"]
        )
        if share.kind == "cuda":
            need, free = memory.Need.of(run.configuration, network, speed), memory.free(share.device)
            if refusal := need.refusal(share, free):
                raise training.CannotRun(refusal)

        def announced(module: "Classifier") -> None:
            here = described(share.kind, share.devices, share.images, run.configuration.precision, speed)
            pace = of_like_runs(run.configuration, here, options.runs_dir)
            if pace is None:
                one_device = timed(
                    module.network,
                    run.configuration.resolution,
                    share.device,
                    images=share.images,
                    layout=speed.memory_format,
                    precision=run.configuration.precision,
                    deterministic=options.deterministic,
                    teacher=module.teacher.network if module.teacher else None,
                )
                pace = one_device.on(share.devices)
            announce(run, folder, speed, pace, budget_given=bool(options.budget))

        result = training.train(
            run,
            folder,
            machine(options, speed),
            teacher=teachers_folder(run.configuration, options),
            counts=counts,
            before=announced,
        )
    except (training.CannotRun, DataError) as error:
        return refuse("run.py", error)
    except torch.OutOfMemoryError:
        print(f"run.py: {need.exceeded(share, free)}; the last save stands", file=sys.stderr)
        return BAD_INPUT
    except OSError as error:
        reason = f"cannot write to {error.filename or folder} ({error.strerror})"
        print(
            f"run.py: {reason}; make room, or choose another --runs-dir; the last save stands",
            file=sys.stderr,
        )
        return BAD_INPUT
    except training.LostProcess as error:
        print(f"run.py: {error}; the last save stands, and the same command goes on", file=sys.stderr)
        return FAILED
    except training.Terminated:
        print(STOPPED, file=sys.stderr)
        return TERMINATED
    if not result:  # another process of this run tells
        return DONE
    report(result, folder, "done")
    return FAILED if result["diverged"] else DONE


def evaluate(options: argparse.Namespace) -> int:
    from lightning_modules import evaluation, training, weights
    from lightning_modules.data import data_module
    from lightning_modules.data.cache import DataError
    from lightning_modules.data.preprocessing import viewing_of

    protocol = PROTOCOLS[next(iter(options.evaluation), ONE_CROP)]
    sizes = tuple(options.test_size or ()) or None
    seen = partial(viewing_of, protocol, sizes=sizes, mean=options.mean, std=options.std)
    if options.arch or options.study:  # every mistake is answered before anything is read
        requested = configure(options).configuration
        data_module(requested, machine(options), seen(requested))
    file = weights.read(options.weights, options.weights_key)
    configuration = evaluated_configuration(file, options)
    viewing = seen(configuration)
    training.counted(configuration, training.on_meta(configuration))

    def announced(*data_and_notes: Any) -> None:
        if environment.is_first_process():
            evaluation.announce(configuration, file, viewing, *data_and_notes)

    if environment.is_first_process():
        title = catalogue.find(configuration.dataset).title
        print(f"reading the test set of {title} for {file.name}", file=sys.stderr, flush=True)
    try:
        result = evaluation.evaluate(configuration, file, machine(options), viewing, announced)
    except (training.CannotRun, DataError) as error:
        return refuse("run.py", error)
    except training.Terminated:
        print("stopped before every image was evaluated", file=sys.stderr)
        return TERMINATED
    if environment.is_first_process():
        evaluation.report(result, configuration)
    return DONE


def evaluated_configuration(file: "WeightsFile", options: argparse.Namespace) -> Configuration:
    """Return what a checkpoint of this project was trained with, or what the options ask of other weights.

    Raises ValueError that names what the options would change in a checkpoint.
    """
    saved = file.configuration
    if saved is None:
        return configure(options).configuration
    if options.study:
        requested = configure(options).configuration.decisions_of_evaluation()
    else:
        recipe = recipes.find(options.recipe) if options.recipe else saved.decisions_of_evaluation()["recipe"]
        requested = {name: getattr(options, name) for name in ("arch", "dataset", "resolution", "knobs")}
        requested["recipe"] = changed(recipe, options.changes)
    check_same(saved, file.name, requested)
    return replace(saved, precision=options.precision or saved.precision)


def tune(configuration: Configuration, options: argparse.Namespace) -> int:
    from lightning_modules import training
    from lightning_modules.execution import tuning

    training.counted(configuration, training.on_meta(configuration))
    tuning.tune(configuration, share_of_batch(configuration, options), options.data_dir)
    return DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
