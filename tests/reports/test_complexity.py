"""Every printed count is reproduced at its printed precision, or explained; none is explained away."""

import pytest

from reports.printed.figures import names, read
from reports.verdicts import complexity

# How the metrics begin that take training, a stopwatch or a decision, not a count.
MEASURED = (
    *("err", "acc", "top1", "top5", "max_top1", "mAP", "MAP", "mmAP", "mean_AP", "delta", "frame_acc", "wer"),
    *("ms_", "s_per", "ips_", "gpu_", "arm_", "epoch_s", "memory", "steps", "pct_", "year"),
    *(
        "active",
        "bits",
        "density",
        "index_bits",
        "kept",
        "train_err",
        "reduction",
        "rate_",
        "s1x1",
        "e1x1",
        "e3x3",
    ),
)


@pytest.mark.parametrize("paper", complexity.papers())
def test_every_printed_count_is_reproduced_or_explained(paper):
    rows = list(complexity.rows(paper))
    assert rows
    loose = [row for row in rows if row.verdict == complexity.UNEXPLAINED]
    assert not loose, [(*complexity.key(row.figure), row.figure.value, row.counted) for row in loose]


@pytest.mark.parametrize("paper", complexity.papers())
def test_every_exception_is_needed(paper):
    module = complexity.module_of(paper)
    verdicts = {complexity.key(row.figure): row.verdict for row in complexity.rows(paper)}
    for listed, verdict in (("CUT", complexity.CUT), ("EXPLAINED", complexity.EXPLAINED)):
        unneeded = {
            figure: verdicts.get(figure)
            for figure in getattr(module, listed, ())
            if verdicts.get(figure) != verdict
        }
        assert not unneeded, f"listed as {verdict!r}, but"


@pytest.mark.parametrize("paper", complexity.papers())
def test_no_metric_is_overlooked(paper):
    figures = [f for table in complexity.module_of(paper).TABLES for f in read(table)]
    metrics = {f.metric for f in figures}
    strange = {m for m in metrics if not (complexity.countable(m) or m.startswith(MEASURED))}
    assert not strange


def test_no_table_with_counts_is_overlooked():
    judged = {table for paper in complexity.papers() for table in complexity.module_of(paper).TABLES}
    with_counts = {
        name for name in names() if any(complexity.countable(figure.metric) for figure in read(name))
    }
    assert with_counts <= judged
