"""`uv run -m sweeps`: what is done and missing at once, and what the rest would take without training it."""

import json
import os
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from unittest.mock import create_autospec

import pytest

from lightning_modules.execution import gpu
from lightning_modules.execution.cores import cpu_name
from lightning_modules.execution.machine import describe
from sweeps import __main__ as sweeps
from sweeps import state
from sweeps import study as studies
from tests.reports.conftest import facts_of, sealed

ROOT = Path(__file__).parent.parent.parent
HEAD = """
title = "T"
paper = "P"
source = "S"
question = "Q"
statistic = "single run"
datasets = ["cifar10"]
tables = []
"""


def row(name: str, arch: str, depth: int) -> str:
    return f'[[variants]]\nname = "{name}"\narch = "{arch}"\nknobs = {{ depth = {depth} }}\n'


@pytest.fixture
def declare(tmp_path, monkeypatch):
    """Declares studies in place of the committed ones: declare(name, rows, seeds)."""
    folder = tmp_path / "studies"
    folder.mkdir()
    monkeypatch.setattr(studies, "FOLDER", folder)
    monkeypatch.setattr(state, "RECORDS", tmp_path / "no records")

    def write(name: str, rows: list[str], seeds: int) -> None:
        text = HEAD + f"seeds = {list(range(seeds))}\n" + "".join(rows)
        (folder / f"{name}.toml").write_text(text)

    return write


def show(capsys, *argv: str) -> list[list[str]]:
    assert sweeps.main(["list", *argv]) == 0
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_without_arguments_it_shows_its_help(capsys):
    with pytest.raises(SystemExit) as left:
        sweeps.main([])
    assert left.value.code == 0
    assert " -m sweeps list --costs" in capsys.readouterr().out


def test_it_imports_nothing_heavy():
    script = """
import sys
from sweeps.__main__ import main
assert main(["list"]) == 0
assert not {"torch", "numpy", "wandb", "pytorch_lightning"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def test_costs_that_are_known_need_no_torch(tmp_path):
    """Counts stand beside the pages, and speeds in the records."""
    (tmp_path / "timed.json").write_text(json.dumps({_device(): {"vgg": 1e9}}))
    script = f"""
import sys
from sweeps.__main__ import main
assert main(["list", "vgg_kernel", "--costs", "--runs-dir", {str(tmp_path)!r}]) == 0
assert "torch" not in sys.modules
"""
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, check=True, env=environment, stdout=subprocess.DEVNULL
    )


def _device() -> str:
    return f"{cpu_name()}, torch {version('torch')}"


def test_ten_thousand_cells_take_less_than_a_second(declare, capsys, tmp_path):
    declare("large", [row(str(depth), "resnet", depth) for depth in range(8, 248, 6)], 84)
    begun = time.process_time()
    lines = show(capsys, "--runs-dir", str(tmp_path / "runs"))
    assert time.process_time() - begun < 1
    assert lines[1:] == [
        ["large", "paper", "3,360", "0", "3,360"],
        ["short", "3,360", "0", "3,360"],
        ["mini", "3,360", "0", "3,360"],
        ["smoke", "3,360", "0", "3,360"],
    ]


def test_it_tells_done_and_missing_and_counts_a_shared_run_once(declare, capsys, tmp_path):
    declare("one", [row("a", "resnet", 8), row("b", "plain", 8)], 2)
    declare("two", [row("same-as-a", "resnet", 8)], 2)
    done, missing, *_ = (cell.run_id for cell in studies.cells(studies.read("one"), "smoke"))
    (tmp_path / "runs" / done).mkdir(parents=True)
    (tmp_path / "runs" / done / "record.json").write_text("{}")
    assert sweeps.main(["list", "--budget", "smoke", "--runs", "--runs-dir", str(tmp_path / "runs")]) == 0
    said = capsys.readouterr().out
    assert f"b on cifar10, seed 0 ({missing})" in said
    counts = {tuple(line.split()[:-3]): line.split()[-3:] for line in said.splitlines() if " smoke " in line}
    assert counts == {
        ("one", "smoke"): ["4", "1", "3"],
        ("two", "smoke"): ["2", "1", "1"],
        ("all", "studies", "smoke"): ["4", "1", "3"],
    }


def test_an_unknown_study_is_refused_in_one_line(declare, capsys):
    declare("one", [row("a", "resnet", 8)], 1)
    assert sweeps.main(["list", "on"]) == 2
    message = capsys.readouterr().err
    assert "did you mean one?" in message and message.count("\n") == 1


def test_costs_come_from_recorded_speeds_then_from_relatives_then_from_timing(declare, monkeypatch, tmp_path):
    from lightning_modules import training
    from sweeps import costs, slots

    monkeypatch.setattr(slots, "gpus", list)
    monkeypatch.setattr(slots, "usable_cores", lambda: 4)
    monkeypatch.setattr(gpu, "usable", lambda: False)
    declare("one", [row("a", "resnet", 8), row("b", "resnet", 14), row("c", "plain", 8)], 2)
    study = studies.read("one")
    known = studies.configure(study, "a", "cifar10", "smoke", 0)
    mult_adds = {
        name: training.counted(configuration, training.on_meta(configuration))["mult_adds"]
        for name in "abc"
        for configuration in [studies.configure(study, name, "cifar10", "smoke", 0)]
    }
    facts = facts_of(known, 5000, "one", "a", mult_adds=mult_adds["a"])
    facts["machine"] = describe("cpu", 1, 128, "32-true") | {"threads": 2}
    facts["curve"]["images_per_second"] = [100.0, 200.0, 200.0, 220.0]
    (tmp_path / "runs" / "x").mkdir(parents=True)
    (tmp_path / "runs" / "x" / "record.json").write_text(json.dumps(sealed(facts)))
    timed = []
    # with the signature of the real one, so that a call which that doesn't take fails here too
    timing = create_autospec(
        costs.timed, side_effect=lambda configuration, *_: timed.append(configuration.arch) or 0.02
    )
    monkeypatch.setattr(costs, "timed", timing)

    cells = studies.cells(study, "smoke")
    estimates = costs.Costs(cells, tmp_path / "runs")
    # 4 epochs of 2,500 training and 500 test images, then 10,000 test images, at a third of the price
    worth = 4 * (2500 + 500 / 3) + 10_000 / 3
    expected = {"a": worth / 100, "b": worth / 100 * mult_adds["b"] / mult_adds["a"], "c": worth * 0.02}
    for name, seconds in expected.items():
        runs = [cell for cell in cells if cell.variant == name]
        assert estimates.seconds(runs) == pytest.approx(2 * seconds / 4)  # two seeds on four cores
    assert timed == ["plain"]
    assert "1 from relatives' runs, 1 from their own runs, 1 from timing relatives" in estimates.basis()

    again = costs.Costs(cells, tmp_path / "runs")
    assert again.seconds(cells) == pytest.approx(estimates.seconds(cells)) and timed == [
        "plain"
    ]  # remembered
    speeds = tmp_path / "runs" / costs.REMEMBERED
    here = next(iter(json.loads(speeds.read_text())))
    for damaged in (
        '{"some device": 1}',
        json.dumps({here: {"plain": 0}}),
        json.dumps({here: {"plain": "fast"}}),
    ):
        speeds.write_text(damaged)
        assert costs.Costs(cells, tmp_path / "runs").seconds(cells) == pytest.approx(estimates.seconds(cells))
    assert timed == ["plain"] * 4

    (tmp_path / "runs" / "damaged").mkdir()
    (tmp_path / "runs" / "damaged" / "record.json").write_text('{"format":')
    monkeypatch.setattr(costs, "COUNTED", tmp_path / "damaged.json")
    costs.COUNTED.write_text('{"counts": {"Network()": [1]}}')
    assert costs.Costs(cells, tmp_path / "runs").seconds(cells) == pytest.approx(estimates.seconds(cells))
    monkeypatch.setattr(costs.files, "write", create_autospec(costs.files.write, side_effect=PermissionError))
    speeds.unlink()
    assert costs.Costs(cells, tmp_path / "runs").seconds(cells) == pytest.approx(estimates.seconds(cells))
