"""The notebooks run from beginning to end, anywhere, and leave their figures."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.py"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_draws_its_figure(notebook, tmp_path):
    environment = os.environ | {"MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, str(notebook)],
        check=False,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    with Image.open(tmp_path / "export" / f"{notebook.stem}.png") as figure:
        colours = figure.convert("RGB").getcolors(1 << 24)
    blue = sum(number for number, (red, _, blue) in colours if blue > red + 80)
    assert blue > 1_000  # what is drawn of the runs, not the empty axes


def test_there_is_one():
    assert NOTEBOOKS
