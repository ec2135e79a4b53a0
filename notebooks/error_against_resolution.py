"""From records to a figure: MobileNet's test error against ρ, with every seed and the interval over them.

Cells for VS Code, PyCharm or Jupytext; as a program: uv run notebooks/error_against_resolution.py
"""

# %% One row a run: the committed records, and those in runs/.
import sys
from pathlib import Path

import pandas as pd
import seaborn as sns

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from reports import runs
from reports.verdicts import statistics

frame = runs.frame()
print(frame.groupby(["study", "budget"]).size())

# %% The runs of one study at one budget: figures of different budgets never share an axis.
study = frame.query("study == 'mobilenet_resolution' and budget == 'mini' and dataset == 'cifar10'")
study = study.assign(width=study.knobs.str.extract(r"width_mult=([\d.]+)", expand=False))
print(study.pivot_table("test_error", "resolution", "width", ["mean", "std", "count"]).round(2))


# %% The interval that all pages use: 95 %, Student's t over the seeds. Of one seed it has no length.
def interval(errors: pd.Series) -> tuple[float, float]:
    summary = statistics.summarise(list(errors))
    return summary.low, summary.high


# %% Means with their intervals, and a point a run.
sns.set_theme(style="whitegrid")
drawn = {"data": study, "x": "resolution", "y": "test_error", "hue": "width", "palette": "colorblind"}
axes = sns.lineplot(**drawn, style="width", errorbar=interval, err_style="bars", err_kws={"capsize": 4})
sns.scatterplot(**drawn, style="width", ax=axes, legend=False)
axes.set(
    xlabel="pixels at a side",
    ylabel="test error (%)",
    title=f"MobileNet on CIFAR-10, 8 epochs, {len(study)} runs",
)
axes.set_xticks(sorted(study.resolution.unique()))
axes.legend(title="α")

# %% Where `python -m reports export` puts its files, too.
Path("export").mkdir(exist_ok=True)
axes.figure.savefig("export/error_against_resolution.png", dpi=150, bbox_inches="tight")
