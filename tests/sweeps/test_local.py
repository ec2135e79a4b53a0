"""The local launcher: every missing cell once, one overall result, a failing cell does not stop the rest."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lightning_modules.execution.cores import OF_THIS_RUN
from sweeps import local, slots, warm
from sweeps import study as studies
from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent.parent
LEASE = 3
COLD = {"warm": (), "cold": ("--cold",)}  # how runs start
HOW = ["warm", pytest.param("cold", marks=pytest.mark.slow)]
LAUNCH = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from lightning_modules.execution import run_lock
from sweeps import local, state, warm
from tests import tiny
run_lock.LEASE_SECONDS = {lease}
warm.IMPORTS = {imports!r}
state.PROGRAM = Path({program!r})
tiny.install(Path({data!r}))
sys.exit(local.main(sys.argv[1:]))
"""
# Stands in for run.py where only the launcher is under test. Only the first process at a cell takes its time.
STAND_IN = """
import os, signal, sys, time
from pathlib import Path
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
sys.path.insert(0, {root!r})
from lightning_modules import record
from lightning_modules.execution import environment, run_lock
from sweeps import study
from tests import tiny
run_lock.LEASE_SECONDS = {lease}
environment.end_with_parent()
tiny.install(Path(options["--data-dir"]))
variant, seed = options["--variant"], int(options["--seed"])
wanted = study.configure(study.read("tiny"), variant, "tiny", options["--budget"], seed)
folder = Path(options["--runs-dir"]) / wanted.run_id
if "--wait" in sys.argv:
    (folder / "waiting").touch()
try:
    held = run_lock.take(folder, wait="--wait" in sys.argv)
except run_lock.Busy:
    sys.exit(3)
with held:
    if (folder / "record.json").exists():
        sys.exit(0)
    again = (folder / "starts").exists()
    with open(folder / "starts", "a") as file:
        file.write(os.environ["OMP_NUM_THREADS"])
    time.sleep(0 if again else {seconds})
    if variant in {failing!r}:
        sys.exit(1)
    if variant in {killed!r} and (not again or seed == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    curve = [dict(zip(record.CURVE, (epoch, 2.0, 50.0, 12.5, 0.1, 90.0))) for epoch in (1, 2)]
    made = record.make(
        wanted, study="tiny", variant=variant, counts=dict(parameters=1, mult_adds=2), history=curve,
        tested=dict(images=103, errors=13, error=100 * 13 / 103, loss=1.0), git=dict(commit=None, dirty=None),
        machine=dict(device="Abacus", kind="cpu", devices=1, images_per_device=128, threads=1, precision="32-true"),
        wall_seconds=1, resumed=0, wandb_url=None)
    record.write(made, folder / "record.json")
"""


def launcher(
    tmp_path: Path,
    *arguments: str,
    program: Path,
    machine: tuple[str, ...] = (),
    imports: tuple[str, ...] = (),  # nothing heavy: a stand-in needs nothing
) -> subprocess.Popen:
    script = tmp_path / "launch.py"
    data = str(tmp_path / "data")
    script.write_text(
        LAUNCH.format(root=str(ROOT), program=str(program), data=data, lease=LEASE, imports=imports)
    )
    command = [
        *machine,
        sys.executable,
        str(script),
        "tiny",
        "--variants",
        "plain,residual",
        "--budget",
        "smoke",
    ]
    folders = ["--runs-dir", str(tmp_path / "runs"), "--data-dir", str(tmp_path / "data")]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    environment.pop("OMP_NUM_THREADS", None)
    return subprocess.Popen(
        [*command, *arguments, *folders],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )


def launched(tmp_path: Path, code: int, *arguments: str, program: Path) -> str:
    """What a launcher said that ended with this exit code."""
    process = launcher(tmp_path, *arguments, program=program)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == code, output
    return output


def stand_in(
    tmp_path: Path, seconds: float = 0, failing: tuple[str, ...] = (), killed: tuple[str, ...] = ()
) -> Path:
    program = tmp_path / "stand_in.py"
    text = STAND_IN.format(root=str(ROOT), seconds=seconds, failing=failing, killed=killed, lease=LEASE)
    program.write_text(text)
    return program


def test_real_runs_side_by_side_then_nothing_is_missing(tmp_path):
    program = ROOT / "tests" / "tiny.py"
    arguments = ("--jobs", "2", "--no-wandb", "--seeds", "0")
    first = launcher(tmp_path, *arguments, program=program, imports=warm.IMPORTS)
    output, _ = first.communicate(timeout=300)
    assert first.returncode == 0, output
    assert "2 runs missing at budget smoke; 2 side by side" in output
    records = [json.loads(path.read_text()) for path in tmp_path.glob("runs/*/record.json")]
    assert sorted(record["variant"] for record in records) == ["plain", "residual"]
    assert all(record["machine"]["threads"] == 1 and record["study"] == "tiny" for record in records)

    again = launcher(tmp_path, "--seeds", "0", program=program)
    output, _ = again.communicate(timeout=60)
    assert again.returncode == 0 and "nothing is missing" in output


def starts(tmp_path: Path) -> list[str]:
    return [path.read_text() for path in tmp_path.glob("runs/*/starts")]


@pytest.mark.parametrize("how", HOW)
def test_a_failing_cell_does_not_stop_the_rest(tmp_path, how):
    output = launched(tmp_path, 1, *COLD[how], "--jobs", "2", program=stand_in(tmp_path, failing=("plain",)))
    assert "2 of 4 runs failed" in output and output.count("residual on tiny, seed") == 2
    assert output.count("FAILED (exit code 1)") == 2
    logs = [line.split(": ")[1] for line in output.splitlines() if line.startswith("  plain on tiny")]
    assert len(logs) == 2 and all(Path(log).exists() for log in logs)

    assert "2 runs missing" in launched(tmp_path, 0, "--jobs", "2", program=stand_in(tmp_path))
    assert len(list(tmp_path.glob("runs/*/record.json"))) == 4


@pytest.mark.parametrize("how", HOW)
def test_a_killed_run_is_begun_once_more(tmp_path, how):
    output = launched(tmp_path, 1, *COLD[how], "--jobs", "1", program=stand_in(tmp_path, killed=("plain",)))
    assert output.count("killed by SIGKILL; once more") == 2
    # Seed 1 is killed again, which is left at that.
    assert "1 of 4 runs failed" in output and output.count("FAILED (exit code -9)") == 1
    assert sorted(len(text) for text in starts(tmp_path)) == [1, 1, 2, 2]


def test_two_launchers_share_the_cells(tmp_path):
    program = stand_in(tmp_path, seconds=1.5, failing=("plain",))
    both = [launcher(tmp_path, "--jobs", "1", program=program) for _ in range(2)]
    for process in both:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 1, output
        assert "2 of 4 runs failed" in output and output.count("test error 12.62 %") == 2
    # each once, but those that fail, which each of the two tries
    assert sorted(len(text) for text in starts(tmp_path)) == [1, 1, 2, 2]


def test_a_killed_launchers_cell_is_taken_over_by_another(tmp_path):
    cell = ("--seeds", "0", "--variants", "plain", "--jobs", "1")
    program = stand_in(tmp_path, seconds=100)
    first = launcher(tmp_path, *cell, program=program)
    wait_until(lambda: starts(tmp_path))
    second = launcher(tmp_path, *cell, program=program)
    wait_until(lambda: list(tmp_path.glob("runs/*/waiting")))
    first.kill()
    output, _ = second.communicate(timeout=60)
    assert second.returncode == 0 and "test error 12.62 %" in output, output
    assert [len(text) for text in starts(tmp_path)] == [2]
    first.communicate(timeout=60)


@pytest.mark.slow
@pytest.mark.skipif(
    not shutil.which("unshare") or os.geteuid() != 0, reason="root can make what looks like two machines"
)
def test_two_machines_share_the_cells_and_one_takes_over_when_the_other_is_gone(tmp_path):
    def machine(name: str) -> tuple[str, ...]:
        # A name and processes of its own, which the other cannot see.
        unshare = ("unshare", "--uts", "--pid", "--mount-proc", "--fork", "--kill-child")
        return *unshare, "sh", "-c", 'hostname "$0" && exec "$@"', name

    program = stand_in(tmp_path, seconds=1)
    both = [launcher(tmp_path, "--jobs", "1", program=program, machine=machine(name)) for name in "ab"]
    for process in both:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0 and output.count("test error 12.62 %") == 4, output
    assert [len(text) for text in starts(tmp_path)] == [1, 1, 1, 1]

    before = {path.parent for path in tmp_path.glob("runs/*/starts")}
    cell = ("--seeds", "5", "--variants", "plain", "--jobs", "1")
    program = stand_in(tmp_path, seconds=100)
    first = launcher(tmp_path, *cell, program=program, machine=machine("a"))
    wait_until(lambda: len(starts(tmp_path)) == 5)
    second = launcher(tmp_path, *cell, program=program, machine=machine("b"))
    (folder,) = (path.parent for path in tmp_path.glob("runs/*/starts") if path.parent not in before)
    wait_until((folder / "waiting").exists)
    first.kill()  # and with it all of its machine's processes
    output, _ = second.communicate(timeout=60)
    assert second.returncode == 0 and "test error 12.62 %" in output, output
    assert sorted(len(text) for text in starts(tmp_path)) == [1, 1, 1, 1, 2]


def test_a_damaged_record_is_said_in_one_line(tmp_path):
    cell = studies.cells(studies.read("nin_head"), "smoke")[0]
    launcher = local.Launcher(lambda: [cell], [], argparse.Namespace(runs_dir=tmp_path))
    launcher.codes[cell.run_id] = local.DONE
    (tmp_path / cell.run_id).mkdir()
    (tmp_path / cell.run_id / "record.json").write_text('{"format":')
    said = launcher.outcome(cell)
    assert said.startswith("record damaged: ") and "delete it to run again" in said and "\n" not in said


def options(**given) -> argparse.Namespace:
    return argparse.Namespace(**{"devices": None, "jobs": None, "per_gpu": 1, "cold": False} | given)


def test_a_slot_is_a_gpu_or_a_core_and_the_threads_fit_the_cores(monkeypatch):
    monkeypatch.setattr(slots, "usable_cores", lambda: 16)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(slots, "gpus", lambda: ["2", "3"])

    def made(**given) -> list[tuple]:
        environments = [slot.environment for slot in slots.make_slots(options(**given))]
        return [(given.get("CUDA_VISIBLE_DEVICES"), given["OMP_NUM_THREADS"]) for given in environments]

    assert made() == [("2", "8"), ("3", "8")]
    # Data workers take as many: 16 GPUs of one machine don't start 16 each.
    assert [slot.environment[OF_THIS_RUN] for slot in slots.make_slots(options())] == ["8", "8"]
    assert made(per_gpu=2) == [("2", "4"), ("3", "4"), ("2", "4"), ("3", "4")]
    assert made(devices=["3"], jobs=2) == [("3", "8"), ("3", "8")]
    monkeypatch.setattr(slots, "gpus", list)
    assert made() == [(None, "1")] * 16 and made(jobs=3) == [(None, "5")] * 3
    with pytest.raises(ValueError, match="--jobs 17 is more than this machine's 16 cores"):
        made(jobs=17)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert made(jobs=3) == [(None, "2")] * 3


NICE = """
import sys
from pathlib import Path
from sweeps import slots, warm
warm.IMPORTS = []
slot = slots.Slot({}, warm=sys.argv[1] == "warm")
run = slot.start([sys.argv[2]], Path(sys.argv[3]))
pid = run.process.pid if sys.argv[1] == "warm" else run.pid
print(Path(f"/proc/{pid}/autogroup").read_text().split()[-1])
run.wait()
slot.close()
"""


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this system knows no autogroups")
@pytest.mark.parametrize("how", HOW)
def test_runs_of_the_lowest_priority_yield_to_other_sessions(tmp_path, how):
    (tmp_path / "empty.py").touch()
    command = [
        "nice",
        "-n",
        "7",
        sys.executable,
        "-c",
        NICE,
        how,
        tmp_path / "empty.py",
        tmp_path / "log.txt",
    ]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=True)
    assert int(done.stdout) == 7 + os.nice(0)


@pytest.mark.parametrize("how", HOW)
def test_sigterm_stops_the_runs_and_starts_no_more(tmp_path, how):
    process = launcher(tmp_path, "--jobs", "1", *COLD[how], program=stand_in(tmp_path, seconds=60))
    wait_until(lambda: starts(tmp_path))
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 143 and "the same command goes on" in output
    assert len(starts(tmp_path)) == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["densenet_bc_compresion"], "did you mean densenet_bc_compression"),
        (["densenet_bc_compression", "--budget", "smoke", "--variants", "bd"], "no variant 'bd'"),
        (["densenet_bc_compression", "--budget", "smoke", "--datasets", "svhn"], "runs on cifar10"),
        (["densenet_bc_compression", "--budget", "smoke", "--jobs", "0"], "--jobs must be 1 or more"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, complaint, capsys, tmp_path):
    assert local.main([*arguments, "--runs-dir", str(tmp_path)]) == 2
    message = capsys.readouterr().err
    assert complaint in message and message.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("study", "options", "said"),
    [("mobilenet_width", [], True), ("mobilenet_width", ["--per-gpu", "2"], False), ("vgg_scale", [], False)],
)
def test_gpus_that_small_networks_leave_idle_are_named(study, options, said, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(local, "gpus", lambda: ["0"])
    parsed = local.parse([study, *options, "--budget", "paper", "--runs-dir", str(tmp_path)])
    cells = local.launch_options.cells(parsed, lambda: "paper")
    datasets = {"mobilenet_width": "cifar10", "vgg_scale": "imagenet"}
    local.say_idle([cell for cell in cells if cell.dataset == datasets[study]], parsed)
    assert ("--per-gpu 2, 3 or 4" in capsys.readouterr().out) is said
