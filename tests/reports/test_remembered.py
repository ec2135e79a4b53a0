"""Counts outlive a process, but not a change of the networks' code."""

import json

import pytest

from reports import complexity, remembered
from reports.complexity import Network

NETWORK = Network.of("resnet", "cifar", {"depth": 8})


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(complexity, "KNOWN", {})
    return tmp_path / "out" / "counts.json"


def count_anew(file, monkeypatch):
    """The counts of the network in a process that begins with the file; whether the network was built."""
    built = []
    real = complexity.on_meta
    monkeypatch.setattr(complexity, "KNOWN", {})
    monkeypatch.setattr(complexity, "on_meta", lambda network: built.append(network) or real(network))
    with remembered.counts(file):
        return complexity.counts(NETWORK), bool(built)


def test_counts_are_kept(file, monkeypatch):
    first, built = count_anew(file, monkeypatch)
    again, built_again = count_anew(file, monkeypatch)
    assert built and not built_again and first == again


def test_other_code_counts_anew(file, monkeypatch):
    count_anew(file, monkeypatch)
    monkeypatch.setattr(remembered, "fingerprint", lambda folder: "other code")
    assert count_anew(file, monkeypatch)[1]
    assert json.loads(file.read_text())["code"] == "other code"


def test_a_changed_or_new_file_is_other_code(tmp_path):
    (tmp_path / "family.py").write_text("A = 1")
    first = remembered.fingerprint(tmp_path)
    assert remembered.fingerprint(tmp_path) == first
    (tmp_path / "family.py").write_text("A = 2")
    second = remembered.fingerprint(tmp_path)
    (tmp_path / "other.py").write_text("")
    assert len({first, second, remembered.fingerprint(tmp_path)}) == 3


@pytest.mark.parametrize("damage", ["", "[]", '{"code": 1', '{"counts": {}}'])
def test_a_damaged_file_is_counted_anew(file, monkeypatch, damage):
    first, _ = count_anew(file, monkeypatch)
    file.write_text(damage)
    assert count_anew(file, monkeypatch) == (first, True)
    assert count_anew(file, monkeypatch) == (first, False)
