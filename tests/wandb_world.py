"""Runs, sweeps and agents as real processes, with W&B's real client and an account on the loopback server."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

from tests.waiting import wait_until
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

    def __init__(self, path: Path, server: WandbServer) -> None:
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
        return self.run(*self.cell_command(*argv))

    def start_cell(self, *argv: str) -> subprocess.Popen:
        return self.start(*self.cell_command(*argv))

    def cell_command(self, *argv: str) -> list[str]:
        return [sys.executable, str(ROOT / "tests" / "tiny.py"), *argv, *self.where]

    def sweep(self, budget: str, **parameters) -> str:
        """Make a sweep from the tiny study's file, with some parameters replaced; gives its path."""
        from sweeps import study, to_wandb

        config = yaml.safe_load(to_wandb.sweep(study.read("tiny"), "tiny", ["tiny"], budget))
        config["parameters"] |= parameters
        config["program"] = str(ROOT / "tests" / "tiny.py")
        config["command"] += self.where
        (self.path / "tiny.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        return re.search(r"wandb agent (\S+)", self.run("wandb", "sweep", "tiny.yaml")).group(1)

    def agent(self, *argv: str) -> subprocess.Popen:
        return self.start(sys.executable, "-c", AGENT, *argv)

    def read_back(self, sweep: str) -> list:
        """[id, state, config, summary, history] of each run of a sweep, through W&B's own client."""
        output = self.run(sys.executable, "-c", READ_BACK.format(path=sweep))
        return json.loads(re.search(r"READ (.*)", output).group(1))

    def pull(self, place: str | Path) -> dict[str, dict]:
        """What `uv run -m reports pull` makes of a project or folder."""
        self.run(sys.executable, "-c", PULL, str(self.path), str(place))
        lines = [line for path in self.path.glob("records/*.jsonl") for line in path.read_text().splitlines()]
        return {record["run_id"]: record for record in map(json.loads, lines)}

    def records(self) -> dict[str, dict]:
        found = [json.loads(path.read_text()) for path in self.path.glob("runs/*/record.json")]
        return {record["run_id"]: record for record in found}

    def reach(self, step: int) -> None:
        """Wait until the run under way has trained so many steps."""
        wait_until(
            lambda: any(
                json.loads(path.read_text())["step"] >= step
                for path in self.path.glob("runs/*/progress.json")
            )
        )
