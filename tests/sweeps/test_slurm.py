"""A real one-node SLURM: an array runs every cell once, is requeued and resumed, and names what failed.

Needs Debian's slurm-wlm and munge, submitit, and root: `apt-get install slurm-wlm munge; pytest -m slurm -n 0`.
"""

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent.parent
DAEMONS = ("munged", "slurmctld", "slurmd")
absent = [program for program in DAEMONS if not shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")]
absent += [] if importlib.util.find_spec("submitit") else ["submitit"]
pytestmark = [
    pytest.mark.slurm,
    pytest.mark.slow,
    pytest.mark.skipif(bool(absent), reason=f"not installed: {', '.join(absent)}"),
    pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="the daemons run as root here"),
]

CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
# Only after the credential's life does a requeued job start again.
AuthInfo=socket={folder}/munge.socket,cred_expire=20
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
KillWait=20
SchedulerParameters=sched_interval=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=cpu Nodes=ALL Default=YES State=UP
"""
SUBMIT = """
import sys
from pathlib import Path
from sweeps import slurm, state
from tests import tiny
state.PROGRAM = Path({program!r})
slurm.POLL_SECONDS = 1
tiny.install(Path({data!r}))
sys.exit(slurm.main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Starts the daemons; gives the environment in which SLURM's commands find them."""
    folder, host = tmp_path_factory.mktemp("slurm"), socket.gethostname()
    folder.chmod(0o755)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    ports = []
    for _ in range(2):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports.append(free.getsockname()[1])
    (folder / "slurm.conf").write_text(CONFIGURATION.format(host=host, ports=ports, folder=folder))
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o400)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB", "SLURM", "SBATCH"))} | {
        "SLURM_CONF": str(folder / "slurm.conf"),
        "PATH": f"{os.environ['PATH']}:/usr/sbin",
        "PYTHONPATH": str(ROOT),
        "CUDA_VISIBLE_DEVICES": "",
        "OMP_NUM_THREADS": "1",
    }
    files = {name: f"{folder}/munge.{name}" for name in ("pid", "log", "seed")}
    munge = [f"--{name}-file={path}" for name, path in files.items()]
    commands = [
        [
            "munged",
            "-F",
            "--force",
            f"--key-file={folder}/munge.key",
            f"--socket={folder}/munge.socket",
            *munge,
        ],
        ["slurmctld", "-D"],
        ["slurmd", "-D"],
    ]
    daemons = []
    try:
        for command in commands:
            log = open(folder / f"{command[0]}.log", "w")  # noqa: SIM115, the daemon keeps it
            daemons.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
            if command[0] == "munged":
                wait_until((folder / "munge.socket").exists)
        wait_until(
            lambda: "idle" in output(environment, "sinfo", "--noheader", "--format=%T"),
            explain=lambda: "".join(path.read_text() for path in folder.glob("slurm*.log")),
        )
        yield environment
    finally:
        output(environment, "scancel", "--full", "--user=root")
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait(30)


def output(environment: dict, *command: str) -> str:
    done = subprocess.run(command, env=environment, text=True, capture_output=True, check=False, timeout=300)
    return done.stdout + done.stderr


@pytest.fixture
def submit(cluster, tmp_path):
    """Runs `uv run -m sweeps.slurm` for the tiny studies; gives its exit code and what it said."""
    script = tmp_path / "submit.py"
    script.write_text(SUBMIT.format(program=str(ROOT / "tests" / "tiny.py"), data=str(tmp_path / "data")))

    def run(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, str(script), *arguments, "--partition", "cpu", "--gpus-per-run", "0"]
        command += ["--cpus-per-gpu", "1", "--no-wandb", "--hours", "0.5"]
        command += ["--runs-dir", str(tmp_path / "runs"), "--data-dir", str(tmp_path / "data")]
        done = subprocess.run(
            command, env=cluster, text=True, capture_output=True, check=False, timeout=500, cwd=tmp_path
        )
        return done.returncode, done.stdout + done.stderr

    return run


def records(tmp_path: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in tmp_path.glob("runs/*/record.json")]


def test_an_array_runs_every_cell_once_and_then_nothing_is_missing(submit, tmp_path):
    code, said = submit("tiny", "--budget", "smoke", "--seeds", "0", "--wait")
    assert code == 0 and "submitted 3 runs" in said, said
    assert sorted(record["variant"] for record in records(tmp_path)) == ["0.50", "plain", "residual"]
    assert all(record["resumed"] == 0 for record in records(tmp_path))
    assert all(path.read_text().count("done: test error") == 1 for path in tmp_path.glob("runs/*/log.txt"))
    code, said = submit("tiny", "--budget", "smoke", "--seeds", "0")
    assert code == 0 and "nothing is missing" in said


def test_a_run_that_diverges_is_done_and_its_record_says_so(submit, tmp_path):
    code, said = submit("diverging", "--budget", "smoke", "--wait")
    assert code == 0 and "all done" in said, said
    assert [record["diverged"] for record in records(tmp_path)] == [1]


def test_a_warned_job_and_a_preempted_one_are_requeued_and_resumed(submit, cluster, tmp_path):
    def step() -> int:
        try:
            return max(json.loads(p.read_text())["step"] for p in tmp_path.glob("runs/*/progress.json"))
        except (ValueError, OSError):
            return 0

    cell = ("tiny", "--budget", "short", "--seeds", "0", "--variants", "plain")
    code, said = submit(*cell)
    assert code == 0 and "submitted 1 runs" in said, said
    (job,) = [path.read_text() for path in tmp_path.glob("runs/*/slurm_job.txt")]
    (log,) = [
        tmp_path / "runs" / path.parent.name / "log.txt" for path in tmp_path.glob("runs/*/slurm_job.txt")
    ]
    wait_until(lambda: step() >= 8)
    assert "queued or running already" in submit(*cell)[1]  # the same command again submits nothing
    output(cluster, "scancel", "--signal=USR2", job)  # as SLURM does before the time is up
    wait_until(lambda: log.read_text().count("Going on where it was interrupted") == 1)
    wait_until(lambda: step() >= 30)
    output(cluster, "scontrol", "requeue", job)  # as SLURM does on preemption
    wait_until(lambda: records(tmp_path))
    (record,) = records(tmp_path)
    assert record["resumed"] == 2 and record["curve"]["epoch"] == list(range(1, 31))
    assert log.read_text().count("progress is saved") == 2
    wait_until(lambda: job not in output(cluster, "squeue", "--noheader", "--format=%i").split(), 60)


def test_the_tasks_of_a_job_are_the_processes_of_one_run(cluster, tmp_path):
    said = output(
        cluster,
        *("srun", "--ntasks-per-node=2", "--job-name=study", "--overcommit"),
        *(sys.executable, str(ROOT / "tests" / "tiny.py"), "--arch", "resnet", "--depth", "8"),
        *("--dataset", "tiny", "--budget", "smoke", "--no-wandb", "--accelerator", "cpu"),
        *("--data-dir", str(tmp_path / "data"), "--runs-dir", str(tmp_path / "runs")),
    )
    assert said.count("done: test error") == 1, said
    (record,) = records(tmp_path)
    assert record["machine"]["devices"] == 2 and record["test"]["images"] == 103
