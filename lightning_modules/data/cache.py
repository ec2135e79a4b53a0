"""The cache: every data set as memory-mapped arrays, verified by SHA-256 whenever it is loaded.

A run calls `load`. What is missing or damaged is fetched from the first source that has it; one process
prepares while others wait, and a file appears under its name only when it is complete.
"""

import errno
import hashlib
import io
import os
import shutil
import tokenize
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from filelock import FileLock, Timeout

from lightning_modules import files
from lightning_modules.data.catalogue import ArrayDataset
from lightning_modules.data.sources import SOURCES, Source, Unavailable, what_to_put


class DataError(RuntimeError):
    """The data cannot be had or kept; the message says why and what to do about it."""


class Arrays(NamedTuple):
    """Images (N, H, W, 3) uint8 and labels (N,) int64, memory-mapped; writing leaves the files alone."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def load(
    dataset: ArrayDataset,
    data_dir: str | os.PathLike,
    say: Callable[[str], None] = print,
    sources: Mapping[str, Source] = SOURCES,
) -> Arrays:
    """Return the verified arrays of `dataset` from the cache in `data_dir`, filled or repaired if need be.

    Raises DataError when no source has the data, or when the disk is full or not writable.
    """
    data_dir = Path(data_dir)
    folder = data_dir / dataset.folder
    try:
        arrays, _ = _read(dataset, folder)
        if arrays is None:
            folder.mkdir(parents=True, exist_ok=True)
            with _lock(dataset, folder, say):
                arrays, faults = _read(dataset, folder)
                if arrays is None:
                    for fault in faults or [f"{dataset.title} is not in {folder} yet: preparing it once"]:
                        say(fault)
                    _prepare(dataset, data_dir, folder, say, sources)
                    arrays, faults = _read(dataset, folder)
    except OSError as error:
        raise DataError(_disk_trouble(error, folder, dataset.needed_mb)) from error
    if arrays is None:
        raise DataError(f"{folder} was altered while it was being prepared: run again ({'; '.join(faults)})")
    return arrays


def _read(dataset: ArrayDataset, folder: Path) -> tuple[Arrays | None, list[str]]:
    """Return the arrays if all are there and right, and a line about each file that is damaged."""
    names = [f"{split}_{kind}" for split in ("train", "test") for kind in ("images", dataset.labels)]
    arrays, faults = [], []
    for name in names:
        path = folder / f"{name}.npy"
        try:
            array = np.load(path, mmap_mode="c")
        except FileNotFoundError:
            continue
        except (ValueError, EOFError, SyntaxError, tokenize.TokenError):
            array = None
        if not matches(array, dataset, name, dataset.sha256[name] or _noted_digest(path)):
            faults.append(f"{path} does not match its checksum; fetching it again")
        else:
            arrays.append(array)
    return (Arrays(*arrays) if len(arrays) == len(names) else None), faults


def matches(array: np.ndarray | None, dataset: ArrayDataset, name: str, sha256: str | None) -> bool:
    """Check that `array` has the form of what the catalogue calls `name` and, if a digest is given, every byte."""
    kind = np.dtype(np.uint8 if name.endswith("_images") else np.int64)
    if array is None or array.dtype != kind or array.shape != dataset.shape(name):
        return False
    if not array.flags.c_contiguous:
        return False
    return sha256 is None or _digest(array) == sha256


def _digest(array: np.ndarray) -> str:
    return hashlib.sha256(array.reshape(-1).data).hexdigest()


def _noted_digest(path: Path) -> str:
    """Return the digest that was kept beside an array when it was made; empty, which fits none, if it is gone."""
    try:
        return path.with_suffix(".sha256").read_text()
    except (OSError, UnicodeDecodeError):
        return ""


def _lock(dataset: ArrayDataset, folder: Path, say: Callable[[str], None]) -> AbstractContextManager:
    lock = FileLock(folder / ".lock")
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        say(f"another process is preparing {dataset.title} in {folder}: waiting for it")
        return lock.acquire()


def _prepare(
    dataset: ArrayDataset,
    data_dir: Path,
    folder: Path,
    say: Callable[[str], None],
    sources: Mapping[str, Source],
) -> None:
    work = folder / ".preparing"
    shutil.rmtree(work, ignore_errors=True)  # what a killed process left
    files.remove_unfinished(folder)
    failures = []
    for title, source in sources.items():
        work.mkdir()
        try:
            arrays = source(dataset, data_dir, work, say)
            wrong = [
                name
                for name, sha256 in dataset.sha256.items()
                if not matches(arrays.get(name), dataset, name, sha256)
            ]
            if wrong:
                raise Unavailable(f"its {', '.join(wrong)} differ from the published data set")
        except Unavailable as reason:
            failures.append(f"  {title}: {reason}")
            say(f"{title}: {reason}")
            continue
        finally:
            shutil.rmtree(work, ignore_errors=True)  # before the arrays are written: they need the room
        for name, sha256 in dataset.sha256.items():
            if sha256 is None:
                files.write(folder / f"{name}.sha256", _digest(arrays[name]).encode())
            header = io.BytesIO()  # not np.save, which reports a full disk without its errno
            np.lib.format.write_array_header_1_0(
                header, np.lib.format.header_data_from_array_1_0(arrays[name])
            )
            files.write(folder / f"{name}.npy", header.getbuffer(), arrays[name].data)
        say(f"{dataset.title}: {folder} is complete and verified")
        return
    raise DataError(
        "\n".join([f"{dataset.title} could not be obtained. Tried, in this order:", *failures])
        + f"\n{what_to_put(dataset, data_dir)}"
    )


def _disk_trouble(error: OSError, folder: Path, needed_mb: int) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no space left for {folder}: free {needed_mb} MB there, or use another disk with --data-dir"
    where = error.filename or folder
    return (
        f"cannot use {where} ({error.strerror or error}): make {folder} readable and writable, "
        "or name another folder with --data-dir"
    )
