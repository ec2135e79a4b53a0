"""The real W&B client and agent against a loopback server: a sweep's cells run, and what W&B holds is the record."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests import tiny

ROOT = Path(__file__).parent.parent
STUB = ROOT.parent / "shared" / "wandb_stub"
pytestmark = pytest.mark.skipif(
    not STUB.exists(), reason="needs the loopback W&B server in ../shared/wandb_stub"
)


@pytest.fixture
def world(tmp_path, monkeypatch):
    """An account on the loopback server and the tiny study's sweep. Gives a function that runs a command there."""
    monkeypatch.syspath_prepend(str(STUB))
    from stub_server import StubServer

    from sweeps import study, to_wandb

    monkeypatch.setattr(study, "FOLDER", study.FOLDER)
    monkeypatch.delitem(tiny.DATASETS, "tiny", raising=False)
    monkeypatch.setitem(tiny.BUDGETS, "smoke", tiny.BUDGETS["smoke"])
    tiny.install(tmp_path / "data")
    config = yaml.safe_load(to_wandb.sweep(study.read("tiny"), "tiny", ["tiny"]))
    config["parameters"]["seed"]["values"] = [0]
    config["program"] = str(ROOT / "tests" / "tiny.py")
    config["command"] += [
        "--budget=smoke",
        "--data-dir",
        str(tmp_path / "data"),
        "--runs-dir",
        str(tmp_path / "runs"),
    ]
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    with StubServer(tmp_path / "server") as stub:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("WANDB_")} | stub.env()
        environment |= {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
        }
        environment |= {"HOME": str(tmp_path), "WANDB_DIR": str(tmp_path), "CUDA_VISIBLE_DEVICES": ""}

        def command(*argv: str) -> str:
            done = subprocess.run(
                argv, cwd=tmp_path, env=environment, text=True, capture_output=True, timeout=300, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout + done.stderr

        yield command
    monkeypatch.delitem(tiny.DATASETS, "tiny")


READ_BACK = """
import json, wandb
runs = wandb.Api().sweep({path!r}).runs
print("READ", json.dumps([[dict(run.config), dict(run.summary), [row for row in run.scan_history()]] for run in runs], default=dict))
"""


def test_a_sweep_runs_every_cell_once_and_reads_back_as_the_records(world, tmp_path):
    path = re.search(r"wandb agent (\S+)", world("wandb", "sweep", "tiny.yaml")).group(1)
    world(sys.executable, str(STUB / "fast_agent.py"), path)
    records = {}
    for file in tmp_path.glob("runs/*/record.json"):
        record = json.loads(file.read_text())
        records[record["run_id"]] = record
    cells = sorted((r["seed"], r["variant"]) for r in records.values())
    assert cells == [(0, "plain"), (0, "residual")]

    output = world(sys.executable, "-c", READ_BACK.format(path=path))
    runs = json.loads(re.search(r"READ (.*)", output).group(1))
    assert sorted(config["run_id"] for config, _, _ in runs) == sorted(records)
    for config, summary, history in runs:
        record = records[config["run_id"]]
        for name in ("study", "variant", "dataset", "seed", "budget", "parameters", "mult_adds"):
            assert config[name] == record[name] and type(config[name]) is type(record[name]), name
        assert config["depth"] == 8 and config["lr"] == 0.1  # resolved knobs and recipe, flat
        assert not [value for value in config.values() if isinstance(value, dict)]
        assert summary["test_error"] == record["test"]["error"]
        assert summary["test_images"] == 103
        curve = [row["train_loss"] for row in history if row.get("train_loss") is not None]
        assert curve == pytest.approx(record["curve"]["train_loss"])
        assert record["wandb"]


def test_one_run_by_hand_is_online_under_its_own_id(world, tmp_path):
    output = world(
        *(sys.executable, str(ROOT / "tests" / "tiny.py"), "--study", "tiny", "--variant", "plain"),
        *("--budget", "smoke", "--data-dir", str(tmp_path / "data"), "--runs-dir", str(tmp_path / "runs")),
    )
    (record,) = [json.loads(path.read_text()) for path in tmp_path.glob("runs/*/record.json")]
    assert record["wandb"].endswith(record["run_id"]) and f"W&B: {record['wandb']}" in output
