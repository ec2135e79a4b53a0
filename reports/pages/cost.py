"""What runs have cost, or would, in words."""

import math
from collections.abc import Sequence

import pandas as pd

from architectures.spelling import number_of
from lightning_modules.budgets import BUDGETS
from lightning_modules.data.catalogue import DATASETS
from lightning_modules.execution.estimate import duration
from lightning_modules.record import Record
from reports.pages import markdown, provenance
from reports.verdicts.counts import Counts
from sweeps.study import Study

PASSES = 3  # a training step is about three forward passes' work


def per_run(records: Sequence[Record]) -> str:
    """Say steps, epochs and images of each run; for at least one record."""
    return " or ".join(dict.fromkeys(map(_training, records)))


def in_all(records: Sequence[Record]) -> str:
    """Say hours of all runs, and the machines; for at least one record."""
    machines = ", ".join(markdown.escaped(name) for name in dict.fromkeys(map(provenance.device, records)))
    hours = sum(record.wall_seconds for record in records) / 3600
    return f"{hours:.1f} hours in all on {machines}"


def _training(record: Record) -> str:
    spent, batch = record.budget_spent, record.config["recipe"]["batch_size"]
    steps = spent["epochs"] * math.ceil(spent["train_images"] / batch)
    return (
        f"{steps:,} optimiser steps of {batch} images ({spent['epochs']} of {spent['of_epochs']} epochs on "
        f"{spent['train_images']:,} of {spent['of_images']:,} training images)"
    )


def estimated(study: Study, dataset: str, budget: str, counts: Counts, records: Sequence[Record]) -> str:
    """Say what all runs of a study take on one data set, by the speed of the CPU runs of its architectures, or of all.

    The estimate is of whole trainings, good to a factor of three; without any such run it is in multiply-adds.
    """
    data, rows = DATASETS[dataset], study.variants_on(dataset)
    epochs, images = BUDGETS[budget].epochs, BUDGETS[budget].train_images or data.train_images
    speeds = _speeds(records)
    length = number_of(epochs, "epoch") if epochs else "the recipe's length"
    text = f"{number_of(len(rows) * len(study.seeds), 'run')} of {length} on {images:,} images"
    if epochs is None or not speeds:
        return text
    seconds = sum(
        PASSES * counts[row.name, dataset].mult_adds * epochs * images / speeds.get(row.arch, speeds[""])
        for row in rows
    )
    return f"{text}, {duration(seconds * len(study.seeds))} of one core in all, to a factor of three"


def _speeds(records: Sequence[Record]) -> dict[str, float]:
    """Multiply-adds that a CPU core trains a second, the median by architecture, and under "" over all."""
    speeds = pd.DataFrame(
        [
            (record.arch, PASSES * record.mult_adds * images / (record.wall_seconds * record.machine["threads"]))
            for record in records
            if record.machine["kind"] == "cpu" and record.wall_seconds
            and (images := record.budget_spent["epochs"] * record.budget_spent["train_images"])
        ],
        columns=["arch", "speed"],
    )  # fmt: skip
    by_arch = speeds.groupby("arch").speed.median().to_dict()
    return {str(arch): float(speed) for arch, speed in by_arch.items()} | (
        {"": float(speeds.speed.median())} if by_arch else {}
    )
