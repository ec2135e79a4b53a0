"""From a figure back to the runs behind it: commit, machine, date and W&B page of every record."""

import math

from architectures.spelling import number_of
from lightning_modules.data.catalogue import DATASETS
from lightning_modules.record import Record
from reports.pages import markdown, tables
from reports.printed import variants
from reports.verdicts.results import Results
from sweeps.study import Study

COLUMNS = ("variant", "seed", "error", "run", "commit", "device", "finished", "W&B", "contributor")


def section(results: list[Results]) -> str:
    """Make the page's last section: a table of the records for each budget and data set."""
    parts = [
        "## Records",
        "Every figure above comes from these runs. The full records, with curves, are in `reports/records/`.",
    ]
    for result in results:
        for dataset in result.study.datasets:
            rows = [
                _row(variant.name, record, "" if nth else tables.anchor(result.budget, dataset, variant.name))
                for variant in result.study.variants_on(dataset)
                for nth, record in enumerate(result.groups[variant.name, dataset].records)
            ]
            if rows:
                parts.append(f"### {DATASETS[dataset].title}, budget {result.budget}")
                columns, rows = markdown.without_empty(COLUMNS, rows, empty=("",))  # nobody contributed
                parts.append(markdown.table(columns, rows, right=("seed", "error")))
    return "\n\n".join(parts) if len(parts) > 2 else ""


def explain(study: Study, results: list[Results], variant: str) -> str:
    """Say what stands behind one row, as plain text for the terminal."""
    row = study.variant(variant)
    knobs = ", ".join(f"{name} {value}" for name, value in row.knobs.items())
    lines = [f"{study.name}/{variant}: {row.arch} with {knobs or 'default knobs'}"]
    if row.note:
        lines.append(f"note: {row.note}")
    for dataset in study.datasets:
        error = variants.printed_error(row, dataset)
        if error is not None:
            source = f"{error.paper}, {error.table}, row {error.row_id}"
            figure = variants.as_error(error)
            lines.append(
                f"printed on {DATASETS[dataset].title}: error {figure} ({source}; {study.printed_runs})"
            )
    for result in results:
        for dataset in study.datasets:
            group = result.groups.get((variant, dataset))
            if group is None:
                continue
            lines.append(f"budget {result.budget}, {DATASETS[dataset].title}: {group}")
            for record in group.records:
                lines.append(
                    f"  seed {record.seed}: {record.error:.2f} % = {record.errors} of {record.images} images"
                )
                lines.append(f"    run {record.run_id}, {record.where}, finished {record.finished}")
                lines.append(f"    commit {commit(record)}, on {device(record)}")
                if record.contributor:
                    lines.append(f"    contributed by {record.contributor}")
                if record.wandb:
                    lines.append(f"    {record.wandb}")
    return "\n".join(lines)


def device(record: Record) -> str:
    """Return the machine in words; threads and precision are in the record."""
    machine = record.machine
    name = machine["device"] if machine["devices"] == 1 else f"{machine['devices']} × {machine['device']}"
    parts = parts_of_batch(record)
    return name if parts == 1 else f"{name}, {machine['images_per_device']} images at a time"


def parts_of_batch(record: Record) -> int:
    """Return in how many parts a batch was computed, on as many devices or one after the other."""
    return math.ceil(record.config["recipe"]["batch_size"] / record.machine["images_per_device"])


def unlike_devices(results: Results, dataset: str) -> str:
    """Say which runs computed a batch in how many parts, if they weren't all alike; empty otherwise."""
    seeds: dict[int, dict[str, list[str]]] = {}
    for variant in results.study.variants_on(dataset):
        for record in results.groups[variant.name, dataset].records:
            seeds.setdefault(parts_of_batch(record), {}).setdefault(variant.name, []).append(str(record.seed))
    if len(seeds) < 2:
        return ""
    runs = "; ".join(
        f"**{number_of(parts, 'part')}**: "
        + ", ".join(f"`{variant}` (seed {', '.join(numbers)})" for variant, numbers in variants.items())
        for parts, variants in sorted(seeds.items())
    )
    return (
        "**Runs on unlike numbers of devices are mixed here.** A batch was computed in parts, on as many devices or one "
        f"after the other, and batch normalisation saw a part at a time: {runs}."
    )


def commit(record: Record) -> str:
    """Return the short commit, and whether the working tree differed from it; without one the sources' digest."""
    git = record.git
    if git["commit"] is None:
        return (
            f"none; sources {record.versions['sources'][:8]}" if "sources" in record.versions else "unknown"
        )
    return git["commit"][:8] + (" (dirty)" if git["dirty"] else "")


def _row(variant: str, record: Record, mark: str) -> list[str]:
    return [
        (f'<a id="{mark}"></a>' if mark else "") + f"`{variant}`",
        str(record.seed),
        f"{record.error:.2f}",
        f"`{record.run_id}`",
        markdown.escaped(commit(record)),
        markdown.escaped(device(record)),
        markdown.escaped(record.finished[:10]),
        markdown.link("run", record.wandb),
        markdown.escaped(record.contributor or ""),
    ]
