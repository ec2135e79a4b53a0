"""`python -m reports watch`: keep a page up to date while runs go on, and serve it on this machine's loopback."""

import getpass
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from lightning_modules import files
from reports.watch.folder import RunsFolder
from reports.watch.page import Summary, html
from reports.watch.sections import Section

LOOPBACK = "127.0.0.1"


def watch(
    title: str,
    look: Callable[[RunsFolder], list[Section]],
    runs: RunsFolder,
    page: Path,
    interval: float | None,
) -> None:
    """Write the page, anew whenever a look every `interval` seconds shows a change, until SIGINT or SIGTERM.

    interval: None for a single look. The last page says that it is no longer watched. Raises OSError.
    """
    ended, shown, said = threading.Event(), "", ""
    if interval:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
    while True:
        runs.read()
        summary = Summary(look(runs))
        last = interval is None or ended.is_set()
        make = partial(html, title, summary, runs.warnings, None if last else interval)
        if (content := make("")) != shown:
            shown = content
            files.write(page, make(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC").encode(), durable=False)
        if str(summary) != said:
            said = str(summary)
            print(f"{datetime.now():%H:%M:%S}  {said}", flush=True)
        if last:
            return
        ended.wait(interval)


@contextmanager
def served(page: Path, port: int) -> Iterator[str]:
    """Serve the page, and nothing else, to this machine alone, at `port` or, for 0, a free one; yield its address.

    Raises ValueError, in one line, if the port is taken.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == "/" and page.exists()
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(page.read_bytes() if known else b"The page is at /")

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing of every request."""

    try:
        server = ThreadingHTTPServer((LOOPBACK, port), Handler)
    except (OSError, OverflowError) as error:
        raise ValueError(f"cannot serve at port {port} ({error}); --serve 0 takes a free one") from error
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def tunnel(address: str) -> str:
    """Return the command that brings the served page to another machine, by ssh."""
    port = address.rstrip("/").rpartition(":")[2]
    return f"ssh -N -L {port}:{LOOPBACK}:{port} {getpass.getuser()}@{socket.gethostname()}"
