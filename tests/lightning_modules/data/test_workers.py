"""Workers take the cores of their run, and no more memory than there is to hand batches over."""

from collections import namedtuple

import pytest

from lightning_modules.data import workers
from lightning_modules.execution import cores

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Pretend `machine(cores, quota, shared)`: cores, a container's quota of them or None, bytes of shared memory."""

    def pretend(number: int, quota: int | None = None, shared: int = 2**40) -> None:
        (tmp_path / "cpu.max").write_text(f"{quota * 100_000 if quota else 'max'} 100000")
        monkeypatch.setattr(cores, "QUOTA", tmp_path / "cpu.max")
        monkeypatch.setattr(cores.os, "sched_getaffinity", lambda _: range(number))
        monkeypatch.setattr(workers, "SHARED_MEMORY", tmp_path)
        monkeypatch.setattr(workers.shutil, "disk_usage", lambda _: Usage(shared, 0, shared))
        monkeypatch.delenv(cores.OF_THIS_RUN, raising=False)

    return pretend


def test_runs_side_by_side_share_the_cores(machine, monkeypatch):
    """8 GPUs with 16 cores: 2 workers each; they were 16 each."""
    machine(16)
    assert workers.number_of_workers(None, True, 1, 1) == 16
    monkeypatch.setenv(cores.OF_THIS_RUN, "2")
    assert workers.number_of_workers(None, True, 1, 1) == 2


def test_a_containers_quota_counts_and_the_devices_of_a_run_share_it(machine):
    machine(64, quota=8)
    assert workers.number_of_workers(None, True, 1, 1) == 8
    assert workers.number_of_workers(None, True, 4, 1) == 2
    assert (
        workers.number_of_workers(None, False, 1, 1) == 0 and workers.number_of_workers(3, False, 1, 1) == 3
    )


def test_workers_that_shared_memory_has_no_room_for_are_left_out_with_the_remedy(machine, capsys):
    batch = 256 * 3 * 224**2
    machine(16, shared=64 * 2**20)
    assert workers.number_of_workers(None, True, 1, batch) == 0
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "0 instead of 16" in said and "--shm-size" in said
    machine(16, shared=7 * batch)
    assert workers.number_of_workers(None, True, 1, batch) == 3
    machine(16, shared=32 * batch)
    capsys.readouterr()
    assert workers.number_of_workers(None, True, 1, batch) == 16 and not capsys.readouterr().err
