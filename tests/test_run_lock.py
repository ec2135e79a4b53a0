"""Who is at a run: one process, also where machines share the folder, until it ends or falls silent."""

import os
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
    waiting = threading.Thread(target=lambda: run_lock.take(tmp_path, wait=True).release())
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    holder.kill()
    holder.wait()
    waiting.join(10)
    assert not waiting.is_alive()


@pytest.fixture
def elsewhere(tmp_path):
    """Leave a lock that a process of another machine holds, or held; return its folder."""
    with run_lock.lock(tmp_path):
        ours = (tmp_path / "lock").read_text()
    assert "\nhost=" in ours
    (tmp_path / "lock").write_text(ours.replace("\nhost=", "\nhost=another-"))
    return tmp_path


def test_a_process_of_another_machine_is_named_with_its_last_sign(elsewhere, capfd):
    with pytest.raises(run_lock.Busy, match=r"is held by process \d+ on another-\S+, last sign 0:00:00 ago"):
        run_lock.take(elsewhere)
    begun = time.monotonic()
    run_lock.take(elsewhere, wait=True).release()
    assert time.monotonic() - begun > 1
    assert "waiting for it to end or to stay silent for 1 s" in capfd.readouterr().err


def test_a_process_of_another_machine_that_died_long_ago_is_followed_without_waiting_being_asked_for(
    elsewhere,
):
    os.utime(elsewhere / "lock", (0, time.time() - 86_400))
    assert not run_lock.free(elsewhere)
    run_lock.take(elsewhere).release()
    assert run_lock.free(elsewhere)


def test_one_that_comes_to_life_again_keeps_its_run(elsewhere):
    """Its clock was a day behind, or the disk's: what counts is that it is touched while it is watched."""
    os.utime(elsewhere / "lock", (0, time.time() - 86_400))
    over = threading.Event()

    def touch():
        while not over.wait(0.2):
            os.utime(elsewhere / "lock")

    alive = threading.Thread(target=touch)
    alive.start()
    with pytest.raises(run_lock.Busy):
        run_lock.take(elsewhere)
    over.set()
    alive.join()


@pytest.mark.parametrize("content", [b"", b"\0" * 40, b"12\n"])
def test_a_lock_whose_holder_was_killed_while_writing_it_is_free_after_a_lease(tmp_path, content):
    (tmp_path / "lock").write_bytes(content)
    with pytest.raises(run_lock.Busy, match="another process"):
        run_lock.take(tmp_path)
    os.utime(tmp_path / "lock", (0, time.time() - 2))
    begun = time.monotonic()
    run_lock.take(tmp_path).release()
    assert time.monotonic() - begun < 5


def test_a_process_that_has_been_followed_stops(tmp_path, holder):
    (tmp_path / "lock").unlink()
    with run_lock.lock(tmp_path):
        assert holder.wait(20) == run_lock.LOST
    assert "another process may be at it" in holder.stderr.read()
