"""The programme's page: what was found stands with its difference, interval, n and decision."""

from lightning_modules.record import Record
from reports.pages import programme as page
from sweeps import programme
from tests.reports.conftest import records_of


def line(title: str) -> programme.Line:
    return next(line for line in programme.read() if line.title.startswith(title))


def records(of: programme.Line, errors: dict[str, list[int]], plan: str | None = None) -> list[Record]:
    """Records of the line's runs, with these errors of 10,000 images by variant and seed."""
    return list(records_of(of, errors, plan=plan).values())


def rows(text: str) -> list[dict[str, str]]:
    """The cells of a Markdown table by column name."""
    lines = [
        [cell.strip() for cell in row.strip("|").split("|")]
        for row in text.splitlines()
        if row.startswith("|")
    ]
    return [dict(zip(lines[0], row, strict=True)) for row in lines[2:]]


def test_nothing_is_found_before_the_first_look():
    assert page.decided([]) == ""
    text = page.files([])["programme.md"].decode()
    assert "No line has reached its first look yet." in text


def test_a_decided_line_shows_its_difference_with_interval_n_and_decision():
    of = line("ShuffleNet 0.25×: eight groups against one")
    clear = {"0.25x-g8": [5_000, 5_100, 5_050], "0.25x-g1": [5_500, 5_610, 5_540]}
    (row,) = {row["what was compared"]: row for row in rows(page.decided(records(of, clear)))}.values()
    # differences −5.00, −5.10, −4.90: mean −5.00, s = 0.1, t(0.975, 2) / √3 = 2.484
    assert row["difference, points (95 % interval)"] == "−5.00 (−5.25 to −4.75)"
    assert (row["SD"], row["n"], row["decision"]) == ("0.10", "3", "so far **as claimed**")
    assert "`0.25x-g8` less `0.25x-g1`" in row["what was compared"]


def test_the_lines_say_how_many_records_are_of_the_plan_as_it_stands():
    of = line("ShuffleNet 0.25×: eight groups against one")
    errors = {"0.25x-g8": [5_000, 5_100, 5_050], "0.25x-g1": [5_500, 5_610, 5_540]}
    for plan, said in ((of.plan, "6 of 6"), ("before", "0 of 6")):
        text = page.files(records(of, errors, plan))["programme.md"].decode()
        planned = {row["line"]: row for row in rows(text.split("## The lines")[1])}
        assert planned[of.title]["records of this plan"] == said
        assert planned[of.title]["needed yet"] == "ended"


def test_bf16_is_checked_by_pairs_of_one_seed():
    check = line("Check of bf16: ResNet-20")
    other = line("Degradation")
    fp32 = records(check, {"resnet-20": [1_800, 1_900, 1_850]})
    for shift, word in ((20, "bf16 may stand for fp32"), (400, "not to be used")):
        errors = [1_800 + shift, 1_900 + shift, 1_849 + shift]
        bf16 = records(other, dict.fromkeys(other.variants, errors))
        text = page.files([*fp32, *bf16])["programme.md"].decode()
        checks = rows(text.split("## Whether bf16")[1].split("## The lines")[0])
        assert word in checks[0]["so"] and checks[0]["pairs"] == "3"
