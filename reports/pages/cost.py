"""What runs have cost, in words; for at least one record."""

import math
from collections.abc import Sequence

from lightning_modules.record import Record
from reports.pages import markdown, provenance


def per_run(records: Sequence[Record]) -> str:
    """Say steps, epochs and images of each run."""
    return " or ".join(dict.fromkeys(map(_training, records)))


def in_all(records: Sequence[Record]) -> str:
    """Say hours of all runs, and the machines."""
    machines = ", ".join(markdown.escaped(name) for name in dict.fromkeys(map(provenance.device, records)))
    hours = sum(record.wall_seconds for record in records) / 3600
    return f"{hours:.1f} hours in all on {machines}"


def _training(record: Record) -> str:
    spent, machine = record.budget_spent, record.machine
    batch = machine["devices"] * machine["images_per_device"]
    steps = spent["epochs"] * math.ceil(spent["train_images"] / batch)
    return (
        f"{steps:,} optimiser steps of {batch} images ({spent['epochs']} of {spent['of_epochs']} epochs on "
        f"{spent['train_images']:,} of {spent['of_images']:,} training images)"
    )
