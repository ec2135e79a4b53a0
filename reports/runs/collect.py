"""`uv run -m reports collect`: take finished runs, of this machine and of others, into the committed records.

The runs themselves stay where they are: by their records a repeated command knows that it is done.
"""

import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock

from architectures.spelling import number_of
from lightning_modules import files
from lightning_modules.record import Record
from reports.runs import contributions, records
from sweeps import programme
from sweeps import study as studies
from sweeps.contrasts import LOOKS


@dataclass
class Additions:
    """What records add to the committed ones, by study, and a line for each that can't be taken.

    undeclared: the number of runs that no study declares. remarks: on records that are taken all the same.
    """

    new: dict[str, list[Record]] = field(default_factory=dict)
    repeats: dict[str, list[Record]] = field(default_factory=dict)
    undeclared: int = 0
    refused: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """Return how many are new by study; runs that no study declares are counted under ""."""
        undeclared = {"": self.undeclared} if self.undeclared else {}
        return {name: len(new) for name, new in self.new.items()} | undeclared


class Committed:
    """The records in `folder`/<study>.jsonl, and the one way into them.

    A run goes to the study that it was made for, if that declares it, else to the first that does; a record that is
    there stays as it is and where it is, also when its study has changed since. The same run of another machine goes to
    `folder`/repeats/<study>.jsonl, one a machine. Raises ValueError if one can't be read: rewriting its file would lose
    it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.of_study = {path.stem: _whole(path) for path in sorted(folder.glob("*.jsonl"))}
        self.of_run = records.by_run(record for committed in self.of_study.values() for record in committed)
        repeats = sorted((folder / records.REPEATS).glob("*.jsonl"))
        self.repeats = records.by_run(record for path in repeats for record in _whole(path))
        self.order = functools.cache(_order)  # of a study by its name: seconds for all, and few are asked for
        self.repeats_added = 0

    def study_of(self, run_id: str, made_for: str | None) -> str | None:
        """Return the study that the run was made for, if it declares it, else the first that does."""
        names = studies.names()
        first = [made_for] if made_for in names else []
        return next((name for name in (*first, *names) if run_id in self.order(name)), None)

    def additions(self, finished: Iterable[Record]) -> Additions:
        """Return what these records would add.

        Records of one machine that contradict each other about a run are left out, all of them, unless one is
        committed, which stays.
        """
        made = Additions()
        for run_id, same_run in records.by_run(finished).items():
            known = [*self.of_run.get(run_id, []), *self.repeats.get(run_id, [])]
            everywhere = [*known, *same_run]
            if records.contradict(everywhere):
                made.refused.append(contradiction(run_id, known, same_run))
                continue
            if records.agree(everywhere) and (remark := records.of_several_commits(everywhere)):
                made.remarks.append(f"run {run_id}: {remark}; the first is kept")
            counting = records.first(same_run)
            study = self.study_of(run_id, counting.study)
            if study is None:
                made.undeclared += not known
                continue
            if not known:
                made.new.setdefault(study, []).append(counting)
                known = [counting]
            for record in same_run:
                if any(other.origin == record.origin or other.digest == record.digest for other in known):
                    continue
                if copied := next((other for other in known if _timed_alike(record, other)), None):
                    made.refused.append(
                        f"{record.where}: run {run_id} has the very times of that in {copied.where}: a copy of it"
                    )
                    continue
                made.repeats.setdefault(study, []).append(record)
                known.append(record)
        return made

    def add(self, finished: Iterable[Record]) -> tuple[Additions, list[str]]:
        """Take in what is new; return what that was, and a line for each run that can't be taken as it is."""
        made = self.additions(finished)
        for name, new in made.new.items():
            self.of_study[name] = self._write(self.folder, name, new)
            self.of_run |= records.by_run(self.of_study[name])
        for name, new in made.repeats.items():
            self.repeats_added += len(new)
            self.repeats |= records.by_run(
                self._write(self.folder / records.REPEATS, name, new, repeats=True)
            )
        return made, made.refused + made.remarks

    def _write(self, folder: Path, name: str, new: list[Record], repeats: bool = False) -> list[Record]:
        """Return all records of the study's file in `folder`, with what is new; repeats: one a run and machine."""
        path, order = folder / f"{name}.jsonl", self.order(name)
        folder.mkdir(parents=True, exist_ok=True)

        def identity(record: Record) -> tuple:
            return record.run_id, record.origin if repeats else None

        with FileLock(folder / f".{name}.lock"):  # two at once would each write what the other hasn't
            committed = _whole(path) if path.exists() else []  # again: another one may have been here since
            known = {identity(record) for record in committed}
            # records of an older configuration are no longer declared and go to the end
            ordered = sorted(
                [*committed, *(record for record in new if identity(record) not in known)],
                key=lambda record: (order.get(record.run_id, len(order)), record.run_id),
            )
            lines = [json.dumps(record.as_dict(), ensure_ascii=False) + "\n" for record in ordered]
            files.write(path, "".join(lines).encode())
            return _whole(path)


def _timed_alike(record: Record, other: Record) -> bool:
    """Whether two records of one run have the speeds of one training, which no other repeats to the last digit."""
    speeds = record.curve["images_per_second"]
    return len({*speeds}) > 1 and speeds == other.curve["images_per_second"]


def _whole(path: Path) -> list[Record]:
    whole, complaints = records.read_file(path)
    if complaints:
        raise ValueError(f"{complaints[0]}; mend or delete it, then try again")
    return whole


def collect(sources: Iterable[Path], committed: Path) -> tuple[list[str], list[str]]:
    """Merge records into `committed`: those in folders like `runs/`, or files of records that others packed.

    Returns what was done, a line for each study, and warnings: what was left out, and why. Raises ValueError, before
    writing anything, if a source is missing or a file's header is false, or a committed record can't be read.
    """
    target = Committed(committed)
    finished: list[Record] = []
    warnings: list[str] = []
    for source in sources:
        if source.is_file():
            contribution = contributions.read(source, target.study_of)
            readable, complaints = contribution.records, contribution.refused
        elif source.is_dir():
            readable, complaints = records.read_all(source, whole_paths=True)
        else:
            raise ValueError(
                f"{source} is neither a folder that holds <run>/record.json, as runs/ does, nor a file of `contribute`"
            )
        if not readable and not complaints:
            warnings.append(f"{source}: holds no record (expected <run>/record.json or *.jsonl)")
        finished += readable
        warnings += complaints
    added, complaints = target.add(finished)
    return summary(target, added.counts), warnings + complaints


def summary(target: Committed, counts: Mapping[str, int]) -> list[str]:
    """Return a line for each study, one for repeats on other machines, and one for runs that no study declares."""
    lines = [
        f"{name}: {counts.get(name, 0)} new, {len(target.of_study.get(name, []))} in all"
        for name in studies.names()
        if counts.get(name)
    ]
    new = sum(count for name, count in counts.items() if name)
    total = sum(map(len, target.of_study.values()))
    lines.append(f"{number_of(new, 'new record')}, {total} in all")
    if target.repeats_added:
        repeated = number_of(target.repeats_added, "repeat")
        lines.append(f"{repeated} of runs on other machines: in {target.folder.name}/{records.REPEATS}/")
    if "" in counts:
        lines.append(f"{number_of(counts[''], 'finished run')} of no study: left where they are")
    return lines


def contradiction(run_id: str, known: list[Record], others: Iterable[Record]) -> str:
    """Return one line that names records of one run with different results."""
    results = ", ".join(f"{record.error:.2f} % in {record.where}" for record in [*known, *others])
    outcome = f"the one in {known[0].where} stays" if known else "none is taken"
    return f"run {run_id}: records contradict each other ({results}); {outcome}: delete the wrong one"


def _order(name: str) -> dict[str, int]:
    """A study's run ids with their places in its file: by budget, data set, variant and seed, as declared.

    Seeds beyond the declared ones count as far as a programme may go, and so do the runs of its lines that check the
    study's precision.
    """
    study = studies.read(name)
    study = study.also_on(study.stand_ins)
    seeds = tuple(sorted({*study.seeds, *range(max(LOOKS))}))
    order = {variant.name: position for position, variant in enumerate(study.variants)}
    ids = [
        cell.run_id
        for budget in studies.BUDGETS
        for cell in sorted(
            studies.cells(study, budget, seeds=seeds),
            key=lambda cell: (study.datasets.index(cell.dataset), order[cell.variant], cell.seed),
        )
    ]
    ids += [cell.run_id for line in programme.read() if line.study == name for cell in line.cells(seeds)]
    return {run_id: position for position, run_id in reversed(list(enumerate(ids)))}
