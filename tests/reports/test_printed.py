"""Printed figures keep their precision, and a broken table names its row."""

import dataclasses

import pytest

from reports.printed.figures import KEY, names, read

HEADER = (
    "paper,table,row_id,arch,variant_kwargs,dataset,augmentation,"
    "metric,value,printed_precision,in_seed,note\n"
)


def figure(value: str):
    return dataclasses.replace(read("densenet_t2")[0], value=value)


def test_precision_is_that_of_the_text():
    assert (figure("1.0").precision, figure("1.00").precision, figure("70").precision) == (1, 2, 0)
    assert figure("1.0").matches(1.0197) and not figure("1.00").matches(1.0197)
    assert figure("0.8").matches(0.769) and not figure("0.8").matches(0.749)


def test_cut_is_not_rounded():
    assert figure("3.8").cut(3.858) and not figure("3.8").matches(3.858)
    assert not figure("3.9").cut(3.858)


def test_thousands_millions_and_billions_keep_their_digits():
    assert figure("35K").matches(34_848) and not figure("35K").matches(34_499)
    assert figure("1.3M").matches(1_327_104) and not figure("1.3M").matches(1_360_000)
    assert figure("1.5B").matches(1_450_000_000) and not figure("1.5B").matches(1_448_813_632)
    assert figure("149M").cut(149_520_384) and not figure("149M").matches(149_520_384)


def test_a_word_is_no_number():
    with pytest.raises(ValueError, match="'fail' is no number"):
        figure("fail").matches(1.0)


def test_an_accuracy_is_an_error_too():
    def error(metric: str, value: str) -> str:
        return str(dataclasses.replace(figure(value), metric=metric).error)

    assert (error("top1_err", "25.6"), error("top1_acc", "70.6")) == ("25.6", "29.4")
    assert (error("top1_acc", "0.790"), error("top1_acc", "fail")) == ("21.0", "None")


def test_every_table_can_be_read():
    tables = names()
    assert len(tables) >= 15
    for table in tables:
        assert read(table), table
    figures = [figure for table in tables for figure in read(table)]
    assert len({tuple(getattr(figure, part) for part in KEY) for figure in figures}) == len(figures)
    row = next(f for f in read("densenet_t2") if f.row_id == "bc100-12" and f.metric == "params_M")
    assert (row.value, row.arch, row.kwargs["growth_rate"]) == ("0.8", "DenseNet-BC", 12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + "p,t,r,a,{depth},d,+,err,1.0,1,no,\n", "x.csv, line 2: variant_kwargs is no JSON"),
        (HEADER + "p,t,r,a,{},d,+,err,,1,no,\n", "line 2: the row has too few or too many cells"),
        (HEADER + "p,t,r,a,{},d,+,err,1.0\n", "line 2: the row has too few or too many cells"),
        (HEADER + "p,t,r,a,{},d,+,err,1.0,1,no,,more\n", "line 2: the row has too few or too many cells"),
        (
            HEADER + 2 * "p,t,r,a,{},d,+,err,1.0,1,no,\n",
            r"x.csv, line 3: p, t, r, d, \+, err stands here twice",
        ),
        ("paper,table\np,t\n", "the column .* is missing"),
    ],
)
def test_a_broken_row_is_named(tmp_path, text, message):
    (tmp_path / "x.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read("x", tmp_path)


def test_an_unknown_table():
    with pytest.raises(ValueError, match="no printed table 'densnet'.*densenet_t2"):
        read("densnet")
