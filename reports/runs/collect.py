"""`uv run -m reports collect`: take finished runs, of this machine and of others, into the committed records.

The runs themselves stay where they are: by their records a repeated command knows that it is done.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock

from architectures.spelling import number_of
from lightning_modules import files
from lightning_modules.record import Record
from reports.runs import records
from sweeps import programme
from sweeps import study as studies
from sweeps.contrasts import LOOKS


class Committed:
    """The records in `folder`/<study>.jsonl, and the one way into them.

    A run goes to the study that it was made for, if that declares it, else to the first that does; a record that is there stays as it is and where it is, also
    when its study has changed since. Raises ValueError if one can't be read: rewriting its file would lose it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.of_study = {path.stem: _whole(path) for path in sorted(folder.glob("*.jsonl"))}
        self.of_run = records.by_run(record for committed in self.of_study.values() for record in committed)
        self.order = {name: _order(name) for name in studies.names()}

    def study_of(self, run_id: str, made_for: str | None) -> str | None:
        """Return the study that the run was made for, if it declares it, else the first that does."""
        names = [name for name, order in self.order.items() if run_id in order]
        return made_for if made_for in names else next(iter(names), None)

    def add(self, finished: Iterable[Record]) -> tuple[dict[str, int], list[str]]:
        """Take in what is new; return how many by study, and a line for each run that can't be taken as it is.

        Runs that no study declares are counted under "". Records of one run that contradict each other are
        left out, all of them, unless one is committed, which stays.
        """
        new: dict[str, list[Record]] = {}
        complaints = []
        for run_id, same_run in records.by_run(finished).items():
            known = self.of_run.get(run_id, [])
            if not records.agree([*known, *same_run]):
                complaints.append(contradiction(run_id, known, same_run))
                continue
            if remark := records.of_several_commits([*known, *same_run]):
                complaints.append(f"run {run_id}: {remark}; the first is kept")
            if not known:
                record = same_run[0]
                new.setdefault(self.study_of(run_id, record.study) or "", []).append(record)
        counts = {name: len(taken) for name, taken in new.items()}
        new.pop("", None)
        for name, taken in new.items():
            self._write(name, taken)
        return counts, complaints

    def _write(self, name: str, new: list[Record]) -> None:
        path, order = self.folder / f"{name}.jsonl", self.order[name]
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / f".{name}.lock"):  # two at once would each write what the other hasn't
            committed = _whole(path) if path.exists() else []  # again: another one may have been here since
            ids = {record.run_id for record in committed}
            # records of an older configuration are no longer declared and go to the end
            ordered = sorted(
                [*committed, *(record for record in new if record.run_id not in ids)],
                key=lambda record: (order.get(record.run_id, len(order)), record.run_id),
            )
            lines = [json.dumps(record.as_dict(), ensure_ascii=False) + "\n" for record in ordered]
            files.write(path, "".join(lines).encode())
            self.of_study[name] = _whole(path)
        self.of_run |= records.by_run(self.of_study[name])


def _whole(path: Path) -> list[Record]:
    whole, complaints = records.read_file(path)
    if complaints:
        raise ValueError(f"{complaints[0]}; mend or delete it, then try again")
    return whole


def collect(folders: Iterable[Path], committed: Path) -> tuple[list[str], list[str]]:
    """Merge the records in `folders` (`runs/`, or the like of another machine) into `committed`.

    Returns what was done, a line for each study, and warnings: what was left out, and why. Raises ValueError, before
    writing anything, if a folder is missing or a committed record can't be read.
    """
    target = Committed(committed)
    finished, warnings = [], []
    for folder in folders:
        if not folder.is_dir():
            raise ValueError(f"{folder} is no folder; give one that holds <run>/record.json, as runs/ does")
        readable, complaints = records.read_all(folder, whole_paths=True)
        if not readable and not complaints:
            warnings.append(f"{folder}: holds no record (expected <run>/record.json or *.jsonl)")
        finished += readable
        warnings += complaints
    counts, complaints = target.add(finished)
    return summary(target, counts), warnings + complaints


def summary(target: Committed, counts: dict[str, int]) -> list[str]:
    """Return a line for each study, and one for the runs that no study declares."""
    lines = [
        f"{name}: {counts.get(name, 0)} new, {len(target.of_study.get(name, []))} in all"
        for name in target.order
        if counts.get(name)
    ]
    new = sum(count for name, count in counts.items() if name)
    total = sum(map(len, target.of_study.values()))
    lines.append(f"{number_of(new, 'new record')}, {total} in all")
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
