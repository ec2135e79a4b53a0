"""The real W&B client and agent against a loopback server: a sweep's cells run, and what W&B holds is the record."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests import tiny
from tests.wandb_server import WandbServer

ROOT = Path(__file__).parent.parent
AGENT = """
import sys
from wandb import wandb_agent
from wandb.cli.cli import cli
wandb_agent.Agent.POLL_INTERVAL = 0.3  # seconds, instead of 5
cli(["agent", *sys.argv[1:]])
"""
READ_BACK = """
import json, wandb
runs = wandb.Api().sweep({path!r}).runs
rows = [[run.id, run.state, dict(run.config), dict(run.summary), list(run.scan_history())] for run in runs]
print("READ", json.dumps(rows, default=dict))
"""
PULL = """
import sys
from pathlib import Path
from reports import __main__
from tests import tiny
from tests.wandb_server import WandbServer
path, place = Path(sys.argv[1]), sys.argv[2]
tiny.install(path / "data")
__main__.RECORDS = (path / "records", path / "runs")
sys.exit(__main__.main(["pull", place]))
"""


class World:
    """An account on the loopback server, with the tiny data set and its studies."""

    def __init__(self, path: Path, server) -> None:
        self.path, self.server = path, server
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("WANDB_")}
        self.environment |= server.environment() | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(path),
            "WANDB_DIR": str(path),
            "CUDA_VISIBLE_DEVICES": "",
            "OMP_NUM_THREADS": "1",
        }
        self.where = ["--data-dir", str(path / "data"), "--runs-dir", str(path / "runs")]

    def start(self, *argv: str) -> subprocess.Popen:
        return subprocess.Popen(
            argv,
            cwd=self.path,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, *argv: str) -> str:
        process = self.start(*argv)
        output, _ = process.communicate(timeout=600)
        assert process.returncode == 0, output
        return output

    def cell(self, *argv: str) -> str:
        return self.run(sys.executable, str(ROOT / "tests" / "tiny.py"), *argv, *self.where)

    def sweep(self, budget: str, **parameters) -> str:
        """Make a sweep from the tiny study's file, with some parameters replaced; gives its path."""
        from sweeps import study, to_wandb

        config = yaml.safe_load(to_wandb.sweep(study.read("tiny"), "tiny", ["tiny"]))
        config["parameters"] |= parameters
        config["program"] = str(ROOT / "tests" / "tiny.py")
        config["command"] += [f"--budget={budget}", *self.where]
        (self.path / "tiny.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        return re.search(r"wandb agent (\S+)", self.run("wandb", "sweep", "tiny.yaml")).group(1)

    def agent(self, *argv: str) -> subprocess.Popen:
        return self.start(sys.executable, "-c", AGENT, *argv)

    def read_back(self, sweep: str) -> list:
        """[id, state, config, summary, history] of each run of a sweep, through W&B's own client."""
        output = self.run(sys.executable, "-c", READ_BACK.format(path=sweep))
        return json.loads(re.search(r"READ (.*)", output).group(1))

    def pull(self, place: str | Path) -> dict[str, dict]:
        """What `python -m reports pull` makes of a project or folder."""
        self.run(sys.executable, "-c", PULL, str(self.path), str(place))
        lines = [line for path in self.path.glob("records/*.jsonl") for line in path.read_text().splitlines()]
        return {record["run_id"]: record for record in map(json.loads, lines)}

    def records(self) -> dict[str, dict]:
        found = [json.loads(path.read_text()) for path in self.path.glob("runs/*/record.json")]
        return {record["run_id"]: record for record in found}

    def reach(self, step: int) -> None:
        """Wait until the run under way has trained so many steps."""
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline:
            for path in self.path.glob("runs/*/progress.json"):
                if json.loads(path.read_text())["step"] >= step:
                    return
            time.sleep(0.05)
        raise AssertionError("no run got that far")


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setattr(tiny.study, "FOLDER", tiny.study.FOLDER)
    monkeypatch.setitem(tiny.DATASETS, "tiny", None)
    monkeypatch.setitem(tiny.RECIPES, "diverging", None)
    monkeypatch.setitem(tiny.BUDGETS, "smoke", tiny.BUDGETS["smoke"])
    tiny.install(tmp_path / "data")
    with WandbServer() as server:
        yield World(tmp_path, server)


def test_two_agents_run_every_cell_once_and_w_and_b_holds_the_records(world):
    world.cell("--study", "tiny", "--variant", "plain", "--budget", "smoke", "--no-wandb")
    (finished_before,) = world.records()
    sweep = world.sweep("smoke", seed={"values": [0]})
    agents = [world.agent(sweep), world.agent(sweep)]
    for agent in agents:
        output, _ = agent.communicate(timeout=600)
        assert agent.returncode == 0, output

    records = world.records()
    assert sorted(record["variant"] for record in records.values()) == ["0.50", "plain", "residual"]
    runs = world.read_back(sweep)
    assert sorted(config["run_id"] for _, _, config, _, _ in runs) == sorted(records)  # each once
    for _, state, config, summary, history in runs:
        assert state == "finished"
        record = records[config["run_id"]]
        assert record["resumed"] == 0
        for name in ("study", "variant", "dataset", "seed", "budget", "parameters", "mult_adds"):
            assert config[name] == record[name] and type(config[name]) is type(record[name]), name
        assert config["depth"] == 8 and config["lr"] == 0.1  # resolved knobs and recipe, flat
        assert not [value for value in config.values() if isinstance(value, dict)]
        assert summary["test_error"] == record["test"]["error"]
        assert (summary["test_errors"], summary["test_images"]) == (record["test"]["errors"], 103)
        assert summary["machine"] == record["machine"] and summary["wall_seconds"] == record["wall_seconds"]
        for name, curve in record["curve"].items():
            assert [row[name] for row in history if name in row] == pytest.approx(curve), name
        # a cell that was done before the sweep came to it gives its result all the same
        assert bool(record["wandb"]) == (record["run_id"] != finished_before)

    pulled = world.pull(sweep.rpartition("/")[0])
    assert sorted(pulled) == sorted(records)
    for run_id, record in records.items():
        link = pulled[run_id].pop("wandb")
        assert link == record.pop("wandb") or (run_id == finished_before and "/runs/" in link)
        assert pulled[run_id] == record


def test_one_run_by_hand_is_online_under_its_own_id(world):
    output = world.cell("--study", "tiny", "--variant", "plain", "--budget", "smoke")
    (record,) = world.records().values()
    assert record["wandb"].endswith(record["run_id"]) and f"W&B: {record['wandb']}" in output


def test_an_offline_run_is_pulled_from_its_folder_and_from_w_and_b_once_sent(world):
    del world.environment["WANDB_API_KEY"]
    world.cell("--study", "tiny", "--variant", "plain", "--budget", "smoke")
    ((run_id, record),) = world.records().items()
    (folder,) = world.path.glob("runs/*/wandb/offline-run-*")
    saved = folder.rename(world.path / folder.name)  # all that was saved of another machine
    shutil.rmtree(world.path / "runs")
    assert world.pull(saved) == {run_id: record}

    world.environment |= world.server.environment()
    world.run("wandb", "sync", str(saved))
    (tracked,) = world.server.runs.values()
    shutil.rmtree(world.path / "records")
    project = f"{tracked['entity']}/{tracked['project']}"
    (pulled,) = world.pull(project).values()
    assert pulled == record | {"wandb": f"{world.server.url}/{project}/runs/{run_id}"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "how"), [([], signal.SIGKILL), ([], signal.SIGTERM), (["-f"], signal.SIGTERM)]
)
def test_a_killed_agents_run_is_queued_again_and_resumed_under_its_id(world, flags, how):
    sweep = world.sweep("short", seed={"value": 0}, variant={"value": "plain"})
    agent = world.agent(*flags, sweep)
    world.reach(step=10)
    agent.send_signal(how)
    output, _ = agent.communicate(timeout=60)  # returns when its run is gone too: it holds the pipe
    assert "progress is saved" in output
    assert not world.records()
    ((first, state, _, _, _),) = world.read_back(sweep)
    assert state == "preempted"

    output, _ = world.agent(*flags, sweep).communicate(timeout=600)
    assert "Going on where it was interrupted" in output
    ((again, state, _, summary, history),) = world.read_back(sweep)
    (record,) = world.records().values()
    assert (again, state) == (first, "finished") and record["resumed"] == 1
    assert summary["test_errors"] == record["test"]["errors"]
    assert [row["epoch"] for row in history] == list(range(1, 31))


@pytest.mark.slow
def test_a_failing_cell_does_not_end_the_agent(world):
    studies = {"values": ["diverging", "tiny"]}
    sweep = world.sweep("smoke", study=studies, seed={"value": 0}, variant={"value": "plain"})
    output, _ = world.agent(sweep).communicate(timeout=600)
    assert "the loss became" in output
    states = {config["study"]: state for _, state, config, _, _ in world.read_back(sweep)}
    assert states == {"diverging": "failed", "tiny": "finished"}
