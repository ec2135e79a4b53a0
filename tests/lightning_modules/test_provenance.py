"""A commit is believed only if it is this project's; otherwise the sources' digest tells versions apart."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lightning_modules import provenance

UNKNOWN = {"commit": None, "dirty": None}


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def repository(tmp_path):
    """Return a committed project of one file, and its commit."""
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "run.py").write_text("print()\n")
    for arguments in (("init", "-q"), ("add", "."), ("commit", "-qm", "first")):
        git(tmp_path / "project", *arguments)
    return tmp_path / "project", git(tmp_path / "project", "rev-parse", "HEAD")


def test_commit_and_changes_of_a_clone(repository):
    root, commit = repository
    assert provenance.git_state(root) == {"commit": commit, "dirty": False}
    (root / "run.py").write_text("print(1)\n")
    assert provenance.git_state(root) == {"commit": commit, "dirty": True}


def test_unpacked_inside_somebodys_repository_there_is_no_commit(repository):
    root, _ = repository
    inner = root / "convnets"
    inner.mkdir()
    shutil.copy(root / "run.py", inner)
    assert provenance.git_state(inner) == UNKNOWN
    git(root, "add", ".")  # nor if they have committed it as part of theirs
    git(root, "commit", "-qm", "second")
    assert provenance.git_state(inner) == UNKNOWN


def test_unpacked_over_somebodys_repository_there_is_no_commit(repository):
    root, _ = repository
    git(root, "rm", "-q", "--cached", "run.py")
    git(root, "commit", "-qm", "a thesis", "--allow-empty")
    assert provenance.git_state(root) == UNKNOWN


def test_without_a_repository_there_is_no_commit(tmp_path):
    (tmp_path / "run.py").write_text("")
    assert provenance.git_state(tmp_path) == UNKNOWN


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give folders away")
def test_a_clone_that_belongs_to_another_user_has_its_commit(repository):
    root, commit = repository
    for path in (root, *root.rglob("*")):
        os.chown(path, 12345, 12345)
    assert provenance.git_state(root)["commit"] == commit


def test_another_repository_that_the_environment_names_is_not_asked(repository, tmp_path, monkeypatch):
    root, commit = repository
    git(tmp_path, "init", "-q", "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    assert provenance.git_state(root)["commit"] == commit


def test_the_digest_follows_every_file_that_trains(tmp_path):
    (tmp_path / "architectures" / "layers").mkdir(parents=True)
    (tmp_path / "run.py").write_text("a\n")
    (tmp_path / "architectures" / "layers" / "block.py").write_text("b\n")
    first = provenance.sources(tmp_path)
    (tmp_path / "run.py").write_bytes(b"a\r\n")
    assert provenance.sources(tmp_path) == first
    (tmp_path / "architectures" / "layers" / "block.py").write_text("c\n")
    assert provenance.sources(tmp_path) != first
    assert len(provenance.versions()["sources"]) == 16
