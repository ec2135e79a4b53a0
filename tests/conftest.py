"""What tests of several folders share."""

import os
import sys

import pytest

MOST_PROCESSES = 4  # each holds torch and Lightning: about 1 GB

# The processes of the suite share the cores; torch reads this when it is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes `-n auto` starts: one a core, within limits."""
    from lightning_modules.execution.cores import usable_cores

    return min(usable_cores(), MOST_PROCESSES)


@pytest.fixture(scope="session", autouse=True)
def compiled_once(tmp_path_factory):
    """Where PYTHONDONTWRITEBYTECODE is set, every process that a test starts would compile torch anew.

    They share compiled modules in a temporary folder instead: half of a start's time.
    """
    if not sys.dont_write_bytecode:
        yield
        return
    compiled = tmp_path_factory.getbasetemp()  # of this process of the suite
    if "PYTEST_XDIST_WORKER" in os.environ:
        compiled = compiled.parent  # of all of them
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("PYTHONPYCACHEPREFIX", str(compiled / "compiled"))
        yield


@pytest.fixture
def tiny_study(tmp_path, monkeypatch):
    """The tiny data set and its studies in place of the real ones; returns the folder of the data."""
    from tests import tiny

    monkeypatch.setattr(tiny.study, "FOLDER", tiny.study.FOLDER)
    monkeypatch.setitem(tiny.DATASETS, "tiny", None)
    monkeypatch.setitem(tiny.RECIPES, "diverging", None)
    monkeypatch.setitem(tiny.BUDGETS, "smoke", tiny.BUDGETS["smoke"])
    tiny.install(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def world(tmp_path, tiny_study):
    """An account on the loopback W&B server, with the tiny data set and its studies."""
    from tests.wandb_server import WandbServer
    from tests.wandb_world import World

    with WandbServer() as server:
        yield World(tmp_path, server)
