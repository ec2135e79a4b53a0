"""A made-up study with made-up records, so that every figure on a page can be worked out by hand."""

import copy
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from reports.pages import architectures
from reports.printed import tables
from reports.runs import counts
from reports.verdicts import complexity, experiments, findings, ledger
from reports.verdicts.ledger import Entry
from sweeps import programme
from sweeps import study as studies
from sweeps.claim import Claim, Comparison
from sweeps.study import Cell, Printed, Study, Table, Variant

STUB = Path(__file__).parents[3] / "shared" / "wandb_stub"

STUDY = Study(
    name="made_up",
    title="Made-up study",
    paper="Nobody: A made-up paper",
    source="Table 2",
    question="Is wide better than thin?",
    statistic="single run",
    datasets=("cifar10",),
    seeds=(0, 1, 2),
    variants=(
        Variant("thin", "densenet_bc", {"depth": 22}, printed=(Printed("bc100-12", "densenet_t2", "+"),)),
        Variant("wide", "densenet", {"depth": 22}, printed=(Printed("d40-12", "densenet_t2", "+"),)),
        Variant("other", "densenet", {"depth": 25}),
    ),
    tables=(Table("Width", ("wide", "thin", "other")),),
    claims=(
        Claim("made.wide_better", "Tested thus.", (Comparison("wide", "thin"),)),
        Claim("made.unchecked"),
    ),
    departures=("None of this is real.",),
)

LEDGER = (
    Entry("made.wide_better", ("trained",), "wide beats thin", "no figure", "Section 1"),
    Entry("made.unchecked", ("exact",), "nobody has checked this", "1", "Section 2"),
)

COUNTS = {
    ("thin", "cifar10"): counts.Count(800_000, 100_000_000),
    ("wide", "cifar10"): counts.Count(1_000_000, 250_000_000),
    ("other", "cifar10"): counts.Count(1_234_567, 300_000_000),
}


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Study:
    """The made-up study, declared as the only one; a run id spells out its cell."""

    def cells(study: Study, budget: str, seeds: Sequence[int] | None = None) -> list[Cell]:
        return [
            Cell(study.name, variant.name, dataset, budget, seed, f"{variant.name}-{budget}-{seed}")
            for seed in seeds or study.seeds
            for dataset in study.datasets
            for variant in study.variants
        ]

    monkeypatch.setattr(studies, "names", lambda folder=None: [STUDY.name])
    real_read = studies.read
    monkeypatch.setattr(studies, "read", lambda name: STUDY if name == STUDY.name else real_read(name))
    experiments.registered()  # reads the real ledger, once
    monkeypatch.setattr(studies, "cells", cells)
    monkeypatch.setattr(programme, "read", list)
    made_up = {entry.id: entry for entry in LEDGER}
    monkeypatch.setattr(ledger, "entries", lambda: made_up)
    monkeypatch.setattr(findings, "FOLDER", Path("nowhere"))
    monkeypatch.setattr(counts, "count_variants", lambda study: COUNTS)
    # The pages of the networks and of the papers' tables, cut short: they have tests of their own.
    monkeypatch.setattr(complexity, "papers", lambda: ["vgg"])
    first = architectures.tables()[:1]
    monkeypatch.setattr(architectures, "tables", lambda: first)
    densenet = tuple(page for page in tables.pages() if page.name == "densenet")
    monkeypatch.setattr(tables, "pages", lambda: densenet)
    return STUDY


def make_facts(variant: str, seed: int, errors: int, budget: str = "mini") -> dict:
    """A complete record, format 2, of 10,000 test images."""
    return copy.deepcopy(
        {
            "format": 2, "plan": None, "diverged": None, "did_not_start": False, "run_id": f"{variant}-{budget}-{seed}", "study": "made_up", "variant": variant,
            "arch": "densenet", "knobs": {"depth": 22}, "dataset": "cifar10", "recipe": "densenet_cifar",
            "budget": budget, "seed": seed, "config": {"lr": 0.1, "classes": 10}, "parameters": 1, "mult_adds": 2,
            "test": {"images": 10_000, "errors": errors, "error": errors / 100, "loss": 1.5},
            "best": {"epoch": 1, "error": 50.0},
            "curve": {
                "epoch": [1, 2], "train_loss": [2.0, 1.5], "train_error": [80.0, 60.0 + seed],
                "curve_test_error": [75.0, errors / 100], "lr": [0.1, 0.01], "images_per_second": [90.0, 91.0],
            },
            "curve_test_images": 500,
            "budget_spent": {"epochs": 2, "train_images": 3_000, "of_epochs": 300, "of_images": 50_000},
            "machine": {
                "device": "Abacus", "kind": "cpu", "devices": 1, "images_per_device": 64, "threads": 1,
                "precision": "32-true",
            },
            "versions": {"python": "3.11.0", "torch": "2.11.0"},
            "git": {"commit": "0123456789" * 4, "dirty": seed == 1}, "wall_seconds": 360.0,
            "finished": "2026-01-02T03:04:05Z", "resumed": 0, "wandb": None,
        }
    )  # fmt: skip


@pytest.fixture
def facts():
    """`facts(variant, seed, errors, budget="mini")`: a complete record of 10,000 test images."""
    return make_facts


@pytest.fixture
def write_records(tmp_path: Path):
    """Write records, given as dicts or as raw lines, to a folder; returns the folder."""

    def write(*lines: dict | str, folder: str = "records", name: str = "made_up.jsonl") -> Path:
        target = tmp_path / folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        target.write_text("".join(text + "\n" for text in texts), encoding="utf-8")
        return tmp_path / folder

    return write


@pytest.fixture
def server(tmp_path, monkeypatch):
    """The loopback server, with this process logged in."""
    if not STUB.exists():
        pytest.skip("needs the loopback W&B server in ../shared/wandb_stub")
    monkeypatch.syspath_prepend(str(STUB))
    import wandb
    from stub_server import StubServer

    for name in os.environ:
        if name.startswith("WANDB_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    with StubServer(tmp_path / "server") as server:
        for name, value in server.env().items():
            monkeypatch.setenv(name, value)
        wandb.teardown()  # it keeps the settings of an earlier test
        yield server
        wandb.teardown()
