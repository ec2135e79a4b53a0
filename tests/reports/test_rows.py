"""How each row of a study was run: its time, configuration, record and command; and the glossary."""

import re

import run
from reports.pages import glossary, rows
from reports.runs import records
from reports.verdicts.results import collate
from tests.reports.conftest import sealed


def lines_of(section: str) -> dict[str, list[str]]:
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines()]
    return {row[0].strip("`"): row[1:] for row in cells if row[0].startswith("`")}


def test_a_row_has_the_median_time_of_each_device_and_the_command_that_repeats_it(
    study, facts, write_records
):
    made = [facts("wide", seed, 5000) for seed in range(3)]
    for record, minutes, device in zip(made, (10, 20, 60), ("Abacus", "Abacus", "Cray"), strict=True):
        record["wall_seconds"], record["machine"]["device"] = 60 * minutes, device
    finished, warnings = records.read([write_records(*map(sealed, made))])
    assert not warnings
    section = rows.section(study, collate(study, finished))
    assert "### Row by row: CIFAR-10, budget mini" in section and "budget paper" not in section
    wide, thin = lines_of(section)["wide"], lines_of(section)["thin"]
    configuration, times, devices, record, command = wide
    assert configuration == "`densenet depth=22`, 32×32, recipe `densenet_cifar`"
    assert (times, devices) == ("15 minutes (median of 2); 60 minutes", "Abacus; Cray")
    assert record == f"[`{finished[0].run_id}`](records/made_up.jsonl)"
    assert (
        command == "`uv run run.py --study made_up --variant wide --dataset cifar10 --seed 0 --budget mini`"
    )
    asked = run.configure(run.parse(command.strip("`").split()[3:]))
    assert asked.configuration.knobs["depth"] == 22
    assert thin[1:4] == ["—"] * 3 and "--variant thin" in thin[4]


def test_a_study_without_runs_has_its_commands_alone(study):
    section = rows.section(study, collate(study, []))
    assert "### Row by row: CIFAR-10, budget paper" in section
    assert "| row " in section and "wall time" not in section
    assert len(lines_of(section)) == 3


def test_the_glossary_has_every_word_once_and_the_symbols_of_the_catalogue():
    page = glossary.files()["glossary.md"].decode()
    anchors = re.findall(r'<a id="([^"]+)"', page)
    assert len(anchors) == len(set(anchors)) == len(glossary.OURS) + len(glossary.FIELD)
    for word in (
        "budget",
        "cell",
        "study",
        "variant",
        "record",
        "headline",
        "claim",
        "verdict",
        "finding",
        "transfer",
    ):
        assert word in anchors
    symbols = {line.split("|")[1].strip(): line for line in page.splitlines() if line.startswith("| ")}
    assert (
        "--width-mult" in symbols["α"] and "--compression" in symbols["θ"] and "--resolution" in symbols["ρ"]
    )
