"""The same runs on other machines: how far their results differ, beside how far those of the seeds do."""

import math
from collections.abc import Sequence

from lightning_modules.data.catalogue import DATASETS
from lightning_modules.record import Record
from reports.pages import markdown, provenance
from reports.runs.records import by_run
from reports.verdicts import statistics
from reports.verdicts.results import Group, Results

COLUMNS = ("variant", "seed", "device", "repeated on", "by", "training", "difference", "SD of seeds")
RESULTS = ("train_loss", "train_error", "curve_test_error")  # of a curve; the others are settings and times


def section(results: Sequence[Results], repeats: Sequence[Record]) -> str:
    """Make a table of a study's repeated runs for each budget and data set; empty if there is none."""
    repeats_of = by_run(repeats)
    parts = []
    for result in results:
        for dataset in result.study.datasets:
            rows = [
                _row(variant.name, group, record, repeat)
                for variant in result.study.variants_on(dataset)
                for group in (result.groups[variant.name, dataset],)
                for record in group.records
                for repeat in repeats_of.get(record.run_id, [])
            ]
            if rows:
                parts.append(f"### Repeated on {DATASETS[dataset].title}, budget {result.budget}")
                parts.append(markdown.table(COLUMNS, rows, right=("seed", "difference", "SD of seeds")))
    if not parts:
        return ""
    explained = (
        "The same run, seed and all, on other machines: how long its training kept to the same numbers bit for bit, and "
        "by how many points of test error it ended elsewhere, beside the standard deviation between the seeds of the runs "
        "above. A repeat counts as no further seed."
    )
    return "\n\n".join(["## Repeats on other machines", explained, *parts])


def _row(variant: str, group: Group, record: Record, repeat: Record) -> list[str]:
    errors = group.errors
    spread = f"{math.sqrt(statistics.variance(errors)):.2f}" if len(errors) > 1 else "—"
    return [
        f"`{variant}`",
        str(record.seed),
        markdown.escaped(provenance.device(record)),
        markdown.escaped(provenance.device(repeat)),
        markdown.escaped(repeat.contributor or "—"),
        _agreement(record, repeat),
        f"{repeat.error - record.error:+.2f}".replace("-", "−"),
        spread,
    ]


def _agreement(record: Record, repeat: Record) -> str:
    """Return how long two trainings had the same losses and errors, to the last bit."""
    curves = [list(zip(*(r.curve[name] for name in RESULTS), strict=True)) for r in (record, repeat)]
    for epoch, (here, there) in enumerate(zip(*curves, strict=False), start=1):
        if here != there:
            return f"differs from epoch {epoch}"
    if record.diverged != repeat.diverged:
        return f"differs from epoch {min(map(len, curves)) + 1}"
    return "equal" if record.test == repeat.test else "equal, but not its test"
