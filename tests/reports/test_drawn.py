"""Pictures outlive a process, but not a change of their points, of the code that draws them, or of their files."""

import json

import pytest

from reports.plots import drawn, picture
from reports.plots.picture import Picture
from reports.verdicts import remembered

POINTS = [{"variant": "wide", "error": 5.0}]


@pytest.fixture
def make(tmp_path, monkeypatch):
    """`make(points)`: whether a process that begins with the folder had to draw the picture."""
    monkeypatch.setattr(picture, "USED", {})
    (tmp_path / "figures").mkdir()

    def make(points=POINTS):
        calls = []
        monkeypatch.setattr(picture, "DRAWN", {})
        made = Picture(
            "x", "alt", "caption", points, lambda points, size: calls.append(size) or b"PNG", {"size": 3}
        )
        with drawn.pictures(tmp_path) as pictures:
            (tmp_path / made.path).write_bytes(made.png())
            (tmp_path / drawn.NAME).write_bytes(pictures.content())
        assert (tmp_path / made.path).read_bytes() == b"PNG"
        return bool(calls)

    return make


def test_a_picture_is_drawn_once_and_the_file_stays_the_same(make, tmp_path):
    assert make()
    content = (tmp_path / drawn.NAME).read_bytes()
    assert not make() and (tmp_path / drawn.NAME).read_bytes() == content


def test_other_points_are_drawn_anew(make):
    make()
    assert make([{"variant": "wide", "error": 5.1}])


def test_a_picture_that_was_changed_or_removed_is_drawn_anew(make, tmp_path):
    make()
    (tmp_path / "figures" / "x.png").write_bytes(b"by hand")
    assert make()
    (tmp_path / "figures" / "x.png").unlink()
    assert make() and not make()


def test_other_code_draws_anew(make, monkeypatch):
    make()
    monkeypatch.setattr(remembered, "fingerprint", lambda patterns: "other code")
    assert make() and not make()


@pytest.mark.parametrize("damage", ["", "[]", '{"code": 1', '{"pictures": {}}', "other pictures"])
def test_a_damaged_file_is_no_file(make, tmp_path, damage):
    make()
    file = tmp_path / drawn.NAME
    if damage == "other pictures":
        damage = json.dumps(json.loads(file.read_text()) | {"pictures": {"figures/x.png": "short"}})
    file.write_text(damage)
    assert make() and not make()


def test_what_is_committed_came_from_this_code():
    kept = json.loads((remembered.ROOT / "reports" / drawn.NAME).read_text(encoding="utf-8"))
    assert kept["code"] == remembered.fingerprint(drawn.CODE), "run python -m reports"
    assert all((remembered.ROOT / "reports" / path).is_file() for path in kept["pictures"])
