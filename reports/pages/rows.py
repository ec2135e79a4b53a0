"""How each row of a study was run, and is run again: time, device, network, record and command."""

import shlex
import statistics
from collections.abc import Iterator, Sequence

from lightning_modules.data import catalogue
from lightning_modules.execution.estimate import duration
from lightning_modules.record import Record
from reports.pages import markdown, provenance
from reports.verdicts.results import Results
from sweeps import study as studies
from sweeps.study import Study, Variant

COLUMNS = ("row", "configuration", "wall time of a run", "device", "record", "command")

WALL_TIME = (
    "A run's wall time leaves interruptions out, and not what else its machine had to do: runs of the programme have the "
    "lowest priority."
)


def section(study: Study, results: Sequence[Results]) -> str:
    """Make a table for every budget and data set that has runs; of a study without any, for the first of both."""
    run = [
        (result, dataset)
        for result in results
        for dataset in study.datasets
        if any(record.dataset == dataset for record in result.records)
    ]
    parts = []
    for result, dataset in run or [(results[0], study.datasets[0])]:
        rows = [_row(study, variant, result, dataset) for variant in study.variants_on(dataset)]
        parts.append(f"### Row by row: {catalogue.find(dataset).title}, budget {result.budget}")
        parts.append(markdown.table(*markdown.without_empty(COLUMNS, rows)))
    return "\n\n".join([*parts, WALL_TIME] if run else parts)


def _row(study: Study, variant: Variant, results: Results, dataset: str) -> list[str]:
    records = results.groups[variant.name, dataset].records
    first = records[0] if records else None
    cell = f"--study {study.name} --variant {shlex.quote(variant.name)} --dataset {dataset}"
    seed = first.seed if first else study.seeds[0]
    return [
        f"`{variant.name}`",
        _configuration(study, variant, dataset, results.budget),
        "; ".join(_times(records)) or "—",
        "; ".join(markdown.escaped(device) for device in _by_device(records)) or "—",
        _record(first) if first else "—",
        f"`uv run run.py {cell} --seed {seed} --budget {results.budget}`",
    ]


def _configuration(study: Study, variant: Variant, dataset: str, budget: str) -> str:
    """What a run is made of, but for the seed: network with the knobs that the row sets, resolution and recipe."""
    configuration = studies.configure(study, variant.name, dataset, budget, study.seeds[0])
    knobs = [f"{name}={value}" for name, value in variant.knobs_for(configuration.stem).items()]
    side = configuration.resolution
    return f"`{' '.join([variant.arch, *knobs])}`, {side}×{side}, recipe `{configuration.recipe_name}`"


def _by_device(records: Sequence[Record]) -> dict[str, list[float]]:
    """Wall times in seconds, by device."""
    seconds: dict[str, list[float]] = {}
    for record in records:
        seconds.setdefault(provenance.device(record), []).append(record.wall_seconds)
    return seconds


def _times(records: Sequence[Record]) -> Iterator[str]:
    for seconds in _by_device(records).values():
        median = duration(statistics.median(seconds)).removeprefix("about ")
        yield f"{median} (median of {len(seconds)})" if len(seconds) > 1 else median


def _record(record: Record) -> str:
    """The run, leading to the file of its record if that is committed: its line holds the whole configuration."""
    path = record.where.rpartition(":")[0]
    return f"[`{record.run_id}`]({path})" if path.endswith(".jsonl") else f"`{record.run_id}`"
