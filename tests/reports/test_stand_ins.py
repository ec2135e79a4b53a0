"""Runs on Imagenette in ImageNet's place: they have their section of the study's page, apart from the paper's figures."""

import pytest

from reports.pages import build, markdown
from reports.runs import records
from reports.runs.collect import Committed
from reports.verdicts.results import as_run
from sweeps import study as studies
from tests.reports.conftest import facts_of


@pytest.fixture
def on_imagenette(write_records):
    study = studies.read("vgg_kernel")
    errors = {"B": [800, 810, 790], "B-5x5": [900, 905, 915]}
    lines = [
        facts_of(
            studies.configure(study, variant, "imagenette", "short", seed),
            wrong,
            study.name,
            variant,
        )
        for variant, of_seeds in errors.items()
        for seed, wrong in enumerate(of_seeds)
    ]
    found, complaints = records.read([write_records(*lines)])
    assert not complaints and len(found) == 6
    return found


def test_a_study_is_as_large_as_its_runs(on_imagenette):
    study = studies.read("vgg_kernel")
    assert as_run(study, []) == study == as_run(study, [r for r in on_imagenette if r.seed > 2])
    extended = as_run(study, on_imagenette)
    assert extended.datasets == (*study.datasets, "imagenette") and "imagenette" in extended.transfers
    assert as_run(studies.read("highway_depth"), on_imagenette) == studies.read("highway_depth")


def test_their_section_is_a_transfers(on_imagenette):
    files = build.make_study("vgg_kernel", on_imagenette, {})
    page = files["studies/vgg_kernel.md"].decode()
    page = page.replace(markdown.NO_BREAK_SPACE, " ")
    section = page.partition("### Imagenette (v2, short side 320)\n\n")[2]
    assert section.startswith("**A transfer**")
    assert "error, printed on ImageNet" in section and "28.7" in section
    assert "20.38 ± 0.63 (3)" in section and "23.10 ± 0.48 (3)" in section
    assert "#### Claims on Imagenette (v2, short side 320)" in section


def test_they_are_collected_in_their_place(on_imagenette, tmp_path):
    target = Committed(tmp_path)
    added, complaints = target.add(on_imagenette)
    assert not complaints and added.counts == {"vgg_kernel": 6}
