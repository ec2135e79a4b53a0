"""The cache: verified at every load, repaired, shared by processes, and never left half-written."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from lightning_modules.data import cache

FILES = ["test_images.npy", "test_labels.npy", "train_images.npy", "train_labels.npy"]


@pytest.fixture
def counted(arrays):
    calls = []

    def source(dataset, data_dir, work, say):
        calls.append(work)
        (work / "download").write_bytes(b"x" * 1000)
        return arrays

    return {"test source": source}, calls


def never(dataset, data_dir, work, say):
    raise AssertionError("the cache was whole, no source should be asked")


def test_fills_once_then_loads(tmp_path, tiny, arrays, counted):
    sources, calls = counted
    cache.load(tiny, tmp_path, lambda _: None, sources)
    lines = []
    loaded = cache.load(tiny, tmp_path, lines.append, {"never": never})
    assert len(calls) == 1 and lines == []
    for name in loaded._fields:
        array = getattr(loaded, name)
        assert isinstance(array, np.memmap) and np.array_equal(array, arrays[name])
        assert np.array_equal(np.load(tmp_path / "tiny" / f"{name}.npy"), arrays[name])


def flip(path: Path, offset: int):
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["flipped", "last byte", "truncated", "empty", "other data", "gone"])
def test_damage_is_detected_named_and_repaired(tmp_path, tiny, arrays, counted, name, damage):
    sources, calls = counted
    cache.load(tiny, tmp_path, lambda _: None, sources)
    path = tmp_path / "tiny" / name
    if damage == "flipped":
        flip(path, 128 + 10)
    if damage == "last byte":
        flip(path, -1)
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-1])
    if damage == "empty":
        path.write_bytes(b"")
    if damage == "other data":
        np.save(path, np.zeros(3))
    if damage == "gone":
        path.unlink()
    lines = []
    loaded = cache.load(tiny, tmp_path, lines.append, sources)
    assert len(calls) == 2
    assert np.array_equal(getattr(loaded, name.removesuffix(".npy")), arrays[name.removesuffix(".npy")])
    if damage != "gone":
        assert lines[0] == f"{path} does not match its checksum; fetching it again"


def test_every_byte_of_the_header_matters_or_changes_nothing(tmp_path, tiny, arrays, counted):
    sources, _ = counted
    cache.load(tiny, tmp_path, lambda _: None, sources)
    path = tmp_path / "tiny" / "test_images.npy"
    whole = path.read_bytes()
    for offset in range(128):
        for bit in (0, 3, 7):
            altered = bytearray(whole)
            altered[offset] ^= 1 << bit
            path.write_bytes(altered)
            loaded = cache.load(tiny, tmp_path, lambda _: None, sources)
            assert np.array_equal(loaded.test_images, arrays["test_images"])
            del loaded


def test_a_source_with_wrong_data_is_passed_over(tmp_path, tiny, arrays, counted):
    sources, _ = counted
    wrong = {**arrays, "test_labels": arrays["test_labels"] ^ 1}
    lacking = {name: array for name, array in arrays.items() if name != "train_labels"}
    lines = []
    three = {"wrong": lambda *_: wrong, "lacking": lambda *_: lacking, **sources}
    cache.load(tiny, tmp_path, lines.append, three)
    assert "wrong: its test_labels differ from the published data set" in lines
    assert "lacking: its train_labels differ from the published data set" in lines


def _prepare(tiny, folder, arrays, gate, results):
    def slow(dataset, data_dir, work, say):
        time.sleep(0.5)
        results.put("prepared")
        return arrays

    gate.wait()
    lines = []
    cache.load(tiny, folder, lines.append, {"slow": slow})
    results.put("waited" if any("another process" in line for line in lines) else "loaded")


def test_two_processes_at_once_prepare_once(tmp_path, tiny, arrays):
    context = multiprocessing.get_context("fork")
    gate, results = context.Barrier(2), context.SimpleQueue()
    processes = [
        context.Process(target=_prepare, args=(tiny, tmp_path, arrays, gate, results)) for _ in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(20)
        assert process.exitcode == 0
    assert sorted(results.get() for _ in range(3)) == ["loaded", "prepared", "waited"]


def test_killed_while_preparing_then_run_again(tmp_path, tiny, arrays, counted):
    context = multiprocessing.get_context("fork")
    started = context.Event()

    def endless(dataset, data_dir, work, say):
        (work / "half a download").write_bytes(b"x" * 1000)
        started.set()
        time.sleep(60)

    args = (tiny, tmp_path, lambda _: None, {"endless": endless})
    process = context.Process(target=cache.load, args=args)
    process.start()
    assert started.wait(10)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert (tmp_path / "tiny" / ".preparing").exists()
    (tmp_path / "tiny" / ".train_images.npy.killed.part").write_bytes(b"half")
    sources, _ = counted
    cache.load(tiny, tmp_path, lambda _: None, sources)
    assert sorted(p.name for p in (tmp_path / "tiny").iterdir()) == [".lock", *FILES]


@pytest.fixture
def mounted(tmp_path):
    """mounted(options) is a small file system of its own, unmounted at the end."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    commands = shutil.which("mount"), shutil.which("umount")

    def mount(options):
        done = (
            os.geteuid() == 0
            and all(commands)
            and not subprocess.run(
                ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=False, capture_output=True
            ).returncode
        )
        if not done:
            pytest.skip("needs root and mount")
        return folder

    yield mount
    subprocess.run(["umount", folder], check=False, capture_output=True)


def test_full_disk(mounted, tiny, counted):
    folder = mounted("size=128k")  # the training images alone take 150 KB
    sources, _ = counted
    with pytest.raises(cache.DataError, match="no space left for .*: free 300 MB .*--data-dir") as error:
        cache.load(tiny, folder, lambda _: None, sources)
    assert "\n" not in str(error.value)
    left = {p.name for p in (folder / "tiny").iterdir()}
    assert not any(name.endswith(".part") for name in left) and ".preparing" not in left


def test_read_only_folder(mounted, tiny, arrays, counted):
    sources, _ = counted
    folder = mounted("size=1m")
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    with pytest.raises(cache.DataError, match="Read-only file system.*--data-dir"):
        cache.load(tiny, folder, lambda _: None, sources)
    subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
    cache.load(tiny, folder, lambda _: None, sources)
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    assert np.array_equal(cache.load(tiny, folder, print, {}).test_labels, arrays["test_labels"])


def test_a_data_dir_that_is_a_file(tmp_path, tiny):
    (tmp_path / "data").write_text("not a folder")
    with pytest.raises(cache.DataError, match="--data-dir"):
        cache.load(tiny, tmp_path / "data", lambda _: None, {})
