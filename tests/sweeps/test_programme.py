"""The programme: read, judged by its looks, and run in its order by a real launcher."""

import dataclasses

import pytest

from sweeps import programme
from sweeps.contrasts import LOOKS, power
from sweeps.study import configure, read
from tests.reports.conftest import not_started, parsed, records_of


@pytest.fixture(scope="module")
def lines():
    return {line.title: line for line in programme.read()}


@pytest.fixture
def line(lines):
    """Eight groups against one at 0.25×: two comparisons of the same two rows."""
    return next(line for line in lines.values() if line.study == "shufflenet_groups" and line.claims)


def test_every_line_says_what_it_expects_and_with_what_power(lines):
    for line in lines.values():
        assert line.source and 0 < line.thread_seconds[0] <= line.thread_seconds[1]
        if line.claims:
            expected = [power(abs(line.effect), line.spread, n, level) for n, level in LOOKS.items()]
            assert list(line.power) == pytest.approx(expected, abs=0.005), line.title
            assert line.effect < -line.smallest < 0


def test_a_line_ends_where_a_look_decides_it(line):
    now = programme.status(line, {})
    assert (len(now.missing), now.done, now.seeds) == (6, 0, 0)
    clear = {"0.25x-g8": [5_000, 5_100, 5_050], "0.25x-g1": [5_500, 5_610, 5_540]}
    now = programme.status(line, records_of(line, clear))
    assert not now.missing and now.seeds == 3
    assert {decision for _, decision in now.decisions} == {"as claimed"}


def test_an_open_line_asks_for_more_seeds_and_ends_at_eight(line):
    noise = [0, 90, -80, 70, -60, 50, -40, 30]
    flat = {"0.25x-g8": [5_000 + n for n in noise], "0.25x-g1": [5_000 - n for n in noise]}
    three = {name: values[:3] for name, values in flat.items()}
    now = programme.status(line, records_of(line, three))
    assert now.missing and now.seeds == 3 and {cell.seed for cell in now.missing} == {3, 4}
    assert {decision for _, decision in now.decisions} == {"open"}
    now = programme.status(line, records_of(line, flat))
    assert not now.missing and now.seeds == 8 and {decision for _, decision in now.decisions} == {"open"}


def test_a_run_that_did_not_start_enters_no_test(line):
    clear = {"0.25x-g8": [5_000, 5_100, 5_050], "0.25x-g1": [5_500, 5_610, 5_540]}
    found = {
        run_id: parsed(not_started(record.as_dict())) for run_id, record in records_of(line, clear).items()
    }
    assert {decision for _, decision in programme.status(line, found).decisions} == {"open"}


def test_cells_carry_the_plan_and_their_precision(lines):
    check = next(line for line in lines.values() if line.precision)
    cell = check.cells((0,))[0]
    assert cell.options == ("--plan", check.plan, "--precision", "32-true")
    study = read(check.study)
    assert study.precision["mini"] == "bf16-mixed"
    assert cell.run_id == configure(study, cell.variant, cell.dataset, "mini", 0, "32-true").run_id
    assert cell.run_id != configure(study, cell.variant, cell.dataset, "mini", 0).run_id


def test_the_plan_changes_with_what_is_fixed_beforehand(line, monkeypatch):
    before = line.plan
    assert dataclasses.replace(line, smallest=9.0).plan != before
    monkeypatch.setitem(LOOKS, 3, 0.05)
    assert line.plan != before


def test_a_training_that_two_lines_need_is_run_once(lines):
    wanted = programme.needed(list(lines.values()), {})
    ids = [cell.run_id for cell in wanted]
    assert len(ids) == len(set(ids))
    assert wanted[0].seed == 0 and wanted[-1].seed == 2


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ('study = "no_such_study"', "unknown study"),
        ('claims = ["no.such_claim"]', "tests no 'no.such_claim'"),
        ("claims = []", "decides claims by looks, or has seeds of its own"),
        ('variants = ["0.25x-g9"]', "no variant"),
        ('dataset = "mnist"', "mnist"),
        ('budget = "tiny"', "tiny"),
        ("nonsense = 1", "nonsense"),
    ],
)
def test_a_faulty_line_is_refused_in_one_line(tmp_path, change, complaint):
    declared = {
        "title": '"T"', "study": '"shufflenet_groups"', "dataset": '"cifar10"', "budget": '"mini"',
        "variants": '["0.25x-g1", "0.25x-g8"]', "claims": '["shufflenet.groups_help"]', "effect": "-1.0",
        "spread": "1.0", "smallest": "0.5", "power": "[0.1, 0.2, 0.3]", "source": '"S"', "thread_seconds": "[1, 2]",
    }  # fmt: skip
    name, _, text = change.partition(" = ")
    path = tmp_path / "programme.toml"
    path.write_text("[[lines]]\n" + "".join(f"{k} = {v}\n" for k, v in (declared | {name: text}).items()))
    with pytest.raises(ValueError, match=complaint) as error:
        programme.read(path)
    assert "\n" not in str(error.value) and str(error.value).startswith("programme.toml: ")
