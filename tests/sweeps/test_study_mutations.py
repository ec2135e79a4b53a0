"""Broken declarations: whatever is done to a study's TOML, it is read, or refused in one line."""

import copy
import datetime
import random
import tomllib
from pathlib import Path

import pytest

from sweeps import study as studies
from sweeps import study_checks

MUTATIONS = 700
COMMITTED = sorted(studies.FOLDER.glob("*.toml"))
OTHERS = (
    *(0, -1, 2, 10**400, 0.5, float("nan"), float("inf"), True, "", "a", "cifar10", "a\nb"),
    *([], [[]], [0, 0], ["a"], [None], {}, {"a": 1}, [{}], {"cifar": {}}, datetime.date(2015, 12, 10)),
)


def test_mutated_declarations_are_read_or_refused_in_one_line(monkeypatch):
    rng = random.Random(0)
    texts = [tomllib.loads(path.read_text(encoding="utf-8")) for path in COMMITTED]
    declared: dict = {}
    # As TOML would be parsed, without writing what TOML may not hold.
    monkeypatch.setattr(studies.tomllib, "loads", lambda text: copy.deepcopy(declared))
    refused = 0
    for number in range(MUTATIONS):
        index = rng.randrange(len(texts))
        declared = copy.deepcopy(texts[index])
        done = [mutate(declared, rng) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
        try:
            study = studies.read(COMMITTED[index].stem)
        except ValueError as error:
            assert "\n" not in str(error), (number, done)  # noqa: PT017 (either end is right)
            refused += 1
        except Exception as error:  # noqa: BLE001 (none is expected)
            pytest.fail(f"mutation {number} of {COMMITTED[index].name}, {done}: {error!r}")
        else:
            assert isinstance(study, studies.Study)
            assert len(set(study.seeds)) == len(study.seeds) > 0
    assert refused > MUTATIONS / 2


def mutate(declared: dict, rng: random.Random) -> str:
    """Change one place of the table, at any depth; returns what was done."""
    holder, key = rng.choice(list(places(declared)))
    change = rng.choice(("delete", "replace", "replace", "repeat", "wrap", "rename"))
    if change == "delete":
        del holder[key]
    elif change == "repeat" and isinstance(holder, list):
        holder.append(copy.deepcopy(holder[key]))
    elif change == "wrap":
        holder[key] = [holder[key]]
    elif change == "rename" and isinstance(holder, dict):
        holder[f"{key}s"] = holder.pop(key)
    else:
        holder[key] = copy.deepcopy(rng.choice(OTHERS))
    return f"{change} {key!r}"


def places(value: dict | list) -> list:
    """Return every (table or list, key or position) in the value, at any depth."""
    found = []
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        found.append((value, key))
        if isinstance(inner, (dict, list)):
            found += places(inner)
    return found


@pytest.mark.parametrize("content", [b"\xff", b"seeds = [", b"", b"[[variants]]\n" * 2, b"variants = 1"])
def test_files_that_are_no_declaration_are_refused_in_one_line(tmp_path: Path, monkeypatch, content):
    monkeypatch.setattr(studies, "FOLDER", tmp_path)
    (tmp_path / "made.toml").write_bytes(content)
    with pytest.raises(ValueError, match=r"made\.toml: ") as error:
        studies.read("made")
    assert "\n" not in str(error.value)


def test_the_ids_of_claims_are_those_of_the_file():
    declared = tomllib.loads(study_checks.CLAIMS.read_text(encoding="utf-8"))["claims"]
    assert study_checks.claim_ids() == {claim["id"] for claim in declared}
