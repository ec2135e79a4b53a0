"""Runs as DataFrames: one row a run, tables of means, exported files."""

import pandas as pd
import pytest

from reports import runs
from reports.runs import frames, records
from sweeps import study as studies
from tests.reports.conftest import diverged, not_started, run_id


@pytest.fixture
def frame(study, write_records, facts) -> pd.DataFrame:
    lines = [facts("wide", seed, error) for seed, error in enumerate((5000, 5100, 5200))]
    lines += [not_started(facts("thin", 0, 9000)), diverged(facts("thin", 1, 9000), 1)]
    return frames.frame(records.read([write_records(*lines)])[0])


def test_a_row_a_run_and_flat_columns(frame):
    assert list(frame.columns) == list(frames.COLUMNS)
    first = frame[(frame.variant == "wide") & (frame.seed == 0)].iloc[0]
    assert (first.test_error, first.device, first.run) == (50.0, "Abacus", run_id("wide", 0))
    thin = frame[frame.variant == "thin"].set_index("seed")
    assert pd.isna(thin.test_error[0]) and thin.test_error[1] == 90.0
    assert frame.map(lambda cell: isinstance(cell, (dict, list))).to_numpy().sum() == 0


def test_a_table_has_means_half_widths_and_n(frame):
    table = frames.table(frame).set_index("variant")
    assert table.loc["wide", "mean"] == 51.0 and table.loc["wide", "n"] == 3
    assert table.loc["wide", "half_width"] == pytest.approx(2.484, abs=0.001)


def test_export_writes_a_row_a_run_and_latex(study, frame, tmp_path, monkeypatch):
    monkeypatch.setattr(frames, "frame", lambda: frame)
    csv, tex = frames.export(["made_up"], tmp_path / "out", latex=True)
    assert len(pd.read_csv(csv)) == 5
    assert "51.00" in tex.read_text() and "\\begin{tabular}" in tex.read_text()


def test_the_committed_runs_are_three_lines_away():
    frame = runs.frame()
    assert len(frame) and frame.run.is_unique
    assert set(frame.budget) <= set(studies.BUDGETS)
