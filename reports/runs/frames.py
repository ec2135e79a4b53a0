"""Runs as pandas DataFrames: one row a run, flat columns; errors in per cent.

from reports import runs
frame = runs.frame()
frame.query("budget == 'mini'").pivot_table("test_error", "variant", "dataset", ["mean", "std", "count"])
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from lightning_modules.protocols import BESIDE
from lightning_modules.record import Record
from reports.runs import records
from sweeps import study as studies
from sweeps.claim import Measure
from sweeps.contrasts import value

FOLDERS = (Path(__file__).parents[1] / "records", Path(__file__).parents[2] / "runs")
MEASURES: tuple[Measure, ...] = ("test_error", "top5_error", "train_error", "curve_error")
EVALUATED = tuple(f"{name}_error" for name in BESIDE)  # errors by other protocols than the test's
COLUMNS = (
    "study", "variant", "dataset", "budget", "seed", *MEASURES, *EVALUATED, "diverged", "did_not_start", "arch",
    "knobs", "recipe", "precision", "resolution", "epochs", "train_images", "batch_size", "lr", "parameters", "mult_adds",
    "device", "devices", "images_per_device", "wall_seconds", "finished", "commit", "dirty", "plan", "wandb", "contributor", "run",
)  # fmt: skip


def frame(finished: Iterable[Record] | None = None) -> pd.DataFrame:
    """Return the runs, a row each, in the order of the records; by default the committed and this machine's.

    Measures are None for a run that did not start; one that diverged counts as chance. knobs: as JSON-like text.
    """
    if finished is None:
        finished, _ = records.read(FOLDERS)
    return pd.DataFrame([_row(record) for record in finished], columns=COLUMNS)


def table(rows: pd.DataFrame, measure: str = "test_error") -> pd.DataFrame:
    """Return mean, 95 % half-width, n, least and greatest of a measure by study, variant, data set and budget."""
    from scipy import stats

    keys = ["study", "dataset", "budget", "variant"]
    grouped = rows.groupby(keys, sort=False)[measure]
    made = grouped.agg(mean="mean", std="std", n="count", least="min", greatest="max")
    made["half_width"] = stats.t.ppf(0.975, made.n - 1) * made["std"] / made.n**0.5
    return made[["mean", "half_width", "n", "least", "greatest"]].reset_index()


def export(names: Sequence[str], folder: Path, latex: bool = False) -> list[Path]:
    """Write `results.csv`, a row a run, and, as LaTeX, a table a study; return the files written.

    names: of studies, none for all.
    """
    runs = frame()
    if names:
        runs = runs[runs.study.isin([studies.read(name).name for name in names])]
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "results.csv"]
    runs.to_csv(written[0], index=False)
    for name, runs_of_study in runs.groupby("study") if latex else ():
        written.append(folder / f"{name}.tex")
        rounded = table(runs_of_study).drop(columns="study").round(2)
        written[-1].write_text(rounded.to_latex(index=False, na_rep="--", float_format="%.2f", escape=True))
    return written


def _row(record: Record) -> dict:
    config, recipe, machine = record.config, record.config["recipe"], record.machine
    taken = {name: getattr(record, name) for name in COLUMNS if hasattr(record, name)}
    return taken | {measure: value(record, measure) for measure in MEASURES} | {
        **{f"{name}_error": value(record, "test_error", name) for name in BESIDE},
        "knobs": ", ".join(f"{name}={knob}" for name, knob in record.knobs.items()),
        "precision": machine["precision"], "resolution": config["resolution"],
        "epochs": config["epochs"], "train_images": config["train_images"],
        "batch_size": recipe["batch_size"], "lr": recipe["lr"],
        "device": machine["device"], "devices": machine["devices"],
        "images_per_device": machine["images_per_device"],
        "commit": record.git["commit"], "dirty": record.git["dirty"], "run": record.run_id,
    }  # fmt: skip
