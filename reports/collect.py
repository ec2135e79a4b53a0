"""`python -m reports collect`: take the finished runs of this machine into the committed records.

The runs themselves stay where they are: by their records a repeated command knows that it is done.
"""

import json
from pathlib import Path

from reports import files, records
from reports.records import Record
from sweeps import study as studies


def collect(runs: Path, committed: Path) -> list[str]:
    """Merge the records of `runs` into `committed`/<study>.jsonl; return what was done, a line each.

    A run goes to the first study that declares it; a record already committed stays where it is, also when
    its study has changed since. Raises ValueError, before writing anything, if a committed record can't be
    read or contradicts a run: rewriting the file would lose it.
    """
    kept: dict[str, list[Record]] = {}
    for path in sorted(committed.glob("*.jsonl")):
        kept[path.stem], warnings = records.read_file(path)
        if warnings:
            raise ValueError(f"{warnings[0]}; mend or delete it, then collect again")
    known = {record.run_id: record for own in kept.values() for record in own}
    finished, said = records.read([runs])
    for record in finished:
        twin = known.get(record.run_id)
        if twin and (twin.errors, twin.images) != (record.errors, record.images):
            raise ValueError(
                f"run {record.run_id}: {record.error:.2f} % in {record.where} contradicts "
                f"{twin.error:.2f} % in {twin.where}; delete the wrong one, then collect again"
            )
    waiting = {record.run_id: record for record in finished if record.run_id not in known}
    for name in studies.names():
        study = studies.read(name)
        order = [
            cell.run_id
            for budget in studies.BUDGETS
            for cell in sorted(
                studies.cells(study, budget),
                key=lambda cell: (
                    study.datasets.index(cell.dataset),
                    study.variants.index(study.variant(cell.variant)),
                    cell.seed,
                ),
            )
        ]
        rank = {run_id: place for place, run_id in reversed(list(enumerate(order)))}
        new = [waiting.pop(run_id) for run_id in rank if run_id in waiting]
        if new:
            # records of an older configuration are no longer declared and go to the end
            ordered = sorted(
                [*kept.get(name, []), *new], key=lambda r: (rank.get(r.run_id, len(order)), r.run_id)
            )
            lines = [json.dumps(dict(record.facts), ensure_ascii=False) + "\n" for record in ordered]
            files.write(committed / f"{name}.jsonl", "".join(lines).encode())
        said.append(f"{name}: {len(new)} new, {len(kept.get(name, [])) + len(new)} in all")
    if waiting:
        said.append(f"{len(waiting)} finished runs belong to no study and stay in {runs.name}/ only")
    return said
