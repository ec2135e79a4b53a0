"""Counts and exact verdicts outlive a process, but not a change of the code that they came from."""

import json

import pytest

from architectures.counting import count
from reports.verdicts import complexity, exact, remembered
from reports.verdicts.complexity import Network

NETWORK = Network.of("resnet", "cifar", {"depth": 8})
CLAIM = "alexnet.sizes_227"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "counted.json"


@pytest.fixture
def ask(file, monkeypatch):
    """`ask()`: the answers of a process that begins with the file, and whether anything was built or checked."""

    def ask():
        worked = []
        real, check = complexity.on_meta, exact.find(CLAIM)
        monkeypatch.setattr(complexity, "KNOWN", {})
        monkeypatch.setattr(exact, "KNOWN", {})
        with monkeypatch.context() as patch, remembered.facts(file) as decided:
            patch.setattr(complexity, "on_meta", lambda network: worked.append("count") or real(network))
            patch.setattr(exact, "find", lambda claim: worked.append("check") or check)
            answers = complexity.counts(NETWORK), exact.verdict(CLAIM)
            file.write_bytes(decided.content())
        return answers, worked

    return ask


def test_answers_are_kept(file, ask):
    first, worked = ask()
    content = file.read_bytes()
    again, worked_again = ask()
    assert worked == ["count", "check"] and not worked_again
    assert first == again and file.read_bytes() == content


def test_other_code_is_asked_anew(ask, monkeypatch):
    ask()
    monkeypatch.setattr(remembered, "fingerprint", lambda patterns: str(patterns == remembered.NETWORKS))
    assert ask()[1] == ["count", "check"]
    assert ask()[1] == []


def test_a_check_is_asked_anew_without_the_networks(ask, monkeypatch):
    ask()
    real = remembered.fingerprint
    monkeypatch.setattr(
        remembered,
        "fingerprint",
        lambda patterns: real(patterns) if patterns == remembered.NETWORKS else "other",
    )
    assert ask()[1] == ["check"]


@pytest.mark.parametrize(
    "content", ["", "{", '{"counts": {}}', '{"counts": {"code": 1, "of": 2}, "claims": []}']
)
def test_a_damaged_file_is_no_file(file, ask, content):
    file.write_text(content)
    assert ask()[1] == ["count", "check"]


def test_a_changed_or_new_file_is_other_code(tmp_path):
    (tmp_path / "family.py").write_text("A = 1")
    first = remembered.fingerprint(("*.py",), tmp_path)
    assert remembered.fingerprint(("*.py",), tmp_path) == first
    (tmp_path / "family.py").write_text("A = 2")
    second = remembered.fingerprint(("*.py",), tmp_path)
    (tmp_path / "other.py").write_text("")
    assert len({first, second, remembered.fingerprint(("*.py",), tmp_path)}) == 3


def test_what_is_committed_came_from_this_code():
    kept = json.loads((remembered.ROOT / "reports" / remembered.NAME).read_text(encoding="utf-8"))
    assert kept["counts"]["code"] == remembered.fingerprint(remembered.NETWORKS), "run python -m reports"
    assert kept["claims"]["code"] == remembered.fingerprint(remembered.CLAIMS), "run python -m reports"
    # A few of the counts, made anew; test_complexity.py makes all that a paper prints.
    for name in sorted(kept["counts"]["of"])[::50]:
        network = eval(name, {"Network": Network})  # written by this project's own repr
        counted = count(complexity.on_meta(network), network.resolution)
        assert kept["counts"]["of"][name] == vars(counted), name
