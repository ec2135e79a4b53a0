"""Counts, exact verdicts and pictures outlive a process, but not a change of the code or input they came from."""

import json

import pytest
from torch import nn

from architectures.counting import count
from reports.__main__ import HERE
from reports.plots.picture import CODE, Picture
from reports.verdicts import cache, checks, complexity, sources
from reports.verdicts.complexity import Network

NETWORK = Network.of("resnet", "cifar", {"depth": 8})
CLAIM = "alexnet.sizes_227"
POINTS = [{"variant": "wide", "error": 5.0}]


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """`ask()`: the answers of a process that begins with the folder, and what had to be made for them."""
    (tmp_path / "figures").mkdir()
    build, check = Network.on_meta, checks.find(CLAIM)

    def ask(points=POINTS, only_asked=True):
        made = []

        def on_meta(network: Network) -> nn.Module:
            made.extend(["count"] * (network == NETWORK))  # the check builds networks of its own
            return build(network)

        picture = Picture("x", "alt", "caption", points, lambda points: made.append("picture") or b"PNG")
        with monkeypatch.context() as patch, cache.opened(tmp_path) as answers:
            patch.setattr(Network, "on_meta", on_meta)
            patch.setattr(checks, "find", lambda claim: made.append("check") or check)
            found = complexity.counts(NETWORK), checks.verdict(CLAIM), picture.png()
            (tmp_path / picture.path).write_bytes(found[2])
            (tmp_path / cache.NAME).write_bytes(answers.content(only_asked))
        assert found[2] == b"PNG"
        return found, made

    return ask


def test_answers_are_kept_and_the_file_stays_the_same(ask, tmp_path):
    first, made = ask()
    content = (tmp_path / cache.NAME).read_bytes()
    again, made_again = ask()
    assert made == ["count", "check", "picture"] and not made_again
    assert first == again and (tmp_path / cache.NAME).read_bytes() == content


@pytest.mark.parametrize(
    ("changed", "made_anew"),
    [
        ("architectures/resnet.py", ["count"]),
        ("architectures/layers/conv_bn.py", ["count"]),
        ("architectures/counting.py", ["count", "check"]),
        ("architectures/alexnet.py", ["check"]),
        ("reports/verdicts/checks/alexnet.py", ["check"]),
        ("architectures/densenet.py", []),
        ("reports/plots/style.py", ["picture"]),
    ],
)
def test_a_change_asks_anew_what_depends_on_it(ask, monkeypatch, changed, made_anew):
    ask()
    real = sources.fingerprint

    def fingerprint(files):
        return real(files) + "changed" * (sources.ROOT / changed in files)

    monkeypatch.setattr(sources, "fingerprint", fingerprint)
    assert ask()[1] == made_anew and ask()[1] == []


def test_other_points_are_drawn_anew(ask):
    ask()
    assert ask([{"variant": "wide", "error": 5.1}])[1] == ["picture"]


def test_a_picture_that_was_changed_or_removed_is_drawn_anew(ask, tmp_path):
    ask()
    (tmp_path / "figures" / "x.png").write_bytes(b"by hand")
    assert ask()[1] == ["picture"]
    (tmp_path / "figures" / "x.png").unlink()
    assert ask()[1] == ["picture"] and not ask()[1]


def test_only_a_build_of_all_pages_drops_what_nobody_asks_for(ask, tmp_path):
    ask()
    file = tmp_path / cache.NAME
    kept = json.loads(file.read_text())
    file.write_text(json.dumps(kept | {"counts": kept["counts"] | {"Network()": ["0", {}]}}))
    ask(only_asked=False)
    assert "Network()" in json.loads(file.read_text())["counts"]
    ask()
    assert json.loads(file.read_text()) == kept


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"counts": 2, "claims": []}', '{"claims": {"alexnet.sizes_227": "x"}}']
)
def test_a_damaged_file_is_no_file(ask, tmp_path, content):
    (tmp_path / cache.NAME).write_text(content)
    assert ask()[1] == ["count", "check", "picture"]


def test_what_is_committed_came_from_this_code():
    kept = json.loads((HERE / cache.NAME).read_text(encoding="utf-8"))
    networks = {name: eval(name, {"Network": Network}) for name in kept["counts"]}  # written by our own repr
    stale = [
        *(
            n
            for n, network in networks.items()
            if kept["counts"][n][0] != _of(sources.of_architecture(network.arch))
        ),
        *(claim for claim, (known, _) in kept["claims"].items() if known != _of(sources.of_check(claim))),
        *(path for path in kept["pictures"] if not (HERE / path).is_file()),
    ]
    assert not stale, "run uv run -m reports"
    # A few of the counts, made anew; test_complexity.py makes all that a paper prints.
    for name in sorted(networks)[::50]:
        counted = count(networks[name].on_meta(), networks[name].resolution)
        assert kept["counts"][name][1] == vars(counted), name


def _of(files: frozenset) -> str:
    return sources.fingerprint(files)


def test_pictures_come_from_the_code_that_draws_them():
    assert {path.name for path in CODE} >= {"lines.py", "style.py", "picture.py", "statistics.py"}
