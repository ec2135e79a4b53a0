"""The page of all figures."""

import re

import pytest

from reports import plots
from reports.pages import figures
from reports.verdicts import results
from tests.reports.conftest import COUNTS, STUDY, parsed


@pytest.fixture
def collated(study, facts):
    """`collated(variant, …)`: all that is known of the made-up study after one run of each of these variants."""

    def collated(*variants):
        found = [parsed(facts(variant, 0, 5000 + 100 * nth)) for nth, variant in enumerate(variants)]
        return {STUDY.name: (STUDY, results.collate(STUDY, found), COUNTS)}

    return collated


def test_without_runs_the_page_says_so_and_links_nothing(collated):
    made = figures.files(collated(), {})
    assert list(made) == ["figures.md"]
    assert "No two networks have been run yet." in made["figures.md"].decode()
    assert "](figures/" not in made["figures.md"].decode()


def test_every_picture_and_its_points_are_linked(collated):
    known = collated("wide", "thin")
    made = figures.files(known, {})
    page = made["figures.md"].decode()
    linked = set(re.findall(r"(?:href=\"|src=\"|\]\()(figures/[^\")]+)", page))
    of_study = plots.of_study(known[STUDY.name][1][0], "cifar10", COUNTS)
    pictures = {path for path in made if path.startswith("figures/")}
    pictures |= {path for picture in of_study for path in (picture.path, picture.data_path)}
    assert linked == pictures and len(pictures) == 8  # curves, seeds, parameters; over all families
    assert "[Made-up study](studies/made_up.md)" in page
    assert "2 networks of one family, 2 runs in all, budget mini" in page


def test_pictures_of_smoke_are_neither_drawn_nor_linked(study, facts):
    found = [parsed(facts(variant, 0, 5000, "smoke")) for variant in ("wide", "thin")]
    known = {STUDY.name: (STUDY, results.collate(STUDY, found), COUNTS)}
    made = figures.files(known, {})
    assert "made_up_smoke" not in made["figures.md"].decode()
