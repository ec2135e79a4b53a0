"""Who is at a run: one process, also where machines share the folder, until it ends or falls silent."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lightning_modules.execution import run_lock

ROOT = Path(__file__).parent.parent
HOLD = """
import sys, time
from pathlib import Path
from lightning_modules.execution import run_lock
run_lock.LEASE_SECONDS = 1
with run_lock.lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def short_lease(monkeypatch):
    monkeypatch.setattr(run_lock, "LEASE_SECONDS", 1)


@pytest.fixture
def holder(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_run_is_free_when_its_process_has_been_killed(tmp_path, holder):
    assert not run_lock.free(tmp_path)
    time.sleep(1.5)  # longer than the lease, which the living renew
    assert not run_lock.free(tmp_path)
    holder.kill()
    holder.wait()
    assert run_lock.free(tmp_path)


def test_who_waits_gets_the_run_when_its_process_ends(tmp_path, holder):
    waiting = threading.Thread(target=run_lock.free, args=(tmp_path, True))
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    holder.kill()
    holder.wait()
    waiting.join(10)
    assert not waiting.is_alive()


def test_a_process_of_another_machine_is_followed_when_it_has_been_silent(tmp_path):
    with run_lock.lock(tmp_path):
        ours = (tmp_path / "lock").read_text()
    assert "\nhost=" in ours
    (tmp_path / "lock").write_text(ours.replace("\nhost=", "\nhost=another-"))
    begun = time.monotonic()
    assert not run_lock.free(tmp_path)
    assert run_lock.free(tmp_path, wait=True)
    assert time.monotonic() - begun > 1


def test_a_process_that_has_been_followed_stops(tmp_path, holder):
    (tmp_path / "lock").unlink()
    with run_lock.lock(tmp_path):
        assert holder.wait(20) == run_lock.LOST
    assert "another process may be at it" in holder.stderr.read()
