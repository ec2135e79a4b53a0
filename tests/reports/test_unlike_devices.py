"""Runs on unlike numbers of devices are told apart: batch normalisation decides by what it sees at a time."""

import pytest

from reports import runs
from reports.pages import index, provenance
from reports.runs import records
from reports.verdicts.results import collate
from tests.reports.conftest import sealed


@pytest.fixture
def mixed(study, facts, write_records):
    """Three runs of a row: on one device, on two, and on one in parts; returns results and the records' file."""
    made = [facts("wide", seed, 5000) for seed in range(3)]
    batch = made[0]["config"]["recipe"]["batch_size"]
    for record, devices, images in zip(made, (1, 2, 1), (batch, batch // 2, batch // 2), strict=True):
        record["machine"] |= {"devices": devices, "images_per_device": images}
    path = write_records(*map(sealed, made))
    finished, warnings = records.read([path])
    assert not warnings
    return collate(study, finished)[0], finished


def test_a_page_says_which_runs_computed_a_batch_in_how_many_parts(mixed):
    results, _ = mixed
    line = provenance.unlike_devices(results, "cifar10")
    assert "**1 part**: `wide` (seed 0); **2 parts**: `wide` (seed 1, 2)." in line


def test_the_records_say_how_many_images_were_seen_at_a_time(mixed):
    _, (first, second, third) = mixed
    half = first.machine["images_per_device"] // 2
    assert provenance.device(first) == "Abacus"
    assert provenance.device(second) == f"2 × Abacus, {half} images at a time"
    assert provenance.device(third) == f"Abacus, {half} images at a time"


def test_like_runs_have_no_line(study, facts, write_records):
    made = [facts("wide", seed, 5000) for seed in range(2)]
    finished, _ = records.read([write_records(*map(sealed, made))])
    assert provenance.unlike_devices(collate(study, finished)[0], "cifar10") == ""


def test_the_frame_has_the_images_of_a_device():
    assert {"devices", "images_per_device"} <= set(runs.frame().columns)


def test_the_index_names_the_tables_that_mix_them(mixed):
    results, finished = mixed
    collated = {results.study.name: (results.study, [results], {})}
    line = index._unlike_devices(collated)
    assert "are mixed" in line and f"studies/{results.study.name}.md), CIFAR-10, `mini`" in line
    alone = collate(results.study, finished[:1])[0]
    assert index._unlike_devices({results.study.name: (results.study, [alone], {})}) == ""
