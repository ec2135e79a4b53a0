"""An HTTP server on 127.0.0.1 that can be made to fail in the ways that servers fail."""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import unquote, urlsplit

NEVER = 0  # in place of a status: no answer


class FailingServer:
    """`with` it, a free port is listened on, and `answer` is asked for every request.

    failure: an HTTP status that every request gets, "silent" (it is accepted and never answered) or "portal" (a page of
    HTML, as a hotel's network answers); None, it works.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.failure: int | str | None = None
        self.closed = threading.Event()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"failing": self}))
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Die: the port is closed, and whoever waits for an answer loses the connection."""
        if not self.closed.is_set():
            self.closed.set()
            self.http.shutdown()
            self.http.server_close()

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        """The status and what is sent: bytes, or an object as JSON."""
        raise NotImplementedError


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    failing: FailingServer

    def log_message(self, *_) -> None:
        """Tests print nothing."""

    def serve(self) -> None:
        server, body = self.failing, self.body()
        failure = server.failure
        if failure == "silent" or server.closed.is_set():
            status, sent = NEVER, None
        elif failure == "portal":
            status, sent = 200, b"<html>Welcome to our hotel</html>"
        elif failure:
            status, sent = failure, {"errors": [{"message": f"made to fail with {failure}"}]}
        elif not self.headers.get("Authorization") and not self.path.startswith("/storage/"):
            status, sent = 401, {"errors": [{"message": "no key"}]}
        else:
            with server.lock:
                try:
                    status, sent = server.answer(self.command, unquote(urlsplit(self.path).path), body)
                except (KeyError, TypeError, ValueError, AttributeError) as error:
                    # A client that lost the connection would ask again for ever.
                    status, sent = 400, {"errors": [{"message": f"this server fails: {error!r}"}]}
        if status == NEVER:
            server.closed.wait()
            self.close_connection = True
            return
        content = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            chunks = []
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            content = b"".join(chunks)
        else:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(content) if self.headers.get("Content-Encoding") == "gzip" else content

    do_GET = do_POST = do_PUT = serve
