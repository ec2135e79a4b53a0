"""The local launcher: every missing cell once, one overall result, a failing cell does not stop the rest."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sweeps import local

ROOT = Path(__file__).parent.parent.parent
LAUNCH = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from sweeps import local, state
from tests import tiny
state.PROGRAM = Path({program!r})
tiny.install(Path({data!r}))
sys.exit(local.main(sys.argv[1:]))
"""
# Stands in for run.py where only the launcher is under test.
STAND_IN = """
import json, os, sys, time
from pathlib import Path
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
sys.path.insert(0, {root!r})
from tests import tiny
from sweeps import study
tiny.install(Path(options["--data-dir"]))
variant, seed = options["--variant"], int(options["--seed"])
run_id = study.configure(study.read("tiny"), variant, "tiny", options["--budget"], seed).run_id
folder = Path(options["--runs-dir"]) / run_id
with open(folder / "starts", "a") as file:
    file.write(os.environ["OMP_NUM_THREADS"])
time.sleep({seconds})
if variant in {failing!r}:
    sys.exit("no such luck")
(folder / "record.json").write_text(json.dumps({{"test": {{"error": 12.5}}}}))
"""


def launcher(tmp_path: Path, *arguments: str, program: Path) -> subprocess.Popen:
    script = tmp_path / "launch.py"
    script.write_text(LAUNCH.format(root=str(ROOT), program=str(program), data=str(tmp_path / "data")))
    command = [sys.executable, str(script), "tiny", "--budget", "smoke", *arguments]
    folders = ["--runs-dir", str(tmp_path / "runs"), "--data-dir", str(tmp_path / "data")]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(
        [*command, *folders], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )


def stand_in(tmp_path: Path, seconds: float = 0, failing: tuple[str, ...] = ()) -> Path:
    program = tmp_path / "stand_in.py"
    program.write_text(STAND_IN.format(root=str(ROOT), seconds=seconds, failing=failing))
    return program


def test_real_runs_side_by_side_then_nothing_is_missing(tmp_path):
    program = ROOT / "tests" / "tiny.py"
    first = launcher(tmp_path, "--jobs", "2", "--no-wandb", "--seeds", "0", program=program)
    output, _ = first.communicate(timeout=300)
    assert first.returncode == 0, output
    assert "2 runs are missing at budget smoke; 2 side by side" in output
    records = [json.loads(path.read_text()) for path in tmp_path.glob("runs/*/record.json")]
    assert sorted(record["variant"] for record in records) == ["plain", "residual"]
    assert all(record["machine"]["threads"] == 1 and record["study"] == "tiny" for record in records)

    again = launcher(tmp_path, "--seeds", "0", program=program)
    output, _ = again.communicate(timeout=60)
    assert again.returncode == 0 and "nothing is missing" in output


def test_a_failing_cell_does_not_stop_the_rest(tmp_path):
    process = launcher(tmp_path, "--jobs", "2", program=stand_in(tmp_path, failing=("plain",)))
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1, output
    assert "2 of 4 runs failed" in output and output.count("residual on tiny, seed") == 2
    logs = [line.split(": ")[1] for line in output.splitlines() if line.startswith("  plain on tiny")]
    assert len(logs) == 2 and all("no such luck" in Path(log).read_text() for log in logs)

    healed = launcher(tmp_path, "--jobs", "2", program=stand_in(tmp_path))
    output, _ = healed.communicate(timeout=120)
    assert healed.returncode == 0 and "2 runs are missing" in output
    assert len(list(tmp_path.glob("runs/*/record.json"))) == 4


def test_sigterm_stops_the_runs_and_starts_no_more(tmp_path):
    process = launcher(tmp_path, "--jobs", "1", program=stand_in(tmp_path, seconds=60))
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("runs/*/starts")) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 143 and "the same command goes on" in output
    assert len(list(tmp_path.glob("runs/*/starts"))) == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["densenet_bc_compresion"], "did you mean densenet_bc_compression"),
        (["densenet_bc_compression", "--budget", "smoke", "--variants", "bd"], "no variant 'bd'"),
        (["densenet_bc_compression", "--budget", "smoke", "--datasets", "cifar100"], "runs on cifar10"),
        (["densenet_bc_compression", "--budget", "smoke", "--jobs", "0"], "--jobs must be 1 or more"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, complaint, capsys, tmp_path):
    assert local.main([*arguments, "--runs-dir", str(tmp_path)]) == 2
    message = capsys.readouterr().err
    assert complaint in message and message.count("\n") == 1
    assert not list(tmp_path.iterdir())
