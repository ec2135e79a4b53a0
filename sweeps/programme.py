"""The programme: which runs are made in which order, and when they are enough, planned before they are made.

Its lines stand in `programme.toml`, which is committed before the first run; a record holds the hash of the line that
asked for it, so that nobody has to believe that the plan came first. A line that decides a claim looks after 3, 5 and 8
seeds (`contrasts.LOOKS`) and ends where it is decided, or at 8; one with `seeds` of its own makes these and ends.
Nothing here imports torch.
"""

import dataclasses
import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lightning_modules.record import Record
from sweeps import study as studies
from sweeps.claim import Claim, Measure, Test, samples_of, variants_of
from sweeps.contrasts import LOOKS, Decision, Values, contrasts, decide, value
from sweeps.study import Cell, Study


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the plan: rows of a study on one data set at one budget.

    claims: ids of the claims, whose tests over these rows the study declares, that the line decides. effect, spread:
    the contrast expected, and its standard deviation between seeds, in points, from where `source` says. smallest: the
    smallest contrast worth knowing, in points. power: of finding the expected one at each look. thread_seconds: of
    one run on one core, the cheapest and the dearest row. seeds: these and no others, where nothing is decided.
    precision: another one than the study's.
    """

    title: str
    study: str
    dataset: str
    budget: str
    variants: tuple[str, ...]
    thread_seconds: tuple[int, int]
    claims: tuple[str, ...] = ()
    effect: float | None = None
    spread: float | None = None
    smallest: float | None = None
    power: tuple[float, ...] = ()
    source: str = ""
    seeds: tuple[int, ...] = ()
    precision: str | None = None
    declared: Study = field(repr=False, compare=False)

    @property
    def decides(self) -> tuple[Claim, ...]:
        """Return the study's claims of these ids, each with the tests that are made over these rows alone."""
        of_rows = (self._of_rows(claim) for claim in self.declared.claims if claim.id in self.claims)
        return tuple(claim for claim in of_rows if claim.tests)

    def _of_rows(self, claim: Claim) -> Claim:
        tests: dict[str, Any] = {
            kind.name: tuple(test for test in getattr(claim, kind.name) if self._makes(test))
            for kind in dataclasses.fields(claim) if kind.name not in ("id", "tested")
        }  # fmt: skip
        return dataclasses.replace(claim, **tests)

    def _makes(self, test: Test) -> bool:
        return set(variants_of(test)) <= set(self.variants) and test.is_on(self.dataset)

    @property
    def plan(self) -> str:
        """Return twelve hexadecimal digits of all that the line fixes beforehand: itself, its tests, and the looks."""
        fixed = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "declared"}
        tests = [[type(test).__name__, vars(test)] for claim in self.decides for test in claim.tests]
        text = json.dumps([fixed, tests, LOOKS], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def cells(self, seeds: tuple[int, ...]) -> list[Cell]:
        """Return the runs of these seeds, the seed varying slowest."""
        options = ("--plan", self.plan, *(("--precision", self.precision) if self.precision else ()))
        cells = studies.cells(
            self.declared, self.budget, datasets=[self.dataset], variants=self.variants, seeds=seeds,
            precision=self.precision,
        )  # fmt: skip
        return [dataclasses.replace(cell, options=options) for cell in cells]


@dataclass(frozen=True)
class Status:
    """Where a line stands: the runs that it needs now and lacks, those done, its decisions at the last whole look.

    decisions: by claim, in declared order, where the line decides any; seeds: of the last whole look.
    """

    line: Line
    missing: tuple[Cell, ...]
    done: int
    seeds: int
    decisions: tuple[tuple[Claim, Decision], ...] = ()


def read(path: Path | None = None) -> list[Line]:
    """Read and check the plan, by default the committed one. Raises ValueError, in one line, if it is faulty or not there."""
    path = path or studies.FOLDER.parent / "programme.toml"
    try:
        declared = tomllib.loads(path.read_text(encoding="utf-8"))["lines"]
        return [_line(line) for line in declared]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path.name}: {error}") from error


def status(line: Line, records: Mapping[str, Record]) -> Status:
    """Return where a line stands, from the records by run id."""
    looks = [line.seeds] if line.seeds else [tuple(range(seeds)) for seeds in LOOKS]
    reached = 0
    decisions: tuple[tuple[Claim, Decision], ...] = ()
    for seeds in looks:
        cells = line.cells(seeds)
        missing = tuple(cell for cell in cells if cell.run_id not in records)
        if missing:
            return Status(line, missing, len(cells) - len(missing), reached, decisions)
        reached, decisions = len(seeds), _decisions(line, cells, records)
        if decisions and all(decision != "open" for _, decision in decisions):
            break
    return Status(line, (), len(cells), reached, decisions)


def evidence(
    line: Line, records: Mapping[str, Record], seeds: int
) -> list[tuple[Claim, Test, list[list[float]]]]:
    """Return the contrasts of every test that the line decides, over its first seeds, whose runs are done."""
    cells = line.cells(tuple(range(seeds))) if seeds else []
    return [
        (claim, test, contrasts(test, _values(cells, records, test.measure, [test])))
        for claim in line.decides for test in claim.tests if seeds
    ]  # fmt: skip


def needed(lines: list[Line], records: Mapping[str, Record]) -> list[Cell]:
    """Return the runs that are needed now, in the order of the plan, each training once."""
    first: dict[str, Cell] = {}
    for line in lines:
        for cell in status(line, records).missing:
            first.setdefault(cell.run_id, cell)
    return list(first.values())


def _decisions(
    line: Line, cells: list[Cell], records: Mapping[str, Record]
) -> tuple[tuple[Claim, Decision], ...]:
    if line.seeds:  # made to be looked at, by no rule that was fixed beforehand
        return ()
    level = LOOKS[1 + max(cell.seed for cell in cells)]
    return tuple(
        (claim, decide(claim.tests, {
            measure: _values(cells, records, measure, claim.tests) for measure in {test.measure for test in claim.tests}
        }, level))
        for claim in line.decides
    )  # fmt: skip


def _values(
    cells: list[Cell], records: Mapping[str, Record], measure: Measure, tests: Iterable[Test]
) -> Values:
    of_measure = (samples_of(test) for test in tests if test.measure == measure)
    samples = {name: sample for samples in of_measure for name, sample in samples.items()}
    values: dict[str, dict[int, float]] = {name: {} for name in samples}
    for name, (variant, evaluation) in samples.items():
        for cell in cells:
            measured = value(records[cell.run_id], measure, evaluation)
            if cell.variant == variant and measured is not None:
                values[name][cell.seed] = measured
    return values


def _line(declared: dict) -> Line:
    """Raises ValueError or TypeError if a line names what there isn't, or decides nothing without fixed seeds."""
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in declared.items()}
    line = Line(**values, declared=studies.read(declared["study"]))
    for name in line.variants:
        line.declared.variant(name)
    tested = {claim.id for claim in line.decides}
    if untested := sorted(set(line.claims) - tested):
        raise ValueError(f"{line.title}: {line.study} tests no {untested[0]!r} over these rows alone")
    if bool(line.seeds) == bool(line.claims):
        raise ValueError(f"{line.title}: a line decides claims by looks, or has seeds of its own")
    line.cells((0,))  # raises for a data set, a budget or a precision that there isn't
    return line
