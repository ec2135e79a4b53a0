"""Files of records from other people: packed, judged, taken in; and what a false one can't do."""

import dataclasses
import hashlib
import json

import pytest

from architectures.counting import count
from lightning_modules.configuration import Configuration, resolve
from lightning_modules.record import Record
from reports import __main__
from reports.pages import build
from reports.runs import command, contributions, records
from reports.runs.collect import Committed, collect
from tests.reports.conftest import facts_of, make_facts, run_id, sealed


def genuine(name: str, seed: int, errors: int, device: str = "Abacus", **changes) -> dict:
    """A record with its network's true counts, and the speeds of a machine."""
    facts = make_facts(name, seed, errors)
    configuration = Configuration(**facts["config"])
    counts = count(configuration.build(), configuration.resolution)
    speeds = [len(device) + errors / 7 + epoch for epoch in range(configuration.epochs)]
    return sealed(
        facts
        | {"parameters": counts.parameters, "mult_adds": counts.mult_adds}
        | {
            "curve": facts["curve"] | {"images_per_second": speeds},
            "machine": facts["machine"] | {"device": device},
        }
        | changes
    )


@pytest.fixture
def finish(tmp_path):
    """`finish(facts, …)`: leave the records of finished runs; returns their folder."""

    def finish(*made, machine="there"):
        for facts in made:
            path = tmp_path / machine / "runs" / facts["run_id"] / "record.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(facts))
        return tmp_path / machine / "runs"

    return finish


@pytest.fixture
def committed(study, tmp_path) -> Committed:
    return Committed(tmp_path / "records")


@pytest.fixture
def packed(finish, committed, tmp_path):
    """`packed(facts, …)`: what `contribute` makes of finished runs."""

    def packed(*made, by="Ada"):
        return contributions.pack(finish(*made), (), by, committed.study_of, tmp_path / "out")[0]

    return packed


@pytest.fixture
def forge(tmp_path):
    """`forge(line, …, header=…)`: a file whose header fits the lines, but for what is changed in it."""

    def forge(*lines: dict | bytes, **header):
        body = b"".join(
            (line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines
        )
        true = {
            "by": "Eve", "made": "2026-06-01T00:00:00Z", "commit": None, "records": len(lines),
            "digest": hashlib.sha256(body).hexdigest(),
        }  # fmt: skip
        path = tmp_path / "forged.jsonl"
        path.write_bytes(json.dumps(true | header).encode() + b"\n" + body)
        return path

    return forge


def test_packed_judged_and_taken_in_with_its_contributor(packed, committed, tmp_path):
    made = [genuine("wide", 0, 5000), genuine("thin", 0, 6000, git={"commit": None, "dirty": None})]
    path = packed(*made, by="Ada <b>Lovelace</b>")
    assert path.name.startswith("ada-b-lovelace-b-") and path.stat().st_size < 20_000
    judged = contributions.read(path, committed.study_of)
    assert str(judged) == (
        "2 records by Ada <b>Lovelace</b>; studies: made_up 2; budgets: mini 2; precision: 32-true 2; devices: Abacus 2; "
        "1 of code that no commit holds"
    )
    assert judged.refused == []
    said, warnings = collect([path], tmp_path / "records")
    assert (said[-1], warnings) == ("2 new records, 2 in all", [])
    lines = [json.loads(line) for line in (tmp_path / "records" / "made_up.jsonl").read_text().splitlines()]
    by_id = {facts["run_id"]: facts | {"contributor": "Ada <b>Lovelace</b>"} for facts in made}
    assert lines == [by_id[line["run_id"]] for line in lines] and len(lines) == 2
    assert collect([path], tmp_path / "records") == (["0 new records, 2 in all"], [])

    pages = build.make_study("made_up", *records.read([tmp_path / "records"])[:1], {})
    page = pages["studies/made_up.md"].decode()
    assert "| contributor" in page and "Ada &#60;b&#62;Lovelace&#60;/b&#62;" in page and "<b>" not in page


def test_only_what_the_checks_pass_is_packed(finish, committed, tmp_path, facts):
    folder = finish(
        genuine("wide", 0, 5000), facts("wide", 1, 5000), genuine("wide", 2, 5000) | {"digest": "0" * 64}
    )
    _, packed = contributions.pack(folder, ("made_up",), "Ada", committed.study_of, tmp_path / "out")
    assert [record.run_id for record in packed.records] == [run_id("wide", 0)]
    assert len(packed.refused) == 2
    reasons = "\n".join(packed.refused)
    assert "left out, its network has 1 parameters and 2 mult-adds, and that of this code" in reasons
    assert "its digest doesn't fit" in reasons
    for names, by in ((("other_study",), "Ada"), ((), ""), ((), "a\nb"), ((), "x" * 61)):
        with pytest.raises(ValueError, match="holds no finished run of other_study|contributor's name"):
            contributions.pack(folder, names, by, committed.study_of, tmp_path / "none")
    assert not (tmp_path / "none").exists()


OTHER_RECIPE = resolve(
    "densenet", {"depth": 22}, dataset="cifar10", budget="mini", seed=0, changes={"lr": 0.01}
)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"recipe": "other"}, "its recipe is 'other'"),
        ({"variant": "thin"}, "isn't variant 'thin' of study 'made_up'"),
        ({"study": "../made_up"}, "of study '../made_up', which it names"),
        ({"parameters": 9}, "its network has 9 parameters"),
        ({"finished": "2026-06-01T00:00:01Z"}, "after the file was made"),
        ({"contributor": "Ada"}, "names a contributor"),
        ({"versions": {"sources": 5}}, "its versions aren't texts"),
        ({"device": "\x1b[2Jcleared"}, r"a text that no run writes: '\x1b[2J"),
        ({"device": "x" * 301}, "a text that no run writes"),
        ({"device": "x" * 10_000_000}, "longer than any record"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"format": 3, "seed": NaN}', "NaN is no number"),
        (b"\xff\xfe", "can't decode"),
        (b"", "Expecting value"),
    ],
)
def test_each_refused_record_has_a_line_and_the_others_pass(forge, committed, tmp_path, changes, reason):
    wrong = changes if isinstance(changes, bytes) else genuine("wide", 0, 5000, **changes)
    path = forge(wrong, genuine("thin", 0, 6000))
    judged = contributions.read(path, committed.study_of)
    (refusal,) = judged.refused
    assert refusal.startswith("forged.jsonl:2: refused, ") and reason in refusal
    assert len(refusal) < 400 and refusal.isprintable()
    assert [record.run_id for record in judged.records] == [run_id("thin", 0)]
    said, warnings = collect([path], tmp_path / "records")
    assert (said[-1], warnings) == ("1 new record, 1 in all", [refusal])


def test_forged_digests_and_other_recipes_are_refused(forge, committed):
    unsealed = genuine("wide", 0, 5000) | {"digest": "0" * 64}
    judged = contributions.read(
        forge(unsealed, facts_of(OTHER_RECIPE, 5000, "made_up", "wide")), committed.study_of
    )
    reasons = [line.partition("refused, ")[2] for line in judged.refused]
    assert reasons[0].startswith("its digest doesn't fit") and "another recipe" in reasons[1]
    assert judged.records == []


def test_a_run_is_there_once(forge, committed):
    judged = contributions.read(forge(genuine("wide", 0, 5000), genuine("wide", 0, 4000)), committed.study_of)
    assert judged.refused == [f"forged.jsonl:3: refused, run {run_id('wide', 0)} is there twice"]
    assert [record.errors for record in judged.records] == [5000]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"records": 2}, "says 2 records, and it has 1"),
        ({"digest": "0" * 64}, "digest isn't that of its records"),
        ({"by": "Ada\nEve"}, "contributor's name"),
        ({"by": 5}, "'by' is 5, expected str"),
        ({"made": "yesterday"}, "yesterday"),
        ({"extra": 1}, "expected by, made, commit, records, digest"),
    ],
)
def test_a_header_that_lies_is_refused_with_its_file(forge, committed, tmp_path, header, reason):
    path = forge(genuine("wide", 0, 5000), **header)
    for judge in (
        lambda: contributions.read(path, committed.study_of),
        lambda: collect([path], tmp_path / "records"),
    ):
        with pytest.raises(ValueError, match=reason) as error:
            judge()
        assert str(error.value).isprintable()
    assert not (tmp_path / "records").exists()


@pytest.mark.parametrize("content", [b"", b"{}\n", b"\xff" * 2_000_000, b"[" * 100_000, b"null\n"])
def test_what_has_no_header_is_refused(committed, tmp_path, content):
    path = tmp_path / "other.jsonl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="its first line is no header of `contribute`"):
        contributions.read(path, committed.study_of)


def test_the_commands(study, finish, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "RECORDS", tmp_path / "records")
    monkeypatch.setattr(command, "CONTRIBUTIONS", tmp_path / "contributions")
    assert __main__.main(["check"]) == 0
    assert "no file of records waits" in capsys.readouterr().out
    runs = finish(genuine("wide", 0, 5000), genuine("thin", 0, 6000))
    pack = ["contribute", "made_up", "--by", "Ada", "--runs-dir", str(runs)]
    assert __main__.main([*pack, "--out", str(tmp_path / "contributions")]) == 0
    (path,) = (tmp_path / "contributions").iterdir()
    held = ["check", "--records", str(tmp_path / "records")]
    assert __main__.main(held) == 0
    assert f"{path}: 2 new, 0 known, 0 repeats on other machines, 0 refused\n" in capsys.readouterr().out
    collect([finish(genuine("wide", 0, 5100), machine="here")], tmp_path / "records")
    before = (tmp_path / "records" / "made_up.jsonl").read_bytes()
    assert __main__.main([*held, str(path)]) == 0  # another machine's result is a repeat
    assert "1 new, 0 known, 1 repeat on other machines" in capsys.readouterr().out
    assert (tmp_path / "records" / "made_up.jsonl").read_bytes() == before

    path.write_bytes(path.read_bytes().replace(b'"seed": 0', b'"seed": 1', 1))
    assert __main__.main([*held, str(path), str(tmp_path / "nowhere.jsonl")]) == 2
    said = capsys.readouterr().out.splitlines()
    assert "digest isn't that of its records" in said[0] and "cannot read" in said[1] and len(said) == 2
    assert __main__.main(["contribute", "made_upp", "--by", "Ada"]) == 2
    assert "did you mean made_up?" in capsys.readouterr().err


# The same run on several machines


def test_a_repeat_on_another_machine_is_kept_apart_and_shown(packed, finish, tmp_path):
    target = tmp_path / "records"
    here = [genuine("wide", seed, 5000 + 100 * seed) for seed in range(3)]
    collect([finish(*here, machine="here")], target)
    before = (target / "made_up.jsonl").read_bytes()
    repeat = packed(genuine("wide", 0, 5030, device="Soroban"), genuine("wide", 1, 5100, device="Quipu"))
    said, warnings = collect([repeat], target)
    assert said == [
        "0 new records, 3 in all", "2 repeats of runs on other machines: in records/repeats/"
    ]  # fmt: skip
    assert warnings == [] and (target / "made_up.jsonl").read_bytes() == before
    assert collect([repeat], target) == (["0 new records, 3 in all"], [])

    found, warnings = records.read([target])
    repeats, complaints = records.repeats([target])
    assert (len(found), len(repeats), warnings, complaints) == (3, 2, [], [])
    page = build.make_study("made_up", found, {}, repeats)["studies/made_up.md"].decode()
    table = page.partition("## Repeats on other machines")[2]
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if "| `wide`" in line
    ]
    assert rows == [
        ["`wide`", "0", "Abacus", "Soroban", "Ada", "differs from epoch 8", "+0.30", "1.00"],
        ["`wide`", "1", "Abacus", "Quipu", "Ada", "equal", "+0.00", "1.00"],
    ]
    assert "(3)" in page and "(4)" not in page  # a repeat is no seed
    assert "Repeats" not in build.make_study("made_up", found, {})["studies/made_up.md"].decode()


def test_copies_and_contradictions_are_no_repeats(committed, tmp_path):
    first = Record.parse(json.dumps(genuine("wide", 0, 5000)), "here")
    committed.add([first])

    def of_eve(**changes) -> Record:
        facts = sealed(first.as_dict() | changes)
        return dataclasses.replace(Record.parse(json.dumps(facts), "eve"), contributor="Eve")

    stolen = dataclasses.replace(first, contributor="Eve", where="eve")
    made = committed.additions([stolen])
    assert (made.new, made.repeats, made.refused) == ({}, {}, [])
    made = committed.additions([of_eve(finished="2026-01-02T03:05:06Z")])
    assert made.repeats == {} and made.refused[0].endswith("a copy of it")
    again = Record.parse(json.dumps(genuine("wide", 0, 5001)), "again")
    made = committed.additions([again])  # of the same machine
    assert made.repeats == {} and "contradict each other" in made.refused[0]


def test_of_two_machines_at_once_the_earlier_counts_whatever_its_result(study, finish, tmp_path):
    late = genuine("wide", 0, 4000, finished="2026-01-03T00:00:00Z")
    early = genuine("wide", 0, 5000, device="Soroban")
    for number, order in enumerate(((late, early), (early, late))):
        folders = [finish(facts, machine=f"{number}{machine}") for machine, facts in enumerate(order)]
        target = tmp_path / f"records{number}"
        said, warnings = collect(folders, target)
        assert said[-1].startswith("1 repeat ") and warnings == []
        assert [r.error for r in records.read([target])[0]] == [50.0]
        assert [r.error for r in records.repeats([target])[0]] == [40.0]
