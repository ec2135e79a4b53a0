"""A made-up study with made-up records, so that every figure on a page can be worked out by hand."""

import copy
import dataclasses
import json
import os
from pathlib import Path

import pytest

from lightning_modules import record
from lightning_modules.configuration import Configuration
from lightning_modules.data import catalogue
from lightning_modules.record import Record
from reports.pages import architectures
from reports.printed import tables
from reports.verdicts import complexity, counts, experiments, findings, ledger
from reports.verdicts.ledger import Entry
from sweeps import programme
from sweeps import study as studies
from sweeps.claim import Claim, Comparison
from sweeps.study import Printed, Study, Table, Variant
from tests.wandb_server import WandbServer

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
def built_anew():
    """Networks are built again in this test, which changes how, and again after it."""
    complexity.stages.cache_clear()
    yield
    complexity.stages.cache_clear()


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Study:
    """The made-up study, declared as the only one; a run id spells out its cell."""

    monkeypatch.setattr(studies, "names", lambda folder=None: [STUDY.name])
    real_read = studies.read
    monkeypatch.setattr(studies, "read", lambda name: STUDY if name == STUDY.name else real_read(name))
    experiments.registered()  # reads the real ledger, once
    monkeypatch.setattr(programme, "read", list)
    made_up = {entry.id: entry for entry in LEDGER}
    monkeypatch.setattr(ledger, "entries", lambda: made_up)
    monkeypatch.setattr(findings, "FOLDER", Path("nowhere"))
    monkeypatch.setattr(counts, "VariantCounts", lambda study: COUNTS)
    # The pages of the networks and of the papers' tables, cut short: they have tests of their own.
    monkeypatch.setattr(complexity, "papers", lambda: ["vgg"])
    first = architectures.tables()[:1]
    monkeypatch.setattr(architectures, "tables", lambda: first)
    densenet = tuple(page for page in tables.pages() if page.name == "densenet")
    monkeypatch.setattr(tables, "pages", lambda: densenet)
    return STUDY


def make_facts(variant: str, seed: int, errors: int, budget: str = "mini") -> dict:
    """A sealed record, as JSON, of a run of the made-up study, or of one that it doesn't declare."""
    known = variant in {declared.name for declared in STUDY.variants}
    made = studies.configure(STUDY, variant if known else "other", "cifar10", budget, seed)
    if not known:
        made = dataclasses.replace(made, knobs=made.knobs | {"depth": 28 + 3 * len(variant)})
    return facts_of(made, errors, "made_up", variant)


def facts_of(
    configuration: Configuration, errors: int, study: str | None, variant: str | None, **changes
) -> dict:
    """A sealed record, as JSON, of any run, with so many errors of all test images; changes: of its fields.

    Its curve ends with that test error and a training error of 60 + seed, from 75 and 80 %.
    """
    last, images = configuration.epochs - 1, catalogue.find(configuration.dataset).test_images
    error = 100 * errors / images
    history = [
        {
            "epoch": epoch + 1, "train_loss": 2.0 - 0.5 * epoch / max(1, last),
            "train_error": 80.0 if epoch < last else 60.0 + configuration.seed,
            "curve_test_error": 75.0 if epoch < last else error,
            "lr": 0.1, "images_per_second": 90.0,
        }
        for epoch in range(configuration.epochs)
    ]  # fmt: skip
    made = record.make(
        configuration, study=study, variant=variant, counts={"parameters": 1, "mult_adds": 2},
        tested={"images": images, "errors": errors, "error": error, "loss": 1.5}, history=history,
        machine={
            "device": "Abacus", "kind": "cpu", "devices": 1, "images_per_device": 64, "threads": 1,
            "precision": configuration.precision,
        },
        git={"commit": "0123456789" * 4, "dirty": configuration.seed == 1}, wall_seconds=360.0, resumed=0, wandb_url=None,
    )  # fmt: skip
    return sealed(made | {"finished": "2026-01-02T03:04:05Z"} | changes)


def diverged(facts: dict, epoch: int) -> dict:
    """The same run, if it had diverged in an epoch."""
    curve = {name: values[: epoch - 1] for name, values in facts["curve"].items()}
    best = record.best_epoch(curve, Configuration(**facts["config"]))
    return sealed(
        facts | {"diverged": epoch, "test": None, "best": best, "curve": curve, "did_not_start": False}
    )


def not_started(facts: dict) -> dict:
    """The same run, if its training error had stayed at chance."""
    chance = 100 - 100 / facts["config"]["classes"]
    curve = facts["curve"] | {"train_error": [chance] * len(facts["curve"]["epoch"])}
    return sealed(facts | {"curve": curve, "did_not_start": True})


def sealed(facts: dict) -> dict:
    """The record with the digest that fits it, and nothing shared with another."""
    own = copy.deepcopy(facts)
    return own | {"digest": record.seal(own)}


def parsed(facts: dict, where: str = "here:1") -> Record:
    """What a reader makes of it."""
    return Record.parse(json.dumps(facts), where)


def records_of(line: programme.Line, errors: dict[str, list[int]], **changes) -> dict[str, Record]:
    """Records of a line's runs by id, with these errors of 10,000 images by variant and seed; changes: of fields."""
    made = {}
    for cell in line.cells(tuple(range(max(map(len, errors.values()))))):
        if cell.seed < len(errors[cell.variant]):
            configuration = studies.configure(
                line.declared, cell.variant, cell.dataset, cell.budget, cell.seed, line.precision
            )
            wrong = errors[cell.variant][cell.seed]
            made[cell.run_id] = parsed(facts_of(configuration, wrong, line.study, cell.variant, **changes))
    return made


def run_id(variant: str, seed: int, budget: str = "mini") -> str:
    """The id of a run of the made-up study."""
    return studies.configure(STUDY, variant, "cifar10", budget, seed).run_id


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
    import wandb

    for name in os.environ:
        if name.startswith("WANDB_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    with WandbServer() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        wandb.teardown()  # it keeps the settings of an earlier test
        yield server
        wandb.teardown()
